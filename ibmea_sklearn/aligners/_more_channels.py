"""Channels of entities that have come to the graphs, as the fit has made those of the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .._utils.estimator import settings_of
from .._utils.names import FUSED, PROPAGATION, SCHEMA, diffused, is_diffused
from ..channels.channels import Channels, frozen_name, unit_rows
from ..featurizers._matrices import projected
from ..featurizers.structure.label_propagation import propagation_by
from ..featurizers.structure.propagation import Propagation
from ..graph import Sides
from ..graph._joint import as_nodes
from ._growth import Growth
from ._more_features import MoreFeatures, new_rows
from ._shared_facts import facts_by

__all__ = ["more_channels"]


def more_channels(
    aligner: Any,
    growth: Growth,
    features: MoreFeatures,
    encoded: Mapping[str, np.ndarray] | None = None,
) -> dict[str, Sides]:
    """Return the channels of new entities as the fit makes them, and all of them fused.

    Parameters
    ----------
    aligner : BaseAligner
        With the state of the fit: ``embeddings_``, ``channel_weights_``, ``record_``.
    growth : Growth
    features : MoreFeatures
    encoded : mapping of {str: ndarray of shape (n_new_nodes, width)}, optional
        What a network says of the new nodes.
    """
    frozen = [n for n in aligner.channel_weights_ if n.startswith(frozen_name(""))]
    propagation = _propagation(aligner, growth, frozen)
    rows = {name: unit_rows(v) for name, v in (encoded or {}).items()}
    for name in frozen:
        modality = name.removeprefix(frozen_name(""))
        make: Callable[..., np.ndarray] = _feature_rows
        if modality == PROPAGATION:
            make = _label_rows
        elif modality == SCHEMA and aligner.record_.relations is not None:
            make = _fact_rows
        elif is_diffused(modality):
            make = _diffused_rows
        rows[name] = unit_rows(make(aligner, growth, features, modality, propagation))
    channels = Channels(len(growth.new.left), len(growth.new_nodes), {})
    channels.weights = dict(aligner.channel_weights_)
    ordered = {name: rows[name] for name in aligner.channel_weights_}
    every = {**ordered, FUSED: channels.join(ordered)}
    return {name: growth.split(v) for name, v in every.items()}


def _propagation(aligner: Any, growth: Growth, frozen: list[str]) -> Propagation | None:
    spreads = [n for n in frozen if n == frozen_name(PROPAGATION) or is_diffused(_modality(n))]
    if not spreads:
        return None
    labels, X = settings_of(aligner, "propagation"), growth.X
    return propagation_by(labels, X.kg1, X.kg2, aligner.record_.seed, aligner.device_)


def _modality(channel: str) -> str:
    return channel.removeprefix(frozen_name(""))


def _feature_rows(
    aligner: Any, growth: Growth, features: MoreFeatures, modality: str, propagation: Any
) -> np.ndarray:
    return new_rows(aligner, growth, features, modality)


def _label_rows(
    aligner: Any, growth: Growth, features: MoreFeatures, modality: str, propagation: Propagation
) -> np.ndarray:
    """Send the labels of all pairs that the fit knew over the grown graphs, to the new nodes."""
    record = aligner.record_
    pairs = as_nodes(growth.X.kg1, growth.pairs(record.known))
    return propagation(pairs, record.codes, growth.new_nodes)


def _fact_rows(
    aligner: Any, growth: Growth, features: MoreFeatures, modality: str, propagation: Any
) -> np.ndarray:
    """Compare the facts of new nodes by the relations that the fit has aligned."""
    record, X = aligner.record_, growth.X
    facts = facts_by(settings_of(aligner, "propagation"), X.kg1, X.kg2, record.seed)
    pairs = growth.pairs(record.known)
    return facts.rows(record.relations, pairs, record.codes, growth.new_nodes)


def _diffused_rows(
    aligner: Any, growth: Growth, features: MoreFeatures, modality: str, propagation: Propagation
) -> np.ndarray:
    """Send features over the grown graphs, to the new nodes."""
    sent = modality.removeprefix(diffused(""))
    before = np.concatenate(aligner.embeddings_[frozen_name(sent)])
    rows = np.empty((propagation.n_nodes, before.shape[1]), np.float32)
    rows[growth.old_nodes] = before
    rows[growth.new_nodes] = unit_rows(new_rows(aligner, growth, features, sent))
    start = projected(rows, propagation.label_width, propagation.random_state)
    return propagation.spread(start, growth.new_nodes)
