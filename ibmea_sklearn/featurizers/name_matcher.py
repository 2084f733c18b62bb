"""Which attributes of two graphs mean the same, one to one: by values of seeds and by names."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import linear_sum_assignment
from scipy.sparse.csgraph import connected_components
from sklearn.base import BaseEstimator

from .._utils.validation import checked_integer
from ..graph import SeedPairs
from ._attribute_names import NameSimilarity, attributes_with_values
from ._numbers import check_not_negative, check_number
from ._value_matching import find_matches
from ._values import typed_values
from .base import checked_view, graphs_of

_COLUMNS = ["row", "column", "score", "gain", "n_seeds", "similarity", "factor"]


class Candidates(NamedTuple):
    """Pairs of attributes that may mean the same.

    Parameters
    ----------
    names1, names2 : ndarray of names
        Of the attributes of both graphs that have values, the most frequent first.
    pairs : DataFrame
        Columns ``row`` and ``column`` (places in the names), ``score`` (over 0), ``gain``,
        ``n_seeds``, ``similarity`` and ``factor``.
    similarity : NameSimilarity
        Of all names, those of other pairs as well.
    """

    names1: np.ndarray
    names2: np.ndarray
    pairs: pd.DataFrame
    similarity: NameSimilarity


class NameMatcher(BaseEstimator):
    r"""Match attributes of two graphs one to one: values that agree on the seeds, and alike names.

    Parameters
    ----------
    min_support : int, default=5
        How many seeds must have both attributes for their values to count.
    min_gain : float, default=0.5
        How much more often than by chance values must agree on the seeds. Attributes that enough
        seeds have and whose values don't agree are no match, however alike their names.
    min_similarity : float, default=0.5
        From 0 to 1: how alike names must be to match where too few seeds have both attributes.
    similarity_weight : float, default=5.0
        How much the likeness of names counts, in units of the log-likelihood: equal names count as
        much as values that agree on a seed or two.

    See Also
    --------
    LanguageModelMatcher : Asks a language model.
    AttributeAbstract : Writes what entities are like in names that are so aligned.

    Notes
    -----
    The score of two attributes is

    .. math:: n \max_s r_s \log(r_s / c_s) + w \cos(a, b)

    where n is the number of seeds that have both, r the share of these whose values are within some
    scale s of each other, c the share that is by chance (see :class:`AttributeValues`, which finds
    matches the same way but not one to one), w is `similarity_weight`, and the cosine is that of
    the TF-IDF vectors of the 2- to 4-letter sequences of both names. Of an IRI the last part is
    looked at. The matches have the largest total score of all that are one to one (a linear sum
    assignment). The first term is a log-likelihood over all seeds, not their mean: of two
    attributes that fit a third equally well, that with more evidence gets it.

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph, SeedPairs
    >>> from ibmea_sklearn.featurizers import NameMatcher
    >>> one = {f"a{i}": {"height": 1.5 + i / 100, "shoeSize": 40} for i in range(30)}
    >>> two = {f"b{i}": {"groesse": f"{150 + i} cm", "shoe_size": 7} for i in range(30)}
    >>> kg1, kg2 = (KnowledgeGraph(attribute_triples=said) for said in (one, two))
    >>> pairs = SeedPairs(kg1, kg2, [(f"a{i}", f"b{i}") for i in range(20)])
    >>> NameMatcher().match(pairs)[["attribute_1", "attribute_2", "n_seeds", "factor"]]
      attribute_1 attribute_2  n_seeds  factor
    0      height     groesse       20   100.0
    >>> NameMatcher().match(pairs[:3])[["attribute_1", "attribute_2", "n_seeds", "factor"]]
      attribute_1 attribute_2  n_seeds  factor
    0    shoeSize   shoe_size        0     1.0
    """

    def __init__(
        self,
        min_support: int = 5,
        *,
        min_gain: float = 0.5,
        min_similarity: float = 0.5,
        similarity_weight: float = 5.0,
    ) -> None:
        self.min_support = min_support
        self.min_gain = min_gain
        self.min_similarity = min_similarity
        self.similarity_weight = similarity_weight

    def match(self, X: SeedPairs) -> pd.DataFrame:
        """Match the attributes of the graphs of a view that have values.

        Parameters
        ----------
        X : SeedPairs
            The seeds. Without any, names alone decide.

        Returns
        -------
        DataFrame
            A row for each match, by falling score: ``attribute_1`` and ``attribute_2``, their names
            in the two graphs; ``score``; ``gain``, evidence by seed, and ``n_seeds``, how many
            seeds have both (0 where there are too few); ``similarity`` of the names;
            ``factor``, what numbers of the first are times to be in the unit of the second.

        Raises
        ------
        TypeError
            If `X` is not a view.
        ValueError
            If a parameter is out of range.
        """
        return one_to_one(self.candidates(X))

    def candidates(self, X: SeedPairs) -> Candidates:
        """Return all pairs of attributes that may match, with their scores.

        Parameters
        ----------
        X : SeedPairs

        Returns
        -------
        Candidates
            Pairs of names as a table with scores, and the names of either side.
        """
        X = checked_view(X, f"{type(self).__name__}.match")
        self._check_parameters()
        values = (typed_values(X.kg1), typed_values(X.kg2))
        names1, names2 = (
            attributes_with_values(kg, v).index.to_numpy(object)
            for kg, v in zip(graphs_of(X), values, strict=True)
        )
        similarity = NameSimilarity(names1, names2)
        pairs = self._by_values(X, values, names1, names2)
        alike = pd.DataFrame(
            dict(zip(_COLUMNS[:2], similarity.at_least(self.min_similarity), strict=True))
        )
        pairs = pairs.merge(alike, on=["row", "column"], how="outer")
        pairs["similarity"] = similarity.between(pairs["row"], pairs["column"])
        return Candidates(names1, names2, self._scored(pairs), similarity)

    def _by_values(
        self, X: SeedPairs, values: Any, names1: np.ndarray, names2: np.ndarray
    ) -> pd.DataFrame:
        """Return the pairs that enough seeds have, also where their values don't agree."""
        matches = find_matches(X, values, self.min_support, -math.inf)
        lefts, rights = ([m.attributes[side] for m in matches] for side in (0, 1))
        table = pd.DataFrame(
            {
                "row": pd.Index(names1, dtype=object).get_indexer(pd.Index(lefts, dtype=object)),
                "column": pd.Index(names2, dtype=object).get_indexer(
                    pd.Index(rights, dtype=object)
                ),
                "gain": np.array([m.gain for m in matches], float),
                "n_seeds": np.array([m.n_seeds for m in matches], float),
                "factor": np.array([m.factor for m in matches], float),
            }
        )
        # Numbers and strings of two attributes are compared apart: the better one counts.
        return table.drop_duplicates(["row", "column"])

    def _scored(self, pairs: pd.DataFrame) -> pd.DataFrame:
        # Values of few seeds tell nothing; where many seeds have both and disagree, names don't.
        kept = pairs["gain"].isna() | (pairs["gain"] > self.min_gain)
        pairs = pairs[kept].fillna({"gain": 0.0, "n_seeds": 0, "factor": 1.0})
        by_values = pairs["n_seeds"] * pairs["gain"]
        pairs["score"] = by_values + self.similarity_weight * pairs["similarity"]
        return pairs.loc[pairs["score"] > 0, _COLUMNS].astype({"n_seeds": np.int64})

    def _check_parameters(self) -> None:
        checked_integer(self.min_support, "min_support")
        check_not_negative(self.min_gain, "min_gain")
        check_not_negative(self.similarity_weight, "similarity_weight")
        between = "a number from 0 to 1"
        check_number(self.min_similarity, "min_similarity", between, lambda x: 0 <= x <= 1)


