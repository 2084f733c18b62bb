"""Attribute values: which numbers, dates and strings the entities of two graphs share."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.preprocessing import normalize
from sklearn.utils.validation import validate_data

from ..._utils.validation import AnyOf, Integer, Number, RandomState, Range
from ...graph import KnowledgeGraph, ModalityFeatures, SeedPairs
from .._matrices import drawn_seed, projected
from ..base import EitherForm, Matrix, graphs_of
from .coincidences import find_coincidences
from .matching import (
    Match,
    NumberMatch,
    StringMatch,
    Tokens,
    chance_within,
    find_matches,
    position,
    rounded,
    tokens_of,
)
from .reading import TypedValues, is_missing, typed, typed_values


def values_of_cells(cells: np.ndarray) -> TypedValues:
    """Read the cells of a table of shape (n_rows, n_columns): rows are entities."""
    n_rows, n_columns = cells.shape
    places = np.column_stack(
        [np.repeat(np.arange(n_rows), n_columns), np.tile(range(n_columns), n_rows)]
    )
    values = [value for row in cells.tolist() for value in row]
    kept = np.array([not is_missing(value) for value in values], bool)
    return typed(places[kept], [v for v, keep in zip(values, kept, strict=True) if keep])


def matches_of_columns(values: TypedValues) -> list[Match]:
    """Match each column with itself.

    As nothing tells how far apart the values of equal rows are, values that agree within a scale
    count as much as that is rare: minus the logarithm of the share of pairs that do.
    """
    numbers = [_number_match(*group) for group in values.numbers.groupby("attribute")["value"]]
    strings = [_string_match(*group) for group in values.strings.groupby("attribute")["value"]]
    return [*numbers, *strings]


def _number_match(column: Any, values: pd.Series) -> NumberMatch:
    pool = np.sort(rounded(values.to_numpy()))
    places = position(pool, pool)
    rarity = -np.log(chance_within(places, places))
    weights = rarity - np.append(rarity[1:], 0.0)
    return NumberMatch((column, column), rarity[0], len(values), weights, 1.0, pool)


def _string_match(column: Any, values: pd.Series) -> StringMatch:
    shares = values.value_counts(normalize=True)
    rarity = -np.log([(shares**2).sum()])
    vocabulary = np.sort(shares.index.to_numpy(object))
    return StringMatch((column, column), rarity[0], len(values), rarity, np.nan, vocabulary)


class AttributeValues(EitherForm):
    r"""Make the values of attributes comparable across two graphs: numbers, dates and strings.

    The seeds, or entities that share rare values, tell which attributes of the two graphs mean the
    same, in which units, and how close their values must be to say something. Names of attributes
    are not compared, so they may be in different languages. The inner product of the rows of two
    entities is about the share of what is said of them in which they agree.

    Parameters
    ----------
    n_components : int or None, default=1024
        Number of columns. None is one for each token that agreeing values share, in a sparse
        matrix: the same inner products, exactly.
    min_support : int, default=5
        How many seeds must have an attribute of each graph for these two to be compared.
    min_gain : float, default=1.0
        How much more often than by chance the values of seeds must agree, see Notes.
    few_seeds : int, default=50
        With fewer seeds, entities that share rare values of at least two attributes count as seeds,
        too; so none is needed. Numbers in different units, such as miles and metres,
        count as shared, too, if a usual factor brings more of them together than chance would.
    modality : str, default="value"
        Which features of the graphs to write.
    random_state : int, RandomState or None, default=0
        Seed of the random projection.
    verbose : int, default=1
        0 hides the warning that no attributes match.

    Attributes
    ----------
    matches_ : DataFrame
        Attributes that mean the same, a row each, by falling gain: ``attribute_1`` and
        ``attribute_2``, their names in the two graphs; ``factor``, the unit of the first in units
        of the second (NaN for strings); ``gain``; ``n_seeds``, how many seeds have both.
    n_features_out_ : int
        Number of columns.

    Warns
    -----
    UserWarning
        If both graphs have values and no attributes match. No entity has the modality then.

    See Also
    --------
    BagOfAttributes : Which attributes an entity has, values left aside.

    Notes
    -----
    Dates become decimal years (Freebase writes September 1912 as 1912.6667, DBpedia as 1912-09-11
    or 1912), numbers in strings become numbers, a unit behind is left out, and all other values are
    strings that are equal or not, letter case aside. Units within an attribute are not
    converted; nor are scales with another zero, such as degrees Celsius and Fahrenheit.

    Two numbers are as far apart as the share of all values of both attributes that lie between
    them, which needs no unit. With r and c the shares of seeds, and of all pairs of values, that
    are at most some scale apart, the gain of two attributes is the largest :math:`r \log(r / c)`
    over scales from 0.0005 to 0.3, once with the numbers as they are and once times the median
    ratio on the seeds. Where the values of different seeds are closer than any two values, their
    rate is c: what all seeds with both attributes have in common doesn't tell one from another.

    Each scale has cells on two shifted grids, which are the tokens; those that two values share
    weigh as much as the log-likelihood ratio of being so close. Rows are normalised, projected at
    random, and normalised again. The features of a graph are float32, of shape
    (n_entities, n_features_out_); the mask is True for entities that have a value of such an
    attribute.

    What is learnt of the seeds are statistics of whole attributes. The row of an entity
    depends on its own values alone and tells nothing of who its partner is, so
    ``fit_transform`` needs no cross-fitting. Other graphs are read by the names of attributes.

    Alone, it takes a table of any values, whose columns are attributes, each compared with itself:
    the inner product of two rows is about the share of their cells in which they agree. Without
    seeds, agreement within a scale counts as much as it is rare, and `min_support` and `min_gain`
    count for nothing. As numbers are compared by the share of values between them, near ones are
    told from far ones in tables of more than a few rows. Rows without values are zeros.

    On FB15K-DB15K with 20% of the links as seeds, the cosine of these features alone finds 30% of
    the other entities first.

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph, SeedPairs
    >>> from ibmea_sklearn.featurizers import AttributeValues
    >>> metres = {f"a{i}": {"height": 1.5 + i / 100} for i in range(50)}
    >>> centimetres = {f"b{i}": {"size": f"{150 + i} cm"} for i in range(50)}
    >>> kg1, kg2 = (KnowledgeGraph(attribute_triples=said) for said in (metres, centimetres))
    >>> pairs = SeedPairs(kg1, kg2, [(f"a{i}", f"b{i}") for i in range(0, 50, 2)])
    >>> featurizer = AttributeValues()
    >>> new = featurizer.fit_transform(pairs)
    >>> featurizer.matches_.round(2)
      attribute_1 attribute_2  factor  gain  n_seeds
    0      height        size   100.0  3.53       25
    >>> one, two = (kg.features["value"].values for kg in (new.kg1, new.kg2))
    >>> (one @ two.T).argmax(axis=1)[[7, 25, 49]]
    array([ 7, 25, 49])

    Alone on a table:

    >>> table = [["1912-09", "Berlin"], [1912.66666667, " berlin"], ["1999", "Rome"], [5, None]]
    >>> rows = AttributeValues(None).fit_transform(table)
    >>> (rows @ rows.T).toarray()[0].round(1)
    array([1. , 1. , 0.3, 0.4], dtype=float32)
    """

    is_local = True
    ranges: ClassVar[Mapping[str, Range]] = {
        "n_components": AnyOf(Integer(), None),
        "min_support": Integer(),
        "min_gain": Number(),
        "few_seeds": Integer(0),
        "random_state": RandomState(),
        "verbose": Integer(0),
    }
    matches_: pd.DataFrame
    _matches: list[Match]
    _vocabulary: np.ndarray
    _seed: int

    def __init__(
        self,
        n_components: int | None = 1024,
        *,
        min_support: int = 5,
        min_gain: float = 1.0,
        few_seeds: int = 50,
        modality: str = "value",
        random_state: int | np.random.RandomState | None = 0,
        verbose: int = 1,
    ) -> None:
        self.n_components = n_components
        self.min_support = min_support
        self.min_gain = min_gain
        self.few_seeds = few_seeds
        self.modality = modality
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.allow_nan = True
        return tags

    # Graphs

    def _fit(self, X: SeedPairs) -> None:
        values = (typed_values(X.kg1), typed_values(X.kg2))
        self._check_values(values)
        X = self._with_coincidences(X, values)
        self._matches = find_matches(X, values, self.min_support, self.min_gain)
        self.matches_ = _table(self._matches)
        names = [kg.attribute_names for kg in graphs_of(X)]
        self._learn_tokens(
            [tokens_of(self._matches, names[side], values[side], side) for side in (0, 1)]
        )
        if self.verbose and not self._matches and all(map(_is_any, values)):
            warnings.warn(self._say_no_match(X), UserWarning, stacklevel=3)

    def _with_coincidences(
        self, X: SeedPairs, values: tuple[TypedValues, TypedValues]
    ) -> SeedPairs:
        """Add pairs that share rare values to few seeds, which come first."""
        if len(X) >= self.few_seeds:
            return X
        found = find_coincidences(values, (X.kg1.n_entities, X.kg2.n_entities))
        known = [np.isin(f, seeds) for f, seeds in zip(found.T, X.indices.T, strict=True)]
        found = found[~np.logical_or(*known)]
        ids = [kg.entity_ids[side] for kg, side in zip(graphs_of(X), found.T, strict=True)]
        pairs = np.concatenate([X.pairs.astype(object), np.column_stack(ids).astype(object)])
        return SeedPairs(*graphs_of(X), pairs, duplicates="keep")

    def _learn_tokens(self, tokens: Sequence[Tokens]) -> None:
        self._seed = drawn_seed(self.random_state)
        self._vocabulary = np.unique(np.concatenate([one.tokens for one in tokens]))
        self.n_features_out_ = self.n_components or max(1, len(self._vocabulary))

    def _check_values(self, values: tuple[TypedValues, TypedValues]) -> None:
        if not any(map(_is_any, values)):
            raise ValueError(
                f"{type(self).__name__} found no {self.modality} in either graph, so there is "
                "nothing to compare. Pass graphs whose attribute triples have values, or leave "
                "this featurizer out."
            )

    def _say_no_match(self, X: SeedPairs) -> str:
        return (
            f"No attributes of the two graphs match: on none do {self.min_support} of the {len(X)} "
            f"pairs have values that agree with a gain over {self.min_gain}. No entity has the "
            f"modality {self.modality!r}. Pass more pairs, lower min_support or min_gain, or leave "
            "this featurizer out."
        )

    def _features_of_both(self, X: SeedPairs) -> tuple[ModalityFeatures, ModalityFeatures]:
        return self._features(X.kg1, 0), self._features(X.kg2, 1)

    def _features(self, kg: KnowledgeGraph, side: int = 0) -> ModalityFeatures:
        tokens = tokens_of(self._matches, kg.attribute_names, typed_values(kg), side)
        return ModalityFeatures(*self._vectors(tokens, kg.n_entities))

    # Rows

    def _read(self, X: Any, reset: bool) -> np.ndarray:
        if isinstance(X, pd.DataFrame):
            X = X.astype(object)  # dates stay dates
        # A table may hold what it likes, missing cells included.
        cells = validate_data(self, X, reset=reset, dtype=None, ensure_all_finite=False)
        return np.asarray(cells)

    def _fit_rows(self, rows: np.ndarray) -> None:
        values = values_of_cells(rows)
        self._matches = matches_of_columns(values)
        self.matches_ = _table(self._matches)
        names = getattr(self, "feature_names_in_", np.arange(rows.shape[1]))
        for column in ("attribute_1", "attribute_2"):
            self.matches_[column] = names[self.matches_[column].to_numpy(int)]
        self._learn_tokens([self._tokens_of_rows(rows)])

    def _encode_rows(self, rows: np.ndarray) -> Matrix:
        return self._vectors(self._tokens_of_rows(rows), len(rows))[0]

    def _tokens_of_rows(self, rows: np.ndarray) -> Tokens:
        return tokens_of(self._matches, np.arange(rows.shape[1]), values_of_cells(rows), 0)

    # Both

    def _vectors(self, tokens: Tokens, n_rows: int) -> tuple[Matrix, np.ndarray]:
        """Return rows of length 1 of the known tokens, and which rows have any."""
        columns = pd.Index(self._vocabulary).get_indexer(tokens.tokens)
        known = columns >= 0
        weights = sparse.coo_array(
            (tokens.weights[known].astype(np.float32), (tokens.rows[known], columns[known])),
            (n_rows, max(1, len(self._vocabulary))),
        )
        rows = normalize(weights.tocsr(), copy=False)
        mask = np.diff(rows.indptr) > 0
        if self.n_components is None:
            return rows, mask
        return projected(rows, self.n_features_out_, self._seed), mask


def _is_any(values: TypedValues) -> bool:
    return any(map(len, values))


def _table(matches: list[Match]) -> pd.DataFrame:
    rows = [(*m.attributes, m.factor, m.gain, m.n_seeds) for m in matches]
    table = pd.DataFrame(rows, columns=["attribute_1", "attribute_2", "factor", "gain", "n_seeds"])
    return table.astype({"factor": float, "gain": float, "n_seeds": int})
