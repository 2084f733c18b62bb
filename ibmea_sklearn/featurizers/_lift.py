"""From any scikit-learn transformer to one that works on a modality of both graphs."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..graph import KnowledgeGraph, ModalityFeatures, SeedPairs
from ._entity_texts import joined_texts
from .base import BaseFeaturizer, Matrix, ViewTransformer, graphs_of, no_features, shared_width


class Lifted(BaseFeaturizer):
    """A scikit-learn transformer, fitted on the rows of both graphs that have a modality.

    Parameters
    ----------
    transformer : scikit-learn transformer
        Anything with ``fit(rows)`` and ``transform(rows)``.
    modality : str
        Which features to transform. Where there are none of modality "text", the transformer gets
        the texts of each entity, joined by line feeds, as the vectorizers for text want them.

    Attributes
    ----------
    transformer_ : scikit-learn transformer
        A fitted clone.
    n_features_out_ : int
        Number of columns.

    Notes
    -----
    The rows of `kg1` come first. Entities without the modality have a row of zeros afterwards.
    """

    reads_features = True

    def __init__(self, transformer: Any, modality: str) -> None:
        self.transformer = transformer
        self.modality = modality

    def _fit(self, X: SeedPairs) -> None:
        self.reads_texts_ = self.modality == "text" and not has_features(X, "text")
        if not self.reads_texts_:
            self.n_features_in_ = shared_width(X, self.modality)
        rows = stack([self._rows(kg)[0] for kg in graphs_of(X)])
        if not rows.shape[0]:
            raise ValueError(
                f"Expected an entity that has the modality {self.modality}; found none in either "
                f"graph, so {type(self.transformer).__name__} has nothing to be fitted on."
            )
        with _plain_output():
            self.transformer_ = clone(self.transformer).fit(rows)
        first = self._transformed(rows[:1])
        self.is_sparse_ = sparse.issparse(first)
        self.n_features_out_ = first.shape[1]

    def _rows(self, kg: KnowledgeGraph) -> tuple[Any, np.ndarray]:
        """Return what the transformer is to see, and whose it is, as a mask."""
        if self.reads_texts_:
            texts = joined_texts(kg)
            mask = np.zeros(kg.n_entities, bool)
            mask[texts.index] = True
            return texts.to_numpy(object), mask
        given = kg.features.get(self.modality) or no_features(kg, self.n_features_in_)
        return given.values[given.mask], given.mask

    def _transformed(self, rows: Any) -> Matrix:
        return transformed(self.transformer_, rows, f"{self.modality} features")

    def _features(self, kg: KnowledgeGraph) -> ModalityFeatures:
        rows, mask = self._rows(kg)
        self._check_width(rows)
        if not mask.any():
            return no_features(kg, self.n_features_out_, self.is_sparse_)
        return ModalityFeatures(spread(self._transformed(rows), mask), mask)

    def _check_width(self, rows: Any) -> None:
        if not self.reads_texts_ and rows.shape[1] != self.n_features_in_:
            raise ValueError(
                f"Expected {self.modality} features of width {self.n_features_in_}, as in fit; "
                f"found {rows.shape[1]}."
            )

    def _sk_visual_block_(self) -> Any:
        """Draw what is lifted: that it is lifted goes without saying."""
        from sklearn.utils._repr_html.estimator import _VisualBlock

        inner = getattr(self, "transformer_", self.transformer)
        return _VisualBlock("single", inner, names=type(inner).__name__, name_details=str(inner))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the columns as the transformer does, if it does.

        Parameters
        ----------
        input_features : array-like of str, optional
            Names of the columns before.

        Returns
        -------
        ndarray of shape (n_features_out_,), object
        """
        check_is_fitted(self)
        if not hasattr(self.transformer_, "get_feature_names_out"):
            return super().get_feature_names_out()
        return np.asarray(self.transformer_.get_feature_names_out(input_features), object)


def transformed(transformer: Any, rows: Any, what: str) -> Matrix:
    """Return what a fitted transformer makes of rows, as float32, a row for each."""
    with _plain_output():
        new = transformer.transform(rows)
    if sparse.issparse(new):
        new = sparse.csr_array(new, dtype=np.float32)
    else:
        new = np.asarray(new, np.float32)
    if new.ndim != 2 or new.shape[0] != rows.shape[0]:
        raise ValueError(
            f"Expected {type(transformer).__name__} to give a matrix with a row for each of the "
            f"{rows.shape[0]} {what}; found shape {new.shape}."
        )
    return new


def _plain_output() -> Any:
    """Ask for arrays: data frames, if the user wants such elsewhere, can't hold sparse rows."""
    return config_context(transform_output="default")


def lift(transformer: Any, modality: str) -> ViewTransformer | Pipeline:
    """Return a transformer view -> view that does to a modality what `transformer` does to rows.

    Our own featurizers stay as they are, and pipelines are lifted step by step. Nothing that is
    passed is changed.

    Raises
    ------
    TypeError
        If it is no transformer.
    ValueError
        If it is a featurizer of another modality.
    """
    if isinstance(transformer, Pipeline):
        steps = [(name, _lift_step(step, modality)) for name, step in transformer.steps]
        return Pipeline(steps, memory=transformer.memory, verbose=transformer.verbose)
    if isinstance(transformer, ViewTransformer):
        _check_modality(transformer, modality)
        return clone(transformer)
    if isinstance(transformer, type) or not (
        hasattr(transformer, "fit") and hasattr(transformer, "transform")
    ):
        raise TypeError(
            f"Expected {modality} to be 'default', 'drop', 'passthrough', a featurizer or a "
            f"scikit-learn transformer (an object with fit and transform); found {transformer!r}."
        )
    return Lifted(transformer, modality)


def _lift_step(step: Any, modality: str) -> Any:
    return "passthrough" if step in (None, "passthrough") else lift(step, modality)


def _check_modality(transformer: ViewTransformer, modality: str) -> None:
    written = getattr(transformer, "modality", modality)
    if written != modality:
        raise ValueError(
            f"Expected a transformer for {modality} to write {modality} features; found "
            f"{transformer!r}, which writes {written}. Pass "
            f"{type(transformer).__name__}(modality={modality!r})."
        )


def reads_features(transformer: Any) -> bool:
    """Tell whether a lifted transformer needs features, and can't start from raw data."""
    if not isinstance(transformer, Pipeline):
        return getattr(transformer, "reads_features", False)
    steps = [step for _, step in transformer.steps if step != "passthrough"]
    return not steps or reads_features(steps[0])


def has_features(X: SeedPairs, modality: str) -> bool:
    """Tell whether either graph has features of a modality."""
    return any(modality in kg.features for kg in graphs_of(X))


def stack(parts: list[Any]) -> Any:
    """Put matrices of one width on top of each other, sparse if any is."""
    if any(sparse.issparse(part) for part in parts):
        return sparse.csr_array(sparse.vstack(parts))
    return np.concatenate(parts)


def spread(rows: Matrix, mask: np.ndarray) -> Matrix:
    """Put rows where the mask is True, and zeros elsewhere."""
    if isinstance(rows, np.ndarray):
        values = np.zeros((len(mask), rows.shape[1]), rows.dtype)
        values[mask] = rows
        return values
    counts = np.zeros(len(mask), rows.indptr.dtype)
    counts[mask] = np.diff(rows.indptr)
    offsets = np.append(np.zeros(1, counts.dtype), np.cumsum(counts))
    return sparse.csr_array((rows.data, rows.indices, offsets), (len(mask), rows.shape[1]))
