"""Bag of attributes: which attributes an entity has."""

from __future__ import annotations

import numpy as np

from ..graph import KnowledgeGraph
from ._bag import BaseBag


class BagOfAttributes(BaseBag):
    """Say, by entity, which of the most frequent attributes it has: 0 or 1, values left aside.

    Parameters
    ----------
    n_features : int or None, default=1000
        How many attributes to look at: those that most entities of both graphs together have.
        None is all.
    modality : str, default="attribute"
        Which features of the graphs to write.

    Attributes
    ----------
    names_ : ndarray of shape (n_features_out_,), object
        Attributes by column, the most frequent first, equally frequent ones in the order of names.
    n_features_out_ : int
        Number of columns.

    See Also
    --------
    BagOfRelations : The same for relations, with counts.

    Notes
    -----
    The features of a graph are a sparse float32 matrix of shape (n_entities, n_features_out_). The
    mask is True where an entity has an attribute, be it one of the columns or not. Attributes of
    equal name are one column, also when one stands in the one graph and one in the other.

    References
    ----------
    Su et al.: IBMEA: Exploring Variational Information Bottleneck for Multi-modal Entity
    Alignment, ACM Multimedia 2024.

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph, SeedPairs
    >>> from ibmea_sklearn.featurizers import BagOfAttributes
    >>> kg1 = KnowledgeGraph(attribute_triples={"a": {"born": [1, 2]}, "b": {"born": 3, "sex": 4}})
    >>> kg2 = KnowledgeGraph(attribute_triples={"x": {"sex": 5}}, entities=["x", "y"])
    >>> pairs = SeedPairs(kg1, kg2, [("a", "x")])
    >>> new = BagOfAttributes().fit_transform(pairs)
    >>> new.kg1.features["attribute"].values.toarray()
    array([[1., 0.],
           [1., 1.]], dtype=float32)
    >>> new.kg2.features["attribute"].mask
    array([ True, False])
    """

    def __init__(self, n_features: int | None = 1000, modality: str = "attribute") -> None:
        self.n_features = n_features
        self.modality = modality

    def _occurrences(self, kg: KnowledgeGraph) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        entities, attributes = np.unique(kg.attribute_triples, axis=0).T
        return entities, attributes, kg.attribute_names
