"""Starting from the weights of the last fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from ..graph import SeedPairs

if TYPE_CHECKING:
    from .base import BaseAligner

__all__ = ["check_same_entities", "start_from", "trained_weights"]

Weights = dict[str, torch.Tensor]

_ADVICE = "Set warm_start=False to start afresh."


def check_same_entities(aligner: BaseAligner, X: SeedPairs) -> None:
    """Raise a ValueError unless the graphs have the entities of the last fit, in their order."""
    if not hasattr(aligner, "network_"):
        return  # there was no fit: this is the first
    for name, last, kg in (("first", aligner.kg1_, X.kg1), ("second", aligner.kg2_, X.kg2)):
        if not np.array_equal(last.entity_ids, kg.entity_ids):
            raise ValueError(
                f"Expected the {name} graph to have the {last.n_entities:,} entities of the last "
                f"fit, in the same order, with warm_start=True; found {kg.n_entities:,} entities, "
                f"other ones or in another order. {_ADVICE}"
            )


def trained_weights(aligner: Any, modalities: list[str]) -> Weights | None:
    """Return the weights that the last fit left, or None: a cold start has removed them.

    Raises
    ------
    ValueError
        If it was on other modalities.
    """
    if not hasattr(aligner, "network_"):
        return None
    if aligner.modalities_ != modalities:
        raise ValueError(
            f"Expected the modalities of the last fit, {aligner.modalities_}, with "
            f"warm_start=True; found {modalities}. {_ADVICE}"
        )
    weights: Weights = aligner.network_.state_dict()
    return weights


def start_from(network: nn.Module, weights: Weights) -> None:
    """Give a network the weights of another of the same form.

    Raises
    ------
    ValueError
        If it is of another form.
    """
    last, now = (
        {name: tuple(tensor.shape) for name, tensor in state.items()}
        for state in (weights, network.state_dict())
    )
    for name in (*now, *last):
        if last.get(name) != now.get(name):
            raise ValueError(
                "Expected parameters that give the network of the last fit, with warm_start=True; "
                f"found {now.get(name, 'none')} as the shape of {name!r}, which was "
                f"{last.get(name, 'none')}. {_ADVICE}"
            )
    network.load_state_dict(weights)
