"""For experiments on robustness: modalities and features partly gone, pairs that are not alike."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.base import OneToOneFeatureMixin
from sklearn.preprocessing import normalize
from sklearn.utils.validation import validate_data

from .._utils.validation import Choice, Number, RandomState, Range
from ..graph import KnowledgeGraph, ModalityFeatures, SeedPairs
from ._matrices import drawn_seed
from .base import (
    BaseFeaturizer,
    EitherForm,
    Matrix,
    checked_view,
    graphs_of,
    no_features,
    shared_width,
)


class FeatureDropoutNoise(EitherForm):
    """Set a random share of features to zero, to see how well an aligner bears it.

    Parameters
    ----------
    fraction : float, default=0.1
        Probability, from 0 to 1, that a value, or all of an entity, is dropped.
    unit : {"value", "entity"}, default="value"
        "value": each number by itself. "entity": whole rows; the entity then lacks the modality.
    modality : str, default="image"
        Which features of the graphs to spoil.
    random_state : int, RandomState or None, default=0
        Seed of what is dropped.

    Attributes
    ----------
    n_features_out_ : int
        Number of columns.

    See Also
    --------
    select_by_similarity : The other experiment: pairs whose features are little alike.

    Notes
    -----
    What is dropped of an entity depends on `random_state`, its id and its side alone: not on the
    order of entities, nor on what its partner loses. Values that stay are not scaled. With
    ``unit="value"`` the mask stays as it is. It is the data that is noisy, so train and test
    entities are treated alike.

    Alone, it takes a matrix, dense or sparse. What is dropped of a row then depends on its values,
    so equal rows lose the same.

    In a pipeline it comes after what makes the features:
    ``ModalityFeaturizer(image=make_pipeline(ImageEncoder(), FeatureDropoutNoise(0.3)))``.

    References
    ----------
    Su et al.: IBMEA: Exploring Variational Information Bottleneck for Multi-modal Entity
    Alignment, ACM Multimedia 2024: images with random dropout noise.

    Examples
    --------
    >>> import numpy as np
    >>> from ibmea_sklearn.featurizers import FeatureDropoutNoise
    >>> FeatureDropoutNoise(0.5, random_state=1).fit_transform(np.ones((1, 8)))
    array([[1., 1., 1., 0., 1., 0., 0., 1.]])
    """

    reads_features = True
    ranges: ClassVar[Mapping[str, Range]] = {
        "fraction": Number(0, 1),
        "unit": Choice("value", "entity"),
        "random_state": RandomState(),
    }
    _seed: int

    def __init__(
        self,
        fraction: float = 0.1,
        *,
        unit: str = "value",
        modality: str = "image",
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.fraction = fraction
        self.unit = unit
        self.modality = modality
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    # Graphs

    def _fit(self, X: SeedPairs) -> None:
        self._seed = drawn_seed(self.random_state)
        self.n_features_out_ = shared_width(X, self.modality)

    def _features_of_both(self, X: SeedPairs) -> tuple[ModalityFeatures, ModalityFeatures]:
        one, two = (self._features(kg, side) for side, kg in enumerate(graphs_of(X)))
        return one, two

    def _features(self, kg: KnowledgeGraph, side: int = 0) -> ModalityFeatures:
        given = kg.features.get(self.modality) or no_features(kg, self.n_features_out_)
        if given.values.shape[1] != self.n_features_out_:
            raise ValueError(
                f"Expected {self.modality} features of width {self.n_features_out_}, as in fit; "
                f"found {given.values.shape[1]}."
            )
        values, lost = self._spoilt(given.values, (f"{side} {e!r}" for e in kg.entity_ids.tolist()))
        return ModalityFeatures(values, given.mask & ~lost)

    # Rows

    def _read(self, X: Any, reset: bool) -> Matrix:
        dtypes = [np.float64, np.float32]
        rows = validate_data(self, X, reset=reset, accept_sparse="csr", dtype=dtypes)
        return sparse.csr_array(rows) if sparse.issparse(rows) else rows

    def _fit_rows(self, rows: Matrix) -> None:
        self._seed = drawn_seed(self.random_state)
        self.n_features_out_ = rows.shape[1]

    def _encode_rows(self, rows: Matrix) -> Matrix:
        return self._spoilt(rows, _contents(rows))[0]

    # Both

    def _spoilt(self, values: Matrix, keys: Iterable[str]) -> tuple[Matrix, np.ndarray]:
        """Return the values that are left, and which rows are lost, by a key for each row."""
        randoms = (self._random(key) for key in keys)
        if self.unit == "entity":
            lost = np.array([random.random() < self.fraction for random in randoms], bool)
            kept = np.repeat(~lost, _n_stored(values))
        else:
            lost = np.zeros(values.shape[0], bool)
            kept = np.concatenate(
                [np.ones(0, bool)]
                + [
                    r.random(n) >= self.fraction
                    for r, n in zip(randoms, _n_stored(values), strict=True)
                ]
            )
        if isinstance(values, np.ndarray):
            return values * kept.reshape(values.shape), lost
        return _without_zeros(values, kept), lost

    def _random(self, key: str) -> np.random.Generator:
        digest = hashlib.blake2b(f"{self._seed} {key}".encode(), digest_size=16).digest()
        # Philox needs no seeding: 15,000 generators take 0.2 s.
        return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the columns: as they were.

        Parameters
        ----------
        input_features : array-like of str, optional
            Names of the columns before.

        Returns
        -------
        ndarray of shape (n_features_out_,), object
        """
        if hasattr(self, "n_features_in_"):
            return np.asarray(OneToOneFeatureMixin.get_feature_names_out(self, input_features))
        names = BaseFeaturizer.get_feature_names_out(self)
        return names if input_features is None else np.asarray(input_features, object)


