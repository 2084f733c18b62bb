"""Which transformer makes the features of a modality, and how one for rows does so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.validation import check_is_fitted

from .._utils.validation import Range, did_you_mean
from ..graph import KnowledgeGraph, ModalityFeatures, SeedPairs
from ._matrices import plain_output, spread, stack, transformed
from .base import (
    BaseFeaturizer,
    Matrix,
    ViewTransformer,
    graphs_of,
    name_of,
    no_features,
    shared_width,
)
from .texts.reading import joined_texts
from .values.reading import has_values

NAMED = ("relation", "attribute", "image", "text", "value", "name")
_RAW_DATA: dict[str, Callable[[KnowledgeGraph], bool]] = {
    "relation": lambda kg: len(kg.relation_triples) > 0,
    "attribute": lambda kg: len(kg.attribute_triples) > 0,
    "image": lambda kg: len(kg.images.entities) > 0,
    "text": lambda kg: len(kg.texts.entities) > 0,
    "value": has_values,
    "name": lambda kg: len(kg.names.values) > 0,
}
# What is compared between the graphs: that of one alone says nothing.
_OF_BOTH = ("value", "name")
# Width of the names' rows: they serve as a channel of similarity, which is dense.
_NAME_WIDTH = 2048


class Maker(Range):
    """A transformer, or one of three words."""

    words = ("default", "drop", "passthrough")
    expected = "'default', 'drop', 'passthrough' or a transformer"

    def admits(self, value: Any) -> bool:
        """Tell whether a value is in the range; what is no word is looked at when it is lifted."""
        return not isinstance(value, str) or value in self.words

    def advice(self, value: Any) -> str:
        """Guess which word was meant."""
        return did_you_mean(value, self.words)


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

    is_local = True
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
        with plain_output():
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
    written = getattr(transformer, "writes", getattr(transformer, "modality", modality))
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


def choose(
    X: SeedPairs, modality: str, given: Any, remainder: Any, options: Mapping[str, Any]
) -> Any:
    """Choose what makes the features of a modality of the graphs of a view.

    Parameters
    ----------
    X : SeedPairs
    modality : str
    given : str or transformer
        What the user asked for.
    remainder : str or transformer
        What the user asked for where `given` is "default".
    options : mapping
        Parameters of the default image encoder.

    Returns
    -------
    transformer, "drop", "passthrough" or None
        An unfitted transformer view -> view. None where there is no data to make features of.
    """
    if _is_default(given) and not _is_default(remainder):
        is_word = isinstance(remainder, str)
        if not is_word and _by_word(X, modality, "default", options) is None:
            return None  # nothing that a transformer could work on
        given = remainder
    if isinstance(given, str):
        return _by_word(X, modality, given, options)
    transformer = lift(given, modality)
    if not reads_features(transformer):
        return transformer
    if has_features(X, modality):
        _check_not_mixed(X, modality)
        return transformer
    _check_has_data(X, modality)
    maker = _maker(X, modality, options)
    return transformer if maker is None else make_pipeline(maker, transformer)


def _is_default(given: Any) -> bool:
    return isinstance(given, str) and given == "default"


def _by_word(X: SeedPairs, modality: str, word: str, options: Mapping[str, Any]) -> Any:
    Maker().check(modality, word)
    if word == "drop":
        return word
    if has_features(X, modality):
        if word == "default":
            _check_not_mixed(X, modality)
        return "passthrough"
    maker = _maker(X, modality, options)
    if word == "passthrough" or maker is None or not _has_raw_data(X, modality):
        return None
    if modality != "image":
        return maker
    from .imputers import NeighborMeanImputer

    return make_pipeline(maker, NeighborMeanImputer())


def _maker(X: SeedPairs, modality: str, options: Mapping[str, Any]) -> BaseFeaturizer | None:
    # Imported at use: each knows rooms that the others can do without.
    from . import AttributeValues, BagOfAttributes, BagOfRelations, ImageEncoder
    from .texts.scripts import default_of_names

    if modality == "image":
        return ImageEncoder(**options)
    if modality == "relation":
        return BagOfRelations()
    if modality == "name":
        return default_of_names(X, _NAME_WIDTH, options["verbose"])
    if modality == "value":
        # Asked for by nobody: that nothing matches is no news.
        return AttributeValues(verbose=0)
    return BagOfAttributes() if modality == "attribute" else None


def _has_raw_data(X: SeedPairs, modality: str) -> bool:
    raw = _RAW_DATA.get(modality)
    enough = all if modality in _OF_BOTH else any
    return raw is not None and enough(raw(kg) for kg in graphs_of(X))


def _check_has_data(X: SeedPairs, modality: str) -> None:
    if not _has_raw_data(X, modality):
        expected, found = ("both graphs", "one") if modality in _OF_BOTH else ("a graph", "either")
        raise ValueError(
            f"Expected {modality} data in {expected}, as a transformer for it was passed; found "
            f"none in {found}. Pass {modality} data, or leave the transformer out."
        )


def _check_not_mixed(X: SeedPairs, modality: str) -> None:
    """Refuse features on one side and raw data on the other: they would not be comparable."""
    raw = _RAW_DATA.get(modality)
    without = [kg for kg in graphs_of(X) if modality not in kg.features]
    if raw is None or not without or not raw(without[0]):
        return
    other = X.kg1 if without[0] is X.kg2 else X.kg2
    raise ValueError(
        f"Expected {modality} features in both graphs or in neither; found them in "
        f"{name_of(other, X)} and only raw {modality} data in {name_of(without[0], X)}. Pass "
        f"features made by the same encoder for both, a featurizer that makes them anew, or "
        f"{modality}='drop' or 'passthrough'."
    )
