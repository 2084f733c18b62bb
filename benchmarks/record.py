"""What a part has found, as a JSON file."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from ibmea_sklearn._utils.files import atomic_write

from .task import Figure


def unfinished(file_name: str) -> str:
    """Return the name of a file until all that belongs into it is there."""
    return f"{file_name}.unfinished"


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

    @property
    def name(self) -> str:
        """Of files, so that figures of a GPU stand beside those of the CPU: "ranking-cuda"."""
        kind = self.device.partition(":")[0]
        return self.part if kind == "cpu" else f"{self.part}-{kind}"

    @property
    def device(self) -> str:
        """What was measured on."""
        return str(self.circumstances["machine"]["device"])

    def write(self, folder: Path, is_whole: bool = True) -> None:
        """Write ``<name>.json``; what is not whole has another name, and replaces nothing."""
        content = dataclasses.asdict(self)
        file_name = f"{self.name}.json"
        with atomic_write(folder / (file_name if is_whole else unfinished(file_name))) as file:
            json.dump(content, file, indent=1, ensure_ascii=False)
            file.write("\n")
        if is_whole:
            (folder / unfinished(file_name)).unlink(missing_ok=True)

    @classmethod
    def read(cls, path: Path) -> Record:
        """Read what :meth:`write` has written."""
        content = json.loads(path.read_text(encoding="utf8"))
        return cls(**{**content, "figures": [Figure(**row) for row in content["figures"]]})
