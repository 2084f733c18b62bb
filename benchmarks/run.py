"""Measure parts, one task after the other, and keep what was found."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from rich.console import Console

from . import data, flame, pictures
from .machine import described
from .measure import Killed, Where, in_child, measured
from .record import Record
from .report import terminal_table
from .task import Task
from .training import training_of

PARTS = ("attention", "losses", "epoch", "fit", "ranking", "loading", "scale", "precision")


class Settings(NamedTuple):
    """How to measure, and where results go: nowhere if `folder` is None."""

    is_quick: bool = False
    only: str = ""
    repetitions: int | None = None
    where: Where = Where()
    folder: Path | None = None


def part_of(name: str) -> ModuleType:
    """Import a part."""
    return importlib.import_module(f"benchmarks.parts.{name}")


def run_part(name: str, settings: Settings, console: Console) -> Record:
    """Measure a part; after each task, what is there is written, so that nothing gets lost."""
    part = part_of(name)
    record = Record(name, part.TITLE, described(settings.where), settings.is_quick)
    for task in _chosen(part, settings):
        console.print(f"[dim]{name}: {task.name}[/dim]")
        _measure(task, settings, record)
        if settings.folder is not None:
            record.write(settings.folder, is_whole=False)
    if hasattr(part, "profiled") and not settings.only:
        for picture, arguments in part.profiled(settings.is_quick).items():
            console.print(f"[dim]{name}: flame graph {picture}[/dim]")
            _profile(picture, arguments, settings, record)
    _keep(part, record, settings.folder)
    if record.figures:
        console.print(terminal_table(record))
    for said in record.left_out:
        console.print(f"Left out: {said}", highlight=False)
    return record


def _chosen(part: ModuleType, settings: Settings) -> Iterator[Task]:
    return (task for task in part.tasks(settings.is_quick) if settings.only in task.name)


def _measure(task: Task, settings: Settings, record: Record) -> None:
    if task.device is not None and not settings.where.device.startswith(task.device):
        record.left_out.append(f"{task.name}: for --device {task.device}")
        return
    absent = [f"{c.name}, {task.name}: no {c.needs}" for c in task.contestants if not c.is_here]
    record.left_out += absent
    try:
        record.figures += measured(task, settings.where, settings.repetitions)
    except Exception as error:  # one task that fails must not cost the others
        record.left_out.append(f"{task.name}: {_said(error)}")


def _keep(part: ModuleType, record: Record, folder: Path | None) -> None:
    if hasattr(part, "summary"):
        record.summary |= part.summary(record)
    if folder is None:
        return
    canvas = pictures.draw(record)
    if canvas is not None:
        name = f"{record.name}.png"
        pictures.save(canvas, folder / name)
        record.pictures = list(dict.fromkeys([name, *record.pictures]))
    record.write(folder)


def _profile(
    picture: str, arguments: dict[str, object], settings: Settings, record: Record
) -> None:
    try:
        root = in_child(settings.where, flame_of, arguments)
    except Exception as error:
        record.left_out.append(f"flame graph {picture}: {_said(error)}")
        return
    shares = flame.shares(root)
    record.summary.update({f"{picture}: {part}": share for part, share in shares.items()})
    if settings.folder is not None:
        name = f"{picture}{record.name.removeprefix(record.part)}.png"
        title = f"{picture}: {root.seconds:.2f} s under the profiler"
        pictures.save(pictures.draw_flame(root, title), settings.folder / name)
        record.pictures.append(name)


def _said(error: Exception) -> str:
    """Return what an error says; its kind, too, where that is not meant for users."""
    if isinstance(error, (FileNotFoundError, Killed)):
        return str(error)
    return f"{type(error).__name__}: {error}"


def flame_of(arguments: dict[str, object]) -> flame.Frame:
    """Profile one epoch, after one that is not profiled."""
    # A GPU is told what to do, and left to it: the profiler would see the telling only.
    os.environ["CUDA_LAUNCH_BLOCKING"] = "1"
    X = data.featurized(arguments["name"])  # type: ignore[arg-type]
    net, run = training_of(X, str(arguments["preset"]))
    run(1)
    return flame.flame(lambda: run(1), net.module_, net.criterion_)
