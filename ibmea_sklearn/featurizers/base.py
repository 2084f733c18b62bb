"""What every featurizer does: learn from both graphs of a view, write one modality to each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ..graph import KnowledgeGraph, ModalityFeatures, SeedPairs

Matrix = np.ndarray | sparse.csr_array


class ViewTransformer(TransformerMixin, BaseEstimator):
    """What scikit-learn is told of every transformer view -> view."""

    # A view is no data frame: what `set_output` asks for must leave it alone.
    _wrapped_output: ClassVar[tuple[str, ...] | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(auto_wrap_output_keys=cls._wrapped_output, **kwargs)

    def set_output(self, *, transform: str | None = None) -> Self:
        """Do nothing: a view is no data frame. In a Pipeline, the choice is for other steps.

        Parameters
        ----------
        transform : str, optional
            Ignored.

        Returns
        -------
        self
        """
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.no_validation = True
        tags.input_tags.two_d_array = False
        return tags


class BaseFeaturizer(ViewTransformer, ABC):
    """Base of the transformers view -> view that write the features of one modality.

    A subclass has a constructor parameter `modality`, and two methods: ``_fit(X)``, which learns
    from a view and sets ``n_features_out_``, and ``_features(kg)``, which gives the feature matrix
    of one graph. ``_fit`` may use the pairs of `X` (and no other pairs).

    Attributes
    ----------
    n_features_out_ : int
        Width of the feature matrices.
    """

    modality: str
    n_features_out_: int
    # False: makes features from raw data. True: changes features that are there.
    reads_features = False

    @abstractmethod
    def _fit(self, X: SeedPairs) -> None:
        """Learn from the graphs, and set ``n_features_out_``."""

    @abstractmethod
    def _features(self, kg: KnowledgeGraph) -> ModalityFeatures:
        """Return the features of the entities of one graph, and who has any."""

    def fit(self, X: SeedPairs, y: Any = None) -> Self:
        """Learn from both graphs.

        Parameters
        ----------
        X : SeedPairs
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If `X` is not a view.
        ValueError
            If no entity of either graph has the modality, or a parameter is out of range.
        """
        self._fit(checked_view(X, f"{type(self).__name__}.fit"))
        return self

    def transform(self, X: SeedPairs) -> SeedPairs:
        """Write the features to both graphs.

        Parameters
        ----------
        X : SeedPairs
            May be on other graphs than those of `fit`.

        Returns
        -------
        SeedPairs
            The same pairs, on new graphs with ``features[modality]`` of shape
            (n_entities, n_features_out_). The rest is shared with the graphs of `X`.

        Raises
        ------
        TypeError
            If `X` is not a view.
        """
        check_is_fitted(self)
        X = checked_view(X, f"{type(self).__name__}.transform")
        features = self._features_of_both(X)
        graphs = (
            kg.with_features(**{self.modality: f})
            for kg, f in zip(graphs_of(X), features, strict=True)
        )
        return X.with_graphs(*graphs)

    def _features_of_both(self, X: SeedPairs) -> tuple[ModalityFeatures, ModalityFeatures]:
        return self._features(X.kg1), self._features(X.kg2)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the columns of the feature matrix.

        Parameters
        ----------
        input_features : array-like of str, optional
            Ignored, unless the featurizer keeps its columns.

        Returns
        -------
        ndarray of shape (n_features_out_,), object
        """
        check_is_fitted(self)
        names = [f"{self.modality}{i}" for i in range(self.n_features_out_)]
        return np.asarray(names, object)


def checked_view(X: Any, who: str) -> SeedPairs:
    """Return `X` if it is a view, or say what `who` expects."""
    if isinstance(X, SeedPairs):
        return X
    raise TypeError(
        f"{who} expects a view of two graphs; found {type(X).__name__}. "
        "Pass X = SeedPairs(kg1, kg2, pairs)."
    )


def graphs_of(X: SeedPairs) -> tuple[KnowledgeGraph, KnowledgeGraph]:
    """Return both graphs of a view."""
    return X.kg1, X.kg2


def shared_width(X: SeedPairs, modality: str) -> int:
    """Return the width of the features of a modality, which both graphs must agree on.

    Raises
    ------
    ValueError
        If neither graph has such features, or their widths differ.
    """
    widths = [
        (kg, kg.features[modality].values.shape[1])
        for kg in graphs_of(X)
        if modality in kg.features
    ]
    if not widths:
        raise ValueError(
            f"Expected {modality} features in a graph; found none in either. Put a featurizer "
            "that makes them before, or pass them with KnowledgeGraph.with_features."
        )
    if len({width for _, width in widths}) > 1:
        raise ValueError(
            f"Expected {modality} features of one width in both graphs; found "
            + " and ".join(f"{width} in {name_of(kg, X)}" for kg, width in widths)
            + ". Make both with the same encoder."
        )
    return widths[0][1]


def name_of(kg: KnowledgeGraph, X: SeedPairs) -> str:
    """Call a graph of a view by its name, or by its place."""
    return f"graph {kg.name!r}" if kg.name else ("kg1" if kg is X.kg1 else "kg2")


def no_features(kg: KnowledgeGraph, width: int, is_sparse: bool = False) -> ModalityFeatures:
    """Return features that no entity has."""
    shape = (kg.n_entities, width)
    empty = sparse.csr_array(shape, dtype=np.float32) if is_sparse else np.zeros(shape, np.float32)
    return ModalityFeatures(empty, np.zeros(kg.n_entities, bool))
