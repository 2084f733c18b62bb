"""The figures to reach on 2 CPU cores, and whether they are reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .data import FB15K, ZH_EN
from .parts import attention, epoch, fit, losses, ranking, scale
from .record import Record


class Target(NamedTuple):
    """At most `limit` of `what`: an attribute of a figure, or an entry of a part's summary."""

    part: str
    task: str
    contestant: str
    what: str
    limit: float


MB = 1e6 / 2**20  # in MiB

_ATTENTION = ("attention", f"{ZH_EN}, d=300", attention.OURS)
_LOSS = ("losses", f"multi-similarity, 4,500 pairs, d={losses.WIDTH}")
_RANKS = ("ranking", "ranks by csls, 10,500 x 10,500", ranking.OURS)
_WITH_IMAGES = f"{ZH_EN}, as published, 2,048 image features"

TARGETS = (
    Target(*_ATTENTION, "seconds", 0.9),
    Target(*_ATTENTION, "ratio", 0.2),
    Target(*_ATTENTION, "extra_mib", 400 * MB),
    Target(*_LOSS, losses.OURS, "seconds", 1.2),
    Target(*_LOSS, losses.OURS_HALF, "seconds", 0.6),
    Target(*_LOSS, losses.OURS, "extra_mib", 300 * MB),
    Target("epoch", f"{ZH_EN}, as published", epoch.OURS, "seconds", 3.0),
    Target("epoch", _WITH_IMAGES, epoch.OURS, "seconds", 3.5),
    Target("fit", ZH_EN, fit.OURS, "peak_mib", 2_500 * MB),
    Target("fit", FB15K, fit.OURS, "peak_mib", 2_500 * MB),
    Target(*_RANKS, "seconds", 2.5),
    Target(*_RANKS, "extra_mib", 300 * MB),
    Target("ranking", "best 10, 100,000 x 100,000", ranking.OURS, "seconds", 180),
    Target("scale", "", "", f"exponent of {scale.EPOCH} seconds", 1.1),
    Target("scale", "", "", f"exponent of {scale.EPOCH_OF_ALL} seconds", 1.1),
    Target("scale", "epoch, 1,000,000 a side", scale.EPOCH, "peak_mib", 24_000 * MB),
)

UNITS = {
    "seconds": "{:.2f} s",
    "ratio": "{:.2f} of the reference",
    "extra_mib": "{:,.0f} MB extra",
    "peak_mib": "{:,.0f} MB in all",
}


def checked(records: Iterable[Record]) -> Iterator[tuple[Target, float | None]]:
    """Yield each target with what was found; None where it was not measured."""
    parts = {record.part: record for record in records if record.device == "cpu"}
    for target in TARGETS:
        yield target, _found(parts.get(target.part), target)


def _found(record: Record | None, target: Target) -> float | None:
    if record is None:
        return None
    if not target.task:
        return record.summary.get(target.what)
    figure = record.find(target.task, target.contestant)
    return None if figure is None else getattr(figure, target.what)
