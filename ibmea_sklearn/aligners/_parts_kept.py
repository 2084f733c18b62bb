"""What partitions have found, on disk, so that a fit that was stopped goes on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..graph import KnowledgeGraph, SeedPairs
from ..training.checkpoint import KeptState, fingerprint
from ._parts_fit import Found

__all__ = ["KeptParts", "KeptRound", "told_of"]


class KeptParts(KeptState):
    """Keeps what each partition has found in a folder, for one fit at a time.

    As a context manager it holds the folder; each partition has a file of its own there, which is
    written once.

    Parameters
    ----------
    folder : path-like
        It is created if need be.
    told : mapping of {str: str}
        What must be the same for a fit to go on.
    """

    def __init__(self, folder: str | os.PathLike[str], told: Mapping[str, str]) -> None:
        super().__init__(folder, told, {})
        self.rounds: list[KeptRound] = []

    def begin_round(self) -> KeptRound:
        """Return what keeps the partitions of the next round."""
        name = f"round-{len(self.rounds) + 1}"
        self.rounds.append(KeptRound(self.path.parent / name, self.fingerprint))
        return self.rounds[-1]

    def write(self) -> None:
        """Write nothing: all is on disk. An error is told where that is."""
        self._is_written = any(part.n_kept for part in self.rounds)

    def remove(self) -> None:
        """Remove all: the fit is done."""
        for part in self.rounds:
            part.remove()


class KeptRound:
    """Keeps what the partitions of a round have found.

    Parameters
    ----------
    folder : Path
    told : mapping of {str: str}

    Attributes
    ----------
    n_read : int
        How many were there.
    n_kept : int
        How many are.
    """

    def __init__(self, folder: Path, told: Mapping[str, str]) -> None:
        self.folder, self.told = folder, told
        self.n_read = self.n_kept = 0

    def read(self, number: int) -> Found | None:
        """Return what a partition has found, None if it is not there."""
        state = _State(None)
        if not self._file(number, state).take_up():
            return None
        self.n_read += 1
        self.n_kept += 1
        return state.found

    def write(self, number: int, found: Found) -> None:
        """Write what a partition has found."""
        file = self._file(number, _State(found))
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.update()
        self.n_kept += 1

    def remove(self) -> None:
        """Remove all."""
        folders = [path for path in self.folder.glob("partition-*") if path.is_dir()]
        for folder in folders:
            KeptState(folder, self.told, {}).remove()
        for folder in (*folders, self.folder):
            with suppress(OSError):  # other things are in it, or what is to be removed later
                folder.rmdir()

    def _file(self, number: int, state: _State) -> KeptState:
        return KeptState(self.folder / f"partition-{number + 1}", self.told, {"found": state})


class _State:
    """What a partition has found, as a part of a kept state."""

    def __init__(self, found: Found | None) -> None:
        self.found = found

    def state_dict(self) -> dict[str, Any]:
        nothing = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
        return (self.found or Found(*nothing, [], 0))._asdict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.found = Found(**{name: state[name] for name in Found._fields})


def told_of(aligner: Any, X: SeedPairs, seed: int) -> dict[str, str]:
    """Say what the fits of partitions depend on, beside what was found before.

    Parameters
    ----------
    aligner : PartitionedAligner
    X : SeedPairs
        The graphs as they are: each partition makes its own features.
    seed : int
        Of the random numbers of partitions.
    """
    told = fingerprint(aligner, X, [*X.kg1.features], aligner.device_)
    graphs = {"first": X.kg1, "second": X.kg2}
    said = {f"values and names of the {which} graph": _said(kg) for which, kg in graphs.items()}
    return {**told, **said, "random numbers": str(seed)}


def _said(kg: KnowledgeGraph) -> str:
    sha = hashlib.sha256(np.ascontiguousarray(kg.attribute_triples).data)
    sha.update(np.ascontiguousarray(kg.names.entities).data)
    for text in (*kg.attribute_values.tolist(), *kg.names.values.tolist()):
        sha.update(f"{text!r}\n".encode())
    return sha.hexdigest()
