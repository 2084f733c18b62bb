"""What a part has found, as a JSON file."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from ibmea_sklearn._files import atomic_write

from .task import Figure


@dataclasses.dataclass
class Record:
    """The figures of one part.

    Attributes
    ----------
    part, title : str
    circumstances : dict
        Machine, versions and commit.
    is_quick : bool
        Whether sizes were too small for the figures to mean anything.
    figures : list of Figure
    summary : dict of {str: float}
        What the part makes of its figures, such as a fitted exponent.
    left_out : list of str
        What could not be measured, and why.
    pictures : list of str
        Names of files beside this one.
    """

    part: str
    title: str
    circumstances: dict[str, Any]
    is_quick: bool = False
    figures: list[Figure] = dataclasses.field(default_factory=list)
    summary: dict[str, float] = dataclasses.field(default_factory=dict)
    left_out: list[str] = dataclasses.field(default_factory=list)
    pictures: list[str] = dataclasses.field(default_factory=list)

    def find(self, task: str, contestant: str) -> Figure | None:
        """Return one figure, if it was measured."""
        for figure in self.figures:
            if (figure.task, figure.contestant) == (task, contestant):
                return figure
        return None

    def write(self, folder: Path) -> None:
        """Write ``<part>.json``."""
        content = dataclasses.asdict(self)
        with atomic_write(folder / f"{self.part}.json") as file:
            json.dump(content, file, indent=1, ensure_ascii=False)
            file.write("\n")

    @classmethod
    def read(cls, path: Path) -> Record:
        """Read what :meth:`write` has written."""
        content = json.loads(path.read_text(encoding="utf8"))
        return cls(**{**content, "figures": [Figure(**row) for row in content["figures"]]})
