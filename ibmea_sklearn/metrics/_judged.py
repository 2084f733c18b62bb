"""Which pairs of an alignment are right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def judged(alignment: pd.DataFrame, pairs: Any) -> pd.DataFrame:
    """Judge the pairs of an alignment for whose left entity the true pair is known.

    Parameters
    ----------
    alignment : DataFrame with columns source and target
        One pair for each source at most.
    pairs : array-like of shape (n_pairs, 2)
        True pairs, by id.

    Returns
    -------
    DataFrame
        The rows of the alignment whose source is in `pairs`, with two columns more: ``pair``, the
        row of the true pair in `pairs`, and ``is_right``.

    Examples
    --------
    >>> import pandas as pd
    >>> from ibmea_sklearn.metrics import judged
    >>> found = pd.DataFrame({"source": ["a", "other", "c"], "target": ["x", "y", "w"]})
    >>> judged(found, [("a", "x"), ("b", "y"), ("c", "z")])
      source target  pair  is_right
    0      a      x     0      True
    2      c      w     2     False
    """
    left, right = np.asarray(pairs, object).reshape(-1, 2).T
    place = {entity: row for row, entity in enumerate(left.tolist())}
    found = alignment[alignment["source"].isin(list(place))]
    rows = np.array([place[entity] for entity in found["source"]], np.int64)
    return found.assign(pair=rows, is_right=found["target"].to_numpy() == right[rows])
