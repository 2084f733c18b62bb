"""From nested values to JSON with the arrays in them as tensors, and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np


class Kind(NamedTuple):
    """One kind of value beyond those of JSON: how it is told, written and read.

    It stands in the JSON as a mapping from its name to what `encode` returned. Both functions get
    the coder, for the values inside; `encode` also the place of the value, for messages and for
    the names of tensors.
    """

    name: str
    is_one: Callable[[Any], bool]
    encode: Callable[[Encoder, Any, str], Any]
    decode: Callable[[Decoder, Any], Any]


class Encoder:
    """Turns values into what JSON can hold, and keeps the arrays in them.

    Parameters
    ----------
    kinds : sequence of Kind
        The first that a value is one of is taken.
    tuples : iterable of NamedTuple classes
        That may be among the values.

    Attributes
    ----------
    tensors : dict of {str: ndarray}
        By the place where each array was found first.
    """

    def __init__(self, kinds: Sequence[Kind], tuples: Iterable[type] = ()) -> None:
        self.kinds = kinds
        self.tuples = {t.__name__: t for t in tuples}
        self.tensors: dict[str, np.ndarray] = {}
        self._names: dict[tuple[Any, ...], str] = {}

    def encode(self, value: Any, place: str) -> Any:
        """Return what stands for a value in JSON.

        Raises
        ------
        TypeError
            If it is of no kind that is known.
        """
        value = value.item() if isinstance(value, np.generic) else value
        if isinstance(value, str):
            return str.__str__(value)  # plain, also of a subclass
        if value is None or isinstance(value, (bool, int)):
            return value
        if isinstance(value, float) and math.isfinite(value):
            return value
        if type(value) is list:
            return [self.encode(part, f"{place}.{i}") for i, part in enumerate(value)]
        for kind in self.kinds:
            if kind.is_one(value):
                return {kind.name: kind.encode(self, value, place)}
        raise TypeError(
            f"Expected {place} to be made of numbers, strings, dates, paths, lists, tuples, "
            f"mappings, arrays, graphs, or networks of torch; found {_name_of(type(value))}, "
            "which could only be written by running its own code. Use pickle, or leave it out."
        )

    def keep(self, array: np.ndarray, place: str) -> str:
        """Keep an array, once however often it is met, and return its name."""
        # Arrays stay alive in `tensors`, so no other can come to lie at the same address.
        interface = array.__array_interface__
        key = (interface["data"][0], array.shape, array.strides, array.dtype.str)
        if key not in self._names:
            while place in self.tensors:  # of a mapping with dots in its keys
                place += "~"
            self._names[key] = place
            self.tensors[place] = array
        return self._names[key]


class Decoder:
    """Turns what an :class:`Encoder` wrote into values.

    Parameters
    ----------
    kinds : sequence of Kind
    tensor : callable
        From a name to an array.
    tuples : iterable of NamedTuple classes
    """

    def __init__(
        self,
        kinds: Sequence[Kind],
        tensor: Callable[[str], np.ndarray],
        tuples: Iterable[type] = (),
    ) -> None:
        self.kinds, self.tensor = kinds, tensor
        self.tuples = {t.__name__: t for t in tuples}

    def decode(self, written: Any) -> Any:
        """Return the value that JSON stands for.

        Raises
        ------
        ValueError
            If it is of no kind that is known.
        """
        if isinstance(written, list):
            return [self.decode(part) for part in written]
        if not isinstance(written, dict):
            return written
        ((name, payload),) = written.items()
        for kind in self.kinds:
            if kind.name == name:
                return kind.decode(self, payload)
        raise ValueError(f"found a value of kind {name!r}, which this version does not know")


def _name_of(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def encode_parts(encoder: Encoder, parts: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Encode values by name."""
    return {name: encoder.encode(part, f"{place}.{name}") for name, part in parts.items()}


def decode_parts(decoder: Decoder, parts: Mapping[str, Any]) -> dict[str, Any]:
    """Decode values by name."""
    return {name: decoder.decode(part) for name, part in parts.items()}
