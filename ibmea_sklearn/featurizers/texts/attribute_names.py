"""Names of attributes: how alike they are, and which of two graphs mean the same, one to one."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import linear_sum_assignment
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import TfidfVectorizer

from ..._utils.estimator import Estimator
from ..._utils.validation import Integer, Number, Range
from ...graph import KnowledgeGraph, SeedPairs
from ..base import checked_view, graphs_of
from ..values.matching import find_matches
from ..values.reading import TypedValues, parse_value, typed_values
from .reading import printable, words_of

# Rows of similarities that are computed at a time.
_BLOCK = 1024
# Values of an attribute that a language model gets to see, and how long each may be.
N_VALUES = 3
_LONGEST_VALUE = 60
_COLUMNS = ["row", "column", "score", "gain", "n_seeds", "similarity", "factor"]


def attributes_with_values(kg: KnowledgeGraph, values: TypedValues) -> pd.Series:
    """Count the values of each attribute that has any, by its name, the most frequent first."""
    attributes = np.concatenate([table["attribute"].to_numpy(np.int64) for table in values])
    counts = np.bincount(attributes, minlength=kg.n_attributes)
    found = np.flatnonzero(counts)
    series = pd.Series(counts[found], pd.Index(kg.attribute_names[found], dtype=object))
    # By name where equally frequent: the order of the triples must not matter.
    order = sorted(range(len(series)), key=lambda i: (-series.iloc[i], str(series.index[i])))
    return series.iloc[order]


class NameSimilarity:
    """Cosine of the letters of names, weighted by how rare they are (TF-IDF of 2- to 4-grams).

    Parameters
    ----------
    names1, names2 : sequence of names
        Integers name nothing: they are like no other name.
    """

    _rows: tuple[sparse.csr_array, sparse.csr_array] | None

    def __init__(self, names1: Sequence[Any], names2: Sequence[Any]) -> None:
        texts1, texts2 = ([_letters(name) for name in names] for names in (names1, names2))
        self.shape = (len(texts1), len(texts2))
        if not any(texts1) or not any(texts2):
            self._rows = None
            return
        vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
        vectorizer.fit(texts1 + texts2)
        self._rows = (vectorizer.transform(texts1), vectorizer.transform(texts2))

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Return the similarities of some of the first names to all second names, in [0, 1]."""
        if self._rows is None:
            return np.zeros((len(rows), self.shape[1]))
        left, right = self._rows
        # Rounded, so that names are as similar whatever the order of the others.
        return np.asarray((left[rows] @ right.T).toarray()).round(9)

    def between(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return the similarities of pairs of names, in [0, 1]."""
        if self._rows is None:
            return np.zeros(len(rows))
        left, right = self._rows
        return np.asarray(left[rows].multiply(right[columns]).sum(axis=1)).ravel().round(9)

    def at_least(self, minimum: float) -> tuple[np.ndarray, np.ndarray]:
        """Return row and column of the pairs of names that are at least so similar, and not 0."""
        parts = [(np.empty(0, np.int64), np.empty(0, np.int64))]
        for start in range(0, self.shape[0], _BLOCK):
            block = self.of(np.arange(start, min(start + _BLOCK, self.shape[0])))
            rows, columns = np.nonzero((block >= minimum) & (block > 0))
            parts.append((rows + start, columns))
        rows, columns = map(np.concatenate, zip(*parts, strict=True))
        return rows, columns


def _letters(name: Any) -> str:
    return words_of(name) if isinstance(name, str) else ""


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


class NameMatcher(Estimator):
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

    ranges: ClassVar[Mapping[str, Range]] = {
        "min_support": Integer(),
        "min_gain": Number(),
        "min_similarity": Number(0, 1),
        "similarity_weight": Number(),
    }

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
        self.check_parameters()
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


class Labels:
    """Attributes of a graph as a language model gets to see them: short names, and values.

    Parameters
    ----------
    kg : KnowledgeGraph
    names : ndarray of names of attributes
        That have values; known by their places from here on.
    """

    def __init__(self, kg: KnowledgeGraph, names: np.ndarray) -> None:
        full = [printable(str(name)) for name in names]
        short = pd.Series([name.rstrip("/").rsplit("/", 1)[-1] for name in full], dtype=object)
        taken = short.duplicated(keep=False) | short.isin(set(full)) | (short == "")
        self.texts = [f if t else s for f, s, t in zip(full, short, taken, strict=True)]
        self.places = {text: place for place, text in enumerate(self.texts)}
        attributes = pd.Index(names, dtype=object).get_indexer(
            pd.Index(kg.attribute_names, dtype=object)
        )
        said = np.array([parse_value(v) is not None for v in kg.attribute_values.tolist()], bool)
        table = pd.DataFrame(
            {
                "entity": kg.attribute_triples[said, 0],
                "place": attributes[kg.attribute_triples[said, 1]],
                "value": [_shown(value) for value in kg.attribute_values[said].tolist()],
            }
        ).sort_values("value", kind="stable")
        self.values = dict(list(table.groupby("place")))

    def some_values(self, place: int) -> list[str]:
        """Return a few values of an attribute, the same ones whatever the order of triples."""
        values = self.values[place]["value"].unique()
        spread = np.linspace(0, len(values) - 1, min(len(values), N_VALUES)).astype(int)
        return [str(value) for value in values[spread]]

    def line(self, place: int, values: Sequence[str] | None = None) -> str:
        """Return an attribute and its values as JSON."""
        shown = self.some_values(place) if values is None else values
        return f"{_json(self.texts[place])} {_json(list(shown))}"


def _shown(value: Any) -> str:
    text = " ".join(printable(str(value)).split())
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
