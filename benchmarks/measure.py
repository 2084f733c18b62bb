"""Seconds, ratios and memory of the contestants of a task."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NamedTuple

from . import device
from .task import Contestant, Figure, Task


class Killed(Exception):
    """A process that measured has ended before it could answer."""


class Where(NamedTuple):
    """Where to measure: a device, and the number of torch's threads, None for torch's choice."""

    device: str = "cpu"
    threads: int | None = None


def measured(task: Task, where: Where, repetitions: int | None = None) -> list[Figure]:
    """Measure the contestants of a task that are here.

    All are timed in one process, in turns. The memory of each is measured in a process of its own,
    so that no contestant finds what another has left.

    Raises
    ------
    Killed
        If a process was killed, most likely for its memory.
    """
    here = [c for c in task.contestants if c.is_here]
    timed = in_child(where, time_in_turns, here, repetitions or task.repetitions)
    figures = []
    for contestant, (seconds, values) in zip(here, timed, strict=True):
        memory = in_child(where, memory_of, contestant) if contestant.memory else (None, None)
        figures.append(_figure(task, contestant, seconds, timed[0].seconds, memory, values))
    return figures


class Timed(NamedTuple):
    """Seconds of each repetition, and what the last one has told."""

    seconds: list[float]
    values: dict[str, float]


def time_in_turns(
    contestants: Sequence[Contestant],
    repetitions: int,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Timed]:
    """Run the contestants one after the other, again and again, and time each run.

    Whatever else the machine does then meets all of them. Every other round goes backwards, so
    that none always follows the same one. A first round is not timed.
    """
    runs = [c.build(**c.arguments) for c in contestants]
    timed = [Timed([], {}) for _ in runs]
    for repetition in range(repetitions + 1):
        turns = list(zip(runs, timed, strict=True))
        for run, (seconds, values) in turns[:: 1 if repetition % 2 else -1]:
            start = clock()
            told = run()
            device.synchronize()
            if repetition:
                seconds.append(clock() - start)
            if isinstance(told, Mapping):
                values.update(told)
    return timed


def memory_of(contestant: Contestant) -> tuple[float | None, float | None]:
    """Return the extra memory of a repetition that is not the first, and the process's peak.

    The first one loads libraries and starts threads.
    """
    run = contestant.build(**contestant.arguments)
    run()
    so_far, before = device.peak_mib(), device.forget_peak()
    run()
    device.synchronize()
    peak = device.peak_mib()
    extra = None if before is None or peak is None else peak - before
    return extra, None if so_far is None or peak is None else max(so_far, peak)


def in_child(where: Where, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, device.choose, tuple(where)) as pool:
        try:
            return pool.submit(function, *arguments).result()
        except BrokenProcessPool:
            raise Killed(
                "The process was killed, most likely for its memory: see `dmesg`."
            ) from None


def _figure(
    task: Task,
    contestant: Contestant,
    seconds: list[float],
    reference: list[float],
    memory: tuple[float | None, float | None],
    values: dict[str, float],
) -> Figure:
    return Figure(
        task=task.name,
        contestant=contestant.name,
        group=task.group,
        size=task.size,
        seconds=statistics.median(seconds),
        quartiles=quartiles(seconds),
        ratio=statistics.median(own / other for own, other in zip(seconds, reference, strict=True)),
        extra_mib=memory[0],
        peak_mib=memory[1],
        values=values,
    )


def quartiles(numbers: Sequence[float]) -> list[float]:
    """Return the first and the last quartile; of one number, that number twice."""
    if len(numbers) == 1:
        return [numbers[0]] * 2
    first, _, last = statistics.quantiles(numbers, n=4, method="inclusive")
    return [first, last]
