"""What every featurizer does: learn from both graphs of a view, write one modality to each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from scipy import sparse
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._utils.estimator import Estimator
from ..graph import KnowledgeGraph, ModalityFeatures, SeedPairs

Matrix: TypeAlias = np.ndarray | sparse.csr_array


class ViewTransformer(TransformerMixin, Estimator):
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
    of one graph. ``_fit`` may use the pairs of `X` (and no other pairs). What its parameters may be
    it declares in ``ranges``; ``fit`` checks that first.

    Attributes
    ----------
    n_features_out_ : int
        Width of the feature matrices.
    """

    modality: str
    n_features_out_: int
    # False: makes features from raw data, or from those of another modality. True: changes features
    # that are there.
    reads_features = False
    # Whether a row of features tells of an entity and its direct neighbours alone, so that rows of
    # new entities can be made without those of all others.
    is_local = False

    @property
    def writes(self) -> str:
        """Which features of the graphs are written."""
        return self.modality

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
        self.check_parameters()
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
            kg.with_features(**{self.writes: f})
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
        names = [f"{self.writes}{i}" for i in range(self.n_features_out_)]
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


class RowForm(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):
    """The form for arrays: what scikit-learn expects of any transformer.

    A subclass has three methods: ``_read(X, reset)``, which checks `X` and turns it into rows of
    its kind, ``_fit_rows(rows)``, which sets ``n_features_out_``, and ``_encode_rows(rows)``.
    """

    n_features_out_: int

    @abstractmethod
    def _read(self, X: Any, reset: bool) -> Any:
        """Check `X`, and return its rows."""

    @abstractmethod
    def _fit_rows(self, rows: Any) -> None:
        """Learn from rows, and set ``n_features_out_``."""

    @abstractmethod
    def _encode_rows(self, rows: Any) -> Matrix:
        """Return a matrix with a row of features for each row."""

    @property
    def _n_features_out(self) -> int:
        return self.n_features_out_

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from rows."""
        self.check_parameters()
        self._fit_rows(self._read(X, reset=True))
        return self

    def transform(self, X: Any) -> Any:
        """Turn rows into features."""
        check_is_fitted(self)
        return self._encode_rows(self._read(X, reset=False))


class _ByForm:
    """Methods that send a view the one way, and an array the other.

    No subclass of scikit-learn's classes: they would wrap the methods, and make a data frame of a
    view where `set_output` or the global configuration asks for one.
    """

    def fit(self, X: Any, y: Any = None) -> Any:
        """Learn from both graphs of a view, or from an array.

        Parameters
        ----------
        X : SeedPairs, or an array or table as the class describes
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            If `X` is of no such kind or has nothing to learn from, or a parameter is out of range.
        """
        for name in ("n_features_in_", "feature_names_in_"):  # of an earlier fit
            vars(self).pop(name, None)
        form: Any = BaseFeaturizer if isinstance(X, SeedPairs) else RowForm
        return form.fit(self, _not_a_graph(X, self))

    def transform(self, X: Any) -> Any:
        """Write the features to both graphs of a view, or return those of an array.

        Parameters
        ----------
        X : SeedPairs, or an array or table as the class describes

        Returns
        -------
        SeedPairs
            For a view: the same pairs, on new graphs with ``features[modality]`` of shape
            (n_entities, n_features_out_). The rest is shared with the graphs of `X`.
        ndarray or sparse matrix of shape (n_rows, n_features_out_)
            For an array; a data frame if ``set_output`` says so.

        Raises
        ------
        TypeError, ValueError
            If `X` is of no such kind.
        """
        form: Any = BaseFeaturizer if isinstance(X, SeedPairs) else RowForm
        return form.transform(self, _not_a_graph(X, self))

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Learn from a view or an array, and transform it.

        Parameters
        ----------
        X : SeedPairs, or an array or table as the class describes
        y : None
            Ignored.

        Returns
        -------
        SeedPairs, ndarray, sparse matrix or data frame
            As :meth:`transform`.
        """
        return self.fit(X, y).transform(X)

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Name the columns: the modality, and a number.

        Parameters
        ----------
        input_features : array-like of str, optional
            Only checked against the columns of the table of `fit`.

        Returns
        -------
        ndarray of shape (n_features_out_,), object
        """
        row_form: Any = RowForm
        row_form.get_feature_names_out(self, input_features)  # checks them
        view_form: Any = BaseFeaturizer
        return view_form.get_feature_names_out(self)

    def set_output(self, *, transform: str | None = None) -> Any:
        """Choose what arrays are turned into; a view stays a view.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, optional
            None changes nothing.

        Returns
        -------
        self
        """
        set_output: Any = TransformerMixin.set_output
        return set_output(self, transform=transform)


class EitherForm(_ByForm, BaseFeaturizer, RowForm):
    """Base of the featurizers that take a view or an array."""

    _wrapped_output: ClassVar[tuple[str, ...] | None] = ("transform",)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.no_validation = False
        tags.input_tags.two_d_array = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _not_a_graph(X: Any, featurizer: Any) -> Any:
    if isinstance(X, KnowledgeGraph):
        raise TypeError(
            f"{type(featurizer).__name__} expects a view of two graphs, or an array; found one "
            "KnowledgeGraph. Pass X = SeedPairs(kg1, kg2, pairs)."
        )
    return X


def no_features(kg: KnowledgeGraph, width: int, is_sparse: bool = False) -> ModalityFeatures:
    """Return features that no entity has."""
    shape = (kg.n_entities, width)
    empty = sparse.csr_array(shape, dtype=np.float32) if is_sparse else np.zeros(shape, np.float32)
    return ModalityFeatures(empty, np.zeros(kg.n_entities, bool))