def _n_stored(values: Matrix) -> np.ndarray:
    """Return how many numbers are stored of each row."""
    if isinstance(values, np.ndarray):
        return np.full(values.shape[0], values.shape[1])
    return np.diff(values.indptr)


def _without_zeros(values: sparse.csr_array, kept: np.ndarray) -> sparse.csr_array:
    new = sparse.csr_array(
        (values.data * kept, values.indices, values.indptr), values.shape, copy=True
    )
    new.eliminate_zeros()
    return new


def _contents(rows: Matrix) -> Iterator[str]:
    """Return a key for each row, the same for equal rows, sparse or not."""
    for i in range(rows.shape[0]):
        row = rows[[i]] if isinstance(rows, np.ndarray) else rows[[i]].toarray()
        yield np.asarray(row, np.float64).tobytes().hex()


def keep_share(
    kg: KnowledgeGraph, modality: str, share: float, random_state: int = 0
) -> KnowledgeGraph:
    """Leave a modality to a share of the entities that have it.

    Parameters
    ----------
    kg : KnowledgeGraph
    modality : str
        "attribute", "image", "text", "name", or that of features.
    share : float
        From 0 to 1. Larger shares keep all that smaller ones do.
    random_state : int, default=0
        Seed of the draw.

    Returns
    -------
    KnowledgeGraph
        All else of it stays, relations included.

    Raises
    ------
    ValueError
        If the share is out of range, or no entity has the modality.

    See Also
    --------
    FeatureDropoutNoise : Features that are partly gone.
    ibmea_sklearn.KnowledgeGraph.without : Of entities that you name.

    References
    ----------
    Chen et al.: Tackling Uncertain Correspondences for Multi-Modal Entity Alignment, NeurIPS 2024:
    entities that lack a modality.

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph
    >>> from ibmea_sklearn.featurizers import keep_share
    >>> kg = KnowledgeGraph(texts={"a": "one", "b": "two", "c": "three", "d": "four"})
    >>> keep_share(kg, "text", 0.5).modalities
    {'text': 0.5}
    """
    Number(0, 1).check("share", share)
    having = _having(kg, modality)
    if not len(having):
        raise ValueError(
            f"Expected a modality that entities of {kg.name!r} have: "
            f"{', '.join(kg.modalities) or 'it has none'}; found {modality!r}."
        )
    order = np.random.default_rng(random_state).permutation(having)
    return kg.without(kg.entity_ids[order[round(len(order) * share) :]], modality)


def _having(kg: KnowledgeGraph, modality: str) -> np.ndarray:
    """Return the entities that have a modality, as data or as features."""
    owners = {
        "attribute": kg.attribute_triples[:, 0],
        "image": kg.images.entities,
        "text": kg.texts.entities,
        "name": kg.names.entities,
    }.get(modality, np.empty(0, np.int64))
    if modality in kg.features:
        owners = np.append(owners, np.flatnonzero(kg.features[modality].mask))
    return np.unique(owners)


