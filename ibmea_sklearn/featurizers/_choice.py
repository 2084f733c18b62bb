"""Which transformer makes the features of a modality."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sklearn.pipeline import make_pipeline

from ..graph import KnowledgeGraph, SeedPairs
from ._lift import has_features, lift, reads_features
from ._values import has_values
from .attribute_values import AttributeValues
from .bag_of_attributes import BagOfAttributes
from .bag_of_relations import BagOfRelations
from .base import BaseFeaturizer, graphs_of, name_of
from .image_encoder import ImageEncoder
from .neighbor_mean_imputer import NeighborMeanImputer

NAMED = ("relation", "attribute", "image", "text", "value")

_RAW_DATA: dict[str, Callable[[KnowledgeGraph], bool]] = {
    "relation": lambda kg: len(kg.relation_triples) > 0,
    "attribute": lambda kg: len(kg.attribute_triples) > 0,
    "image": lambda kg: len(kg.images.entities) > 0,
    "text": lambda kg: len(kg.texts.entities) > 0,
    "value": has_values,
}


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
    maker = _maker(modality, options)
    return transformer if maker is None else make_pipeline(maker, transformer)


def _is_default(given: Any) -> bool:
    return isinstance(given, str) and given == "default"


def _by_word(X: SeedPairs, modality: str, word: str, options: Mapping[str, Any]) -> Any:
    if word not in ("default", "drop", "passthrough"):
        raise ValueError(
            f"Expected {modality} to be 'default', 'drop', 'passthrough' or a transformer; "
            f"found {word!r}."
        )
    if word == "drop":
        return word
    if has_features(X, modality):
        if word == "default":
            _check_not_mixed(X, modality)
        return "passthrough"
    maker = _maker(modality, options)
    if word == "passthrough" or maker is None or not _has_raw_data(X, modality):
        return None
    return make_pipeline(maker, NeighborMeanImputer()) if modality == "image" else maker


def _maker(modality: str, options: Mapping[str, Any]) -> BaseFeaturizer | None:
    if modality == "image":
        return ImageEncoder(**options)
    if modality == "relation":
        return BagOfRelations()
    if modality == "value":
        # Asked for by nobody: that nothing matches is no news.
        return AttributeValues(verbose=0)
    return BagOfAttributes() if modality == "attribute" else None


def _has_raw_data(X: SeedPairs, modality: str) -> bool:
    raw = _RAW_DATA.get(modality)
    # Values are compared: those of one graph alone say nothing.
    enough = all if modality == "value" else any
    return raw is not None and enough(raw(kg) for kg in graphs_of(X))


def _check_has_data(X: SeedPairs, modality: str) -> None:
    if not _has_raw_data(X, modality):
        expected, found = ("both graphs", "one") if modality == "value" else ("a graph", "either")
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
