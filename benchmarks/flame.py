"""A flame graph of what a call spends its time on, by torch's profiler."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from torch import nn
from torch.profiler import ProfilerActivity, profile, record_function

# Frames that say where in the network one is; all others are operations of torch.
OWN = "> "
_NODE = "autograd::engine::evaluate_function: "


@dataclasses.dataclass
class Frame:
    """What was called under one path, all calls together; times in seconds."""

    name: str
    seconds: float = 0.0
    children: dict[str, Frame] = dataclasses.field(default_factory=dict)

    def child(self, name: str) -> Frame:
        """Return the frame of a name below this one, made if need be."""
        return self.children.setdefault(name, Frame(name))

    def ordered(self) -> list[Frame]:
        """Return the children, the longest first."""
        return sorted(self.children.values(), key=lambda frame: -frame.seconds)


def flame(call: Callable[[], object], module: nn.Module, criterion: nn.Module) -> Frame:
    """Profile one call; frames are named by modules, and by torch's operations inside them."""
    with _labelled(module, "network"), _labelled(criterion, "loss"):
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            call()
    root = Frame("epoch")
    for event in profiler.events():
        if event.cpu_parent is None:
            _add(root, event)
    root.seconds = sum(frame.seconds for frame in root.children.values())
    return root


class _labelled:
    """Name the forward passes of a module and of its children after them, inside a block."""

    def __init__(self, module: nn.Module, name: str) -> None:
        self.parts = [(name, module), *module.named_children()]
        self.handles: list[Any] = []
        self.open: list[Any] = []

    def __enter__(self) -> None:
        for name, part in self.parts:
            self.handles.append(part.register_forward_pre_hook(self._start(name)))
            self.handles.append(part.register_forward_hook(self._stop))

    def __exit__(self, *error: object) -> None:
        for handle in self.handles:
            handle.remove()

    def _start(self, name: str) -> Callable[..., None]:
        def start(module: nn.Module, inputs: Any) -> None:
            self.open.append(record_function(OWN + name))
            self.open[-1].__enter__()

        return start

    def _stop(self, module: nn.Module, inputs: Any, output: Any) -> None:
        self.open.pop().__exit__(None, None, None)


def _add(parent: Frame, event: Any) -> None:
    name = "step" if event.name.startswith("Optimizer.step") else event.name
    if name.startswith(_NODE):
        # What runs a node of the backward pass is no call of its own.
        parent, name = parent.child("backward"), name.removeprefix(_NODE)
        parent.seconds += event.cpu_time_total / 1e6
    frame = parent.child(name.removeprefix(OWN))
    frame.seconds += event.cpu_time_total / 1e6
    for below in event.cpu_children:
        _add(frame, below)


def boxes(
    frame: Frame, start: float = 0.0, depth: int = 0, deepest: int = 4
) -> Iterator[tuple[Frame, float, int]]:
    """Yield each frame with its left end, in seconds, and its depth."""
    yield frame, start, depth
    if depth == deepest:
        return
    for child in frame.ordered():
        yield from boxes(child, start, depth + 1, deepest)
        start += child.seconds


def shares(root: Frame, least: float = 0.02) -> dict[str, float]:
    """Return the share of each part in the whole, as "loss / hybrid", the longest first."""
    found: dict[str, float] = {}
    for frame in _tops(root):
        below = frame.ordered() if frame.name in _OPENED else []
        named = {f"{frame.name} / {f.name}": f.seconds for f in below} or {
            frame.name: frame.seconds
        }
        found.update({name: s / root.seconds for name, s in named.items()})
    kept = {name: share for name, share in found.items() if share >= least}
    return dict(sorted(kept.items(), key=lambda item: -item[1]))


# Of these, the parts say more than the whole.
_OPENED = ("network", "loss", "backward")


def _tops(root: Frame) -> Iterator[Frame]:
    """Yield what an epoch is made of: the step of the optimiser holds all that it is called for."""
    for frame in root.ordered():
        yield from frame.ordered() if frame.name == "step" else [frame]
