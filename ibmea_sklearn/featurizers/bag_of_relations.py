"""Bag of relations: how often each relation touches an entity."""

from __future__ import annotations

import numpy as np

from ..graph import KnowledgeGraph
from ._bag import BaseBag


class BagOfRelations(BaseBag):
    r"""Count, by entity, the triples of each of the most frequent relations.

    Parameters
    ----------
    n_features : int or None, default=1000
        How many relations to count: the most frequent of both graphs together. None is all.
    modality : str, default="relation"
        Which features of the graphs to write.

    Attributes
    ----------
    names_ : ndarray of shape (n_features_out_,), object
        Relations by column, the most frequent first, equally frequent ones in the order of names.
    n_features_out_ : int
        Number of columns.

    See Also
    --------
    BagOfAttributes : The same for attributes.

    Notes
    -----
    The features of a graph are a sparse float32 matrix of shape (n_entities, n_features_out_) with

    .. math:: x_{er} = |\{(h, r, t): h = e\}| + |\{(h, r, t): t = e\}|

    so a triple from an entity to itself counts twice. The mask is True where an entity has a
    triple, be its relation counted or not. Relations of equal name are one column, also when one
    stands in the one graph and one in the other; where the graphs share no relation name, no
    entity shares a column with one of the other graph, and the bags say nothing before training.

    References
    ----------
    Su et al.: IBMEA: Exploring Variational Information Bottleneck for Multi-modal Entity
    Alignment, ACM Multimedia 2024.

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph, SeedPairs
    >>> from ibmea_sklearn.featurizers import BagOfRelations
    >>> kg1 = KnowledgeGraph([("a", "knows", "b"), ("b", "knows", "c")])
    >>> kg2 = KnowledgeGraph([("x", "kennt", "y"), ("y", "knows", "z")])
    >>> pairs = SeedPairs(kg1, kg2, [("a", "x")])
    >>> bag = BagOfRelations().fit(pairs)
    >>> bag.get_feature_names_out()
    array(['knows', 'kennt'], dtype=object)
    >>> bag.transform(pairs).kg1.features["relation"].values.toarray()
    array([[1., 0.],
           [2., 0.],
           [1., 0.]], dtype=float32)
    """

    def __init__(self, n_features: int | None = 1000, modality: str = "relation") -> None:
        self.n_features = n_features
        self.modality = modality

    def _occurrences(self, kg: KnowledgeGraph) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        heads, relations, tails = kg.relation_triples.T
        return np.concatenate([heads, tails]), np.tile(relations, 2), kg.relation_names
