"""Pairs chosen by how alike their features are, for experiments on robustness."""

from __future__ import annotations

from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.preprocessing import normalize

from ..graph import SeedPairs
from .base import checked_view, graphs_of, shared_width


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
    for end in (low, high):
        if not isinstance(end, Real) or isinstance(end, bool) or not 0 <= end <= 1:
            raise ValueError(f"Expected low and high to be numbers from 0 to 1; found {end!r}.")
    if low >= high:
        raise ValueError(f"Expected low to be below high; found low={low!r} and high={high!r}.")
    similarities = pair_similarities(X, modality)
    # Sorted by rank, not cut at a value: so a band has its share of pairs where many are equal.
    order = np.argsort(similarities, kind="stable")[: np.isfinite(similarities).sum()]
    first, last = (round(end * len(order)) for end in (low, high))
    return X[np.sort(order[first:last])]
