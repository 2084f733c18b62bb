"""Measure parts, one task after the other, and keep what was found."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from rich.console import Console

from . import pictures
from .machine import described
from .measure import Killed, Where, measured
from .record import Record
from .report import terminal_table
from .task import Task

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


def _said(error: Exception) -> str:
    """Return what an error says; its kind, too, where that is not meant for users."""
    if isinstance(error, (FileNotFoundError, Killed)):
        return str(error)
    return f"{type(error).__name__}: {error}"