def one_to_one(candidates: Candidates) -> pd.DataFrame:
    """Choose pairs as :func:`assigned` does, and name them."""
    chosen = assigned(candidates)
    chosen = chosen.reset_index(drop=True)
    for place, column in ((0, "row"), (1, "column")):
        names = (candidates.names1, candidates.names2)[place][chosen[column]]
        # As objects: names may be integers, or strings that pandas' own type of strings refuses.
        chosen.insert(place, f"attribute_{place + 1}", pd.Series(names, dtype=object))
    return chosen.drop(columns=["row", "column"])


def assigned(candidates: Candidates) -> pd.DataFrame:
    """Choose the pairs that are one to one and have the largest total score, by falling score."""
    pairs, n_rows = candidates.pairs, len(candidates.names1)
    parts = [pairs.iloc[:0]]
    # Each connected part apart: a smaller matrix.
    for _, part in pairs.groupby(_parts(pairs, n_rows)):
        scores = part.pivot(index="row", columns="column", values="score").fillna(0.0)
        rows, columns = linear_sum_assignment(scores, maximize=True)
        best = pd.DataFrame({"row": scores.index[rows], "column": scores.columns[columns]})
        parts.append(part.merge(best, on=["row", "column"]))
    return pd.concat(parts).sort_values(["score", "row"], ascending=[False, True])


def _parts(pairs: pd.DataFrame, n_rows: int) -> np.ndarray:
    """Return the number of the connected part that each pair belongs to."""
    rows, columns = pairs["row"].to_numpy(), pairs["column"].to_numpy() + n_rows
    size = columns.max(initial=n_rows) + 1
    graph = sparse.coo_array((np.ones(len(pairs)), (rows, columns)), (size, size))
    _, labels = connected_components(graph, directed=False)
    return labels[rows]
