"""What partitions have found, on disk, so that a fit that was stopped goes on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from .._utils.digests import content_of, digest
from .._utils.files import remove_file
from ..graph import KnowledgeGraph, SeedPairs
from ..persistence import StateFile, write_state
from ..training.checkpoint import KeptState, fingerprint

__all__ = ["KeptParts", "KeptRound", "told_of"]

_CONTENT = "partition"
_PARTITIONS = "round-*/partition-*.safetensors"


class KeptParts(KeptState):
    """Keeps what each partition has found in a folder, for one fit at a time.

    As a context manager it holds the folder. What the fit is of lies in one file of it, and is
    compared before anything is fitted; each partition has a file of its own, written once.

    Parameters
    ----------
    folder : path-like
        It is created if need be.
    told : mapping of {str: str}
        What must be the same for a fit to go on.
    kind : NamedTuple class
        What a partition has found.
    """

    def __init__(self, folder: str | os.PathLike[str], told: Mapping[str, str], kind: type) -> None:
        super().__init__(folder, told, {})
        self.kind = kind
        self._n_rounds = 0

    def begin_round(self, *cut: Any) -> KeptRound:
        """Return what keeps the partitions of the next round, of a cut that some arrays tell.

        On another machine, or with other packages, a cut may be another one: what is there of it
        has another name, and is not looked at.
        """
        self._n_rounds += 1
        name = f"round-{self._n_rounds}-{digest(dict(self.fingerprint), *cut)[:12]}"
        return KeptRound(self, self.path.parent / name)

    def keep(self, path: Path, found: Any) -> None:
        """Write what a partition has found. That it can't be written is said, once."""
        try:
            write_state(path, _CONTENT, {"found": found}, (self.kind,))
        except OSError as error:
            self._warn(error)
            return
        self._is_written = True  # there is something to go on with, as an error tells

    def remove(self) -> None:
        """Remove all: the fit is done."""
        super().remove()
        folder = self.path.parent
        for path in folder.glob(_PARTITIONS):
            remove_file(path)
        for path in folder.glob("round-*"):
            with suppress(OSError):  # what is in it is to be removed later, or is none of ours
                path.rmdir()

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            if not self.take_up():
                self.update()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self._is_written = next(self.path.parent.glob(_PARTITIONS), None) is not None
        self._state = None
        return self


class KeptRound:
    """Keeps what the partitions of a round have found.

    Parameters
    ----------
    parts : KeptParts
    folder : Path
    """

    def __init__(self, parts: KeptParts, folder: Path) -> None:
        self.parts, self.folder = parts, folder

    @property
    def n_kept(self) -> int:
        """How many are there."""
        return sum(1 for _ in self.folder.glob("partition-*.safetensors"))

    def read(self, number: int) -> Any:
        """Return what a partition has found, None if it is not there.

        Raises
        ------
        ValueError
            If the file is damaged.
        """
        if not self._path(number).exists():
            return None
        try:
            with StateFile(self._path(number), _CONTENT, (self.parts.kind,)) as file:
                return file["found"]
        except ValueError as error:
            raise ValueError(f"{error} Delete it, and its partition is fitted anew.") from error

    def write(self, number: int, found: Any) -> None:
        """Keep what a partition has found."""
        self.parts.keep(self._path(number), found)

    def _path(self, number: int) -> Path:
        return self.folder / f"partition-{number + 1}.safetensors"


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
    said = {
        f"{what} of the {which} graph": digest(*values)
        for which, kg in {"first": X.kg1, "second": X.kg2}.items()
        for what, values in _said(kg)
    }
    return {**told, **said, "random numbers": str(seed)}


def _said(kg: KnowledgeGraph) -> Iterator[tuple[str, list[Any]]]:
    """Yield what a graph says beside its triples and features, and what that is called."""
    yield "names of relations", [kg.relation_names]
    values = kg.attribute_names, kg.attribute_values, kg.attribute_datatypes
    yield "attributes", [kg.attribute_triples, *values]
    for what in ("names", "texts"):
        yield what, list(getattr(kg, what))
    entities, *images = kg.images
    yield "images", [entities, *(list(map(content_of, column)) for column in images)]
