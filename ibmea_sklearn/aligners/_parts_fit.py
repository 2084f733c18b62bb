"""One partition: an aligner fitted to it, and the candidates of its own entities."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import clone

from .._utils.names import FUSED
from .._utils.validation import AlignmentWarning, warn_user
from ..graph import Sides
from ..matching._candidates import places_among
from ._matches import candidates_among, compared, look
from ._partition import Part
from .base import BaseAligner

__all__ = ["Found", "fitted", "joined", "say_warnings"]

# What a partition says of its own confidences, which nobody asks for.
_OF_CONFIDENCES = "Confidences are not calibrated"


class Found(NamedTuple):
    """Candidates of a part, in the numbers of the whole graphs, and what its fit has warned of.

    ``left``, ``right`` and ``similarities``: (n_candidates,). ``n_entities`` are those of both
    sides of the part, with what stands around it.
    """

    left: np.ndarray
    right: np.ndarray
    similarities: np.ndarray
    warned: list[str]
    n_entities: int


def fitted(aligner: BaseAligner, seed: int, part: Part) -> Found:
    """Fit an aligner to a part, and return the candidates of its own entities.

    Parameters
    ----------
    aligner : BaseAligner
        It is cloned.
    seed : int
        From it and the number of the part its random numbers are made, whoever draws them.
    part : Part

    Raises
    ------
    ValueError
        If the part has too little to find pairs by.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            made = _with_seed(clone(aligner), (seed + part.number) % 2**31).fit(part.X)
        except ValueError as error:
            raise ValueError(
                f"Of partition {part.number + 1}, with {part.X.kg1.n_entities:,} and "
                f"{part.X.kg2.n_entities:,} entities: {error} Or lower n_partitions."
            ) from error
    for other in caught:
        if not issubclass(other.category, AlignmentWarning):
            warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)
    said = [str(w.message) for w in caught if issubclass(w.category, AlignmentWarning)]
    warned = [text for text in said if not text.startswith(_OF_CONFIDENCES)]
    return Found(*_candidates(made, part), warned, sum(map(len, part.rows)))


def _with_seed(aligner: BaseAligner, seed: int) -> BaseAligner:
    has = "random_state" in aligner._get_param_names()
    return aligner.set_params(random_state=seed) if has else aligner


def _candidates(aligner: BaseAligner, part: Part) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the candidates of a part's own entities: of known pairs, too, for they may be wrong.

    Seeds are among them: an aligner tells their further candidates.
    """
    every = Sides(aligner._every(0), aligner._every(1))
    listed = aligner._listed()
    vectors, _ = compared({FUSED: aligner.embeddings_[FUSED]}, every, listed)
    out = places_among(part.X.different, *every)
    seen = look(aligner._matching(), vectors, out, candidates_among(listed, *every))
    left, right = every.left[seen.rows], every.right[seen.columns]
    # Of whom stands around, the part knows too little to compare them with each other.
    own = part.is_core.left[left] | part.is_core.right[right]
    similarities = seen.similarities[own].astype(np.float32)
    return part.rows.left[left[own]], part.rows.right[right[own]], similarities


def joined(found: list[Found], shape: tuple[int, int]) -> sparse.csr_array:
    """Join the candidates of all parts; where two have compared a pair, the larger number counts.

    Who sees less of what stands around two entities finds them less alike.

    Parameters
    ----------
    found : list of Found
    shape : tuple of int
        Entities of both graphs.

    Returns
    -------
    float32 csr_array of shape (n, m)
    """
    nothing = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    columns = zip(nothing, *(f[:3] for f in found), strict=True)
    left, right, similarities = map(np.concatenate, columns)
    keys = left * shape[1] + right
    order = np.lexsort((-similarities, keys))
    best = order[np.flatnonzero(np.diff(keys[order], prepend=-1))]
    return sparse.coo_array((similarities[best], (left[best], right[best])), shape).tocsr()


def say_warnings(found: list[Found]) -> None:
    """Warn once of what fits of partitions have warned of."""
    warned = [f.warned for f in found if f.warned]
    if warned:
        warn_user(
            f"In {len(warned)} of {len(found)} partitions the fit has warned, such as: "
            f"{warned[0][0]}",
            AlignmentWarning,
        )
