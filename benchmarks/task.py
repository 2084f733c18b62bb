"""What is measured: tasks, each with contestants that do the same in different ways."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


class Contestant(NamedTuple):
    """One way to do a task.

    Parameters
    ----------
    name : str
    build : callable
        Of a module, so that another process can import it. Takes the arguments and returns what
        runs the task once; what that returns is dropped, unless it is a mapping of figures.
    arguments : mapping of {str: object}
    needs : str, optional
        A package without which the contestant is left out.
    memory : bool, default=True
        Whether to measure its memory, in a further process.
    """

    name: str
    build: Callable[..., Callable[[], object]]
    arguments: Mapping[str, Any] = {}
    needs: str | None = None
    memory: bool = True

    @property
    def is_here(self) -> bool:
        """Whether the package that it needs is installed."""
        return self.needs is None or importlib.util.find_spec(self.needs) is not None


class Task(NamedTuple):
    """A task; its first contestant is the reference of the others.

    Parameters
    ----------
    name : str
    contestants : sequence of Contestant
    group, size : str and float, optional
        Tasks of one group differ in one size, and are drawn along it. The group says which.
    repetitions : int, default=5
        After one that is not timed.
    device : str, optional
        The kind of device without which it is left out: elsewhere it takes too long.
    """

    name: str
    contestants: Sequence[Contestant]
    group: str = ""
    size: float | None = None
    repetitions: int = 5
    device: str | None = None


@dataclasses.dataclass(frozen=True)
class Figure:
    """What a contestant has taken for a task.

    Attributes
    ----------
    task, contestant, group : str
    size : float or None
    seconds : float
        Median of the repetitions.
    quartiles : list of two floats
        Of the seconds.
    ratio : float
        Median, over the repetitions, of the seconds as a multiple of the reference's in the same
        repetition: below 1 is faster than the reference.
    extra_mib : float or None
        Peak of the memory of one repetition, over what the process had before it.
    peak_mib : float or None
        Peak of the memory of the whole process, what was built included.
    values : dict of {str: float}
        Whatever else the contestant has told.
    """

    task: str
    contestant: str
    group: str
    size: float | None
    seconds: float
    quartiles: list[float]
    ratio: float
    extra_mib: float | None = None
    peak_mib: float | None = None
    values: dict[str, float] = dataclasses.field(default_factory=dict)