def pair_similarities(X: SeedPairs, modality: str = "image") -> np.ndarray:
    """Compare the features of the two entities of each pair.

    Parameters
    ----------
    X : SeedPairs
        On graphs with these features, such as :class:`ModalityFeaturizer` makes.
    modality : str, default="image"

    Returns
    -------
    float64 ndarray of shape (n_pairs,)
        Cosines. NaN where one of the two lacks the modality.

    Raises
    ------
    TypeError
        If `X` is not a view.
    ValueError
        If a graph lacks the modality, or its features are of different widths.

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph, SeedPairs
    >>> from ibmea_sklearn.featurizers import pair_similarities
    >>> kg1 = KnowledgeGraph(features={"image": {"a": [1, 0], "b": [1, 1]}})
    >>> kg2 = KnowledgeGraph(features={"image": {"x": [1, 0], "y": [1, 0]}})
    >>> pair_similarities(SeedPairs(kg1, kg2, [("a", "x"), ("b", "y")])).round(2)
    array([1.  , 0.71])
    """
    X = checked_view(X, "pair_similarities")
    absent = [kg for kg in graphs_of(X) if modality not in kg.features]
    if absent:
        raise ValueError(
            f"Expected {modality} features in both graphs; found none in {len(absent)} of them. "
            "Transform the view first: ModalityFeaturizer().fit_transform(X)."
        )
    shared_width(X, modality)
    left, right = (kg.features[modality] for kg in graphs_of(X))
    rows1, rows2 = X.indices.T
    one, two = (normalize(f.values[r]) for f, r in ((left, rows1), (right, rows2)))
    if sparse.issparse(one) or sparse.issparse(two):
        cosines = np.asarray(sparse.csr_array(one).multiply(sparse.csr_array(two)).sum(axis=1))
    else:
        cosines = np.einsum("ij,ij->i", one, two)
    cosines = np.ravel(cosines).astype(np.float64)
    cosines[~(left.mask[rows1] & right.mask[rows2])] = np.nan
    return cosines


def select_by_similarity(
    X: SeedPairs, modality: str = "image", low: float = 0.0, high: float = 1.0
) -> SeedPairs:
    """Keep the pairs whose features are alike by some measure: a band between two quantiles.

    Parameters
    ----------
    X : SeedPairs
        On graphs with these features.
    modality : str, default="image"
    low, high : float, default=0.0, 1.0
        Ends of the band, from 0 to 1: ``high=0.3`` keeps the 30% of pairs that are least alike.
        Bands that meet share no pair.

    Returns
    -------
    SeedPairs
        In their order. Pairs of which an entity lacks the modality are in no band.

    Raises
    ------
    TypeError
        If `X` is not a view.
    ValueError
        If a graph lacks the modality, or the band is none.

    See Also
    --------
    FeatureDropoutNoise : The other experiment: features that are partly gone.

    References
    ----------
    Su et al.: IBMEA: Exploring Variational Information Bottleneck for Multi-modal Entity
    Alignment, ACM Multimedia 2024: pairs with low image similarity.

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph, SeedPairs
    >>> from ibmea_sklearn.featurizers import select_by_similarity
    >>> kg1 = KnowledgeGraph(features={"image": {"a": [1, 0], "b": [1, 1]}})
    >>> kg2 = KnowledgeGraph(features={"image": {"x": [1, 0], "y": [1, 0]}})
    >>> select_by_similarity(SeedPairs(kg1, kg2, [("a", "x"), ("b", "y")]), high=0.5)
    SeedPairs of 1 pairs: b = y
    """
    for name, end in (("low", low), ("high", high)):
        Number(0, 1).check(name, end)
    if low >= high:
        raise ValueError(f"Expected low to be below high; found low={low!r} and high={high!r}.")
    similarities = pair_similarities(X, modality)
    # Sorted by rank, not cut at a value: so a band has its share of pairs where many are equal.
    order = np.argsort(similarities, kind="stable")[: np.isfinite(similarities).sum()]
    first, last = (round(end * len(order)) for end in (low, high))
    return X[np.sort(order[first:last])]
