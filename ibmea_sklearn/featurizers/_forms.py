"""Featurizers that work on views and, alone, on plain arrays and tables."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Self

from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ..graph import KnowledgeGraph, SeedPairs
from .base import BaseFeaturizer, Matrix


class RowForm(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
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
