"""What a fit depends on, in short texts that two fits can be compared by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy import sparse

from .. import __version__
from ..graph import KnowledgeGraph, SeedPairs
from ..persistence import to_json

if TYPE_CHECKING:
    from ._trained_aligner import TrainedAligner

__all__ = ["fingerprint"]

# Parameters that change nothing of what is trained; of the device counts what it resolves to.
_NO_MATTER = {
    "checkpoint_dir",
    "checkpoint_interval",
    "device",
    "duplicates",
    "score_candidates",
    "verbose",
}


def fingerprint(aligner: TrainedAligner, X: SeedPairs) -> dict[str, str]:
    """Say what the training of an aligner on a view with features depends on.

    Returns
    -------
    dict of {str: str}
        By what a user calls it: the value of a parameter as JSON, or a hash of data.
    """
    parameters = aligner.get_params(deep=False)
    return {
        "class": type(aligner).__name__,
        **{n: _text(n, v) for n, v in parameters.items() if n not in _NO_MATTER},
        "device": aligner.device_,
        "version of ibmea_sklearn": __version__,
        "version of torch": torch.__version__,
        "seeds": _digest(X.indices),
        **dict(_of_graph("first", X.kg1, aligner.modalities_)),
        **dict(_of_graph("second", X.kg2, aligner.modalities_)),
    }


def _text(name: str, value: Any) -> str:
    # A RandomState holds hundreds of numbers.
    return _random(value) if isinstance(value, np.random.RandomState) else to_json(value, name)


def _random(random: np.random.RandomState) -> str:
    state: Any = random.get_state()
    return _digest(state[1], np.array(state[2:]))


def _of_graph(which: str, kg: KnowledgeGraph, modalities: list[str]) -> Iterator[tuple[str, str]]:
    yield f"entities of the {which} graph", _digest(kg.entity_ids)
    yield f"relation triples of the {which} graph", _digest(kg.relation_triples)
    for modality in modalities:
        if modality in kg.features:
            values, mask = kg.features[modality]
            yield f"{modality} features of the {which} graph", _digest(*_arrays(values), mask)


def _arrays(values: np.ndarray | sparse.csr_array) -> tuple[np.ndarray, ...]:
    if isinstance(values, np.ndarray):
        return (values,)
    return values.data, values.indices, values.indptr


def _digest(*arrays: np.ndarray) -> str:
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(f"{array.dtype.str} {array.shape} ".encode())
        if array.dtype == object:
            sha.update(json.dumps(array.tolist()).encode())
        else:
            sha.update(np.ascontiguousarray(array).data)
    return sha.hexdigest()
