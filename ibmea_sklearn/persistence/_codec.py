"""From nested values to JSON with the arrays in them as tensors, and back."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Decoder", "Encoder", "Kind", "to_json"]


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
    tuples : iterable of NamedTuple classes
        That may be among the values.

    Attributes
    ----------
    tensors : dict of {str: ndarray}
        By the place where each array was found first.
    """

    def __init__(self, tuples: Iterable[type] = ()) -> None:
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
        for kind in _kinds():
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
    tensor : callable
        From a name to an array.
    tuples : iterable of NamedTuple classes
    """

    def __init__(self, tensor: Callable[[str], np.ndarray], tuples: Iterable[type] = ()) -> None:
        self.tensor = tensor
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
        for kind in _kinds():
            if kind.name == name:
                return kind.decode(self, payload)
        raise ValueError(f"found a value of kind {name!r}, which this version does not know")


def to_json(value: Any, place: str) -> str:
    """Write a value that has no arrays, such as a parameter, as JSON.

    Parameters
    ----------
    value : object
        Of numbers, strings, dates, paths, or lists, tuples and mappings of these.
    place : str
        What it is, for the message of the error.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If it is of no kind that can be read back.

    Notes
    -----
    What JSON has no form for stands as a mapping from the name of its kind to what it is made of.

    Examples
    --------
    >>> from ibmea_sklearn.persistence import to_json
    >>> to_json([1, 2.5], "betas")
    '[1, 2.5]'
    >>> to_json((0.9, 0.999), "betas")
    '{"tuple": [0.9, 0.999]}'
    """
    return json.dumps(Encoder().encode(value, place), allow_nan=False)


def _kinds() -> list[Kind]:
    from ._kinds import KINDS  # they are written with the coders

    return KINDS


def _name_of(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def encode_parts(encoder: Encoder, parts: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Encode values by name."""
    return {name: encoder.encode(part, f"{place}.{name}") for name, part in parts.items()}


def decode_parts(decoder: Decoder, parts: Mapping[str, Any]) -> dict[str, Any]:
    """Decode values by name."""
    return {name: decoder.decode(part) for name, part in parts.items()}
