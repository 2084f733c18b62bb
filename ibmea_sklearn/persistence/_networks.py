"""Networks of torch: their classes by name, their numbers as tensors. No code of theirs runs."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from torch import nn

from ._codec import Decoder, Encoder, decode_parts, encode_parts

# What every module has; the rest are its own settings.
_OF_ALL = frozenset(vars(nn.Module()))
_OURS = f"{__package__.rpartition('.')[0]}.nn"
_TORCHS = "torch.nn"


def encode_tensor(encoder: Encoder, tensor: torch.Tensor, place: str) -> str:
    """Keep a tensor of any device."""
    return encoder.keep(tensor.detach().cpu().numpy(), place)


def decode_tensor(decoder: Decoder, name: str) -> torch.Tensor:
    """Return a tensor on the CPU."""
    return torch.from_numpy(decoder.tensor(name))


def encode_module(encoder: Encoder, module: nn.Module, place: str) -> dict[str, Any]:
    """Keep a module with all its buffers, and whatever it is made of.

    Buffers that no state dict holds are there, too: a network is of no use without its graph.
    """
    settings = {name: v for name, v in vars(module).items() if name not in _OF_ALL}
    return {
        "class": _name_of(type(module), place),
        "training": module.training,
        "settings": encode_parts(encoder, settings, place),
        "parameters": encode_parts(encoder, module._parameters, place),
        "fixed": [
            n for n, p in module._parameters.items() if p is not None and not p.requires_grad
        ],
        "buffers": encode_parts(encoder, module._buffers, place),
        "passing": sorted(module._non_persistent_buffers_set),
        "modules": encode_parts(encoder, module._modules, place),
    }


def decode_module(decoder: Decoder, written: dict[str, Any]) -> nn.Module:
    """Return a module as it was written."""
    kind = _class_of(written["class"])
    module: nn.Module = kind.__new__(kind)
    nn.Module.__init__(module)
    module.__dict__.update(decode_parts(decoder, written["settings"]))
    for name, value in decode_parts(decoder, written["parameters"]).items():
        trains = name not in written["fixed"]
        parameter = None if value is None else nn.Parameter(value, requires_grad=trains)
        module.register_parameter(name, parameter)
    for name, value in decode_parts(decoder, written["buffers"]).items():
        module.register_buffer(name, value, persistent=name not in written["passing"])
    for name, value in decode_parts(decoder, written["modules"]).items():
        module.add_module(name, value)
    module.training = written["training"]
    return module


def _name_of(kind: type[nn.Module], place: str) -> str:
    if getattr(nn, kind.__name__, None) is kind:
        return f"{_TORCHS}.{kind.__name__}"
    name = f"{kind.__module__}.{kind.__qualname__}"
    if not name.startswith(f"{_OURS}."):
        raise TypeError(
            f"Expected {place} to be made of the modules of {_OURS} and {_TORCHS}; found {name}, "
            "whose code a file can't hold. Use pickle for an aligner with a network of your own."
        )
    return name


def _class_of(name: str) -> type[nn.Module]:
    """Find a class in the two packages that hold networks, and nowhere else."""
    home, _, short = name.rpartition(".")
    kind = None
    if home == _TORCHS or home.startswith(f"{_OURS}."):
        try:
            kind = getattr(importlib.import_module(home), short, None)
        except ImportError:
            kind = None
    if not isinstance(kind, type) or not issubclass(kind, nn.Module):
        raise ValueError(f"found a network of class {name!r}, which this version does not know")
    return kind
