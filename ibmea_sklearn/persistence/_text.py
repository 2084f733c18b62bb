"""Arrays of strings and of objects: UTF-8 bytes, and where each text ends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from ._codec import Decoder, Encoder

# Ids may hold what was no UTF-8 in the file they came from.
_ERRORS = "surrogatepass"


def encode_strings(encoder: Encoder, array: np.ndarray, place: str) -> dict[str, Any]:
    """Keep an array of strings, of whatever shape."""
    kept = _keep(encoder, array.ravel().tolist(), place)
    return {**kept, "shape": list(array.shape), "dtype": array.dtype.str}


def decode_strings(decoder: Decoder, written: dict[str, Any]) -> np.ndarray:
    """Return an array of strings."""
    texts = _texts(decoder, written)
    return np.array(texts, written["dtype"]).reshape(written["shape"])


def encode_objects(encoder: Encoder, array: np.ndarray, place: str) -> dict[str, Any]:
    """Keep an array of any values: strings as they are, the others as JSON."""
    values = array.ravel().tolist()
    is_text = [type(value) is str for value in values]
    texts = [
        value if text else json.dumps(encoder.encode(value, f"{place}.{row}"), allow_nan=False)
        for row, (value, text) in enumerate(zip(values, is_text, strict=True))
    ]
    name = encoder.keep(np.array(is_text, bool), f"{place}.is_text")
    return {**_keep(encoder, texts, place), "shape": list(array.shape), "is_text": name}


def decode_objects(decoder: Decoder, written: dict[str, Any]) -> np.ndarray:
    """Return an array of any values."""
    texts, is_text = _texts(decoder, written), decoder.tensor(written["is_text"])
    array = np.empty(len(texts), object)
    for row, (text, plain) in enumerate(zip(texts, is_text.tolist(), strict=True)):
        array[row] = text if plain else decoder.decode(json.loads(text))
    return array.reshape(written["shape"])


def _keep(encoder: Encoder, texts: Sequence[str], place: str) -> dict[str, Any]:
    parts = [text.encode("utf8", _ERRORS) for text in texts]
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    return {
        "utf8": encoder.keep(np.frombuffer(b"".join(parts), np.uint8), f"{place}.utf8"),
        "ends": encoder.keep(ends, f"{place}.ends"),
    }


def _texts(decoder: Decoder, written: dict[str, Any]) -> list[str]:
    content = decoder.tensor(written["utf8"]).tobytes()
    ends = decoder.tensor(written["ends"]).tolist()
    starts = [0, *ends[:-1]] if ends else []
    return [content[a:b].decode("utf8", _ERRORS) for a, b in zip(starts, ends, strict=True)]
