"""Reads golden values: arrays as they are, and those that a seed and a place in its stream tell.

The published networks start from random weights. Those are two megabytes that nothing compresses,
and all of them follow from one seed: a file of a few kilobytes says where in the stream of the
Mersenne twister each array starts. NumPy has frozen that stream, so it is the same everywhere.
"""

import json
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent


def load(name: str, folder: Path = FOLDER) -> dict[str, np.ndarray]:
    """Return {name: array} of ``NAME.npz`` and, where there is one, of ``NAME_draws.json``."""
    with np.load(folder / f"{name}.npz") as arrays:
        values = dict(arrays)
    draws = folder / f"{name}_draws.json"
    if draws.is_file():
        told = json.loads(draws.read_text("utf8"))
        stream = uniforms(told["seed"], told["length"])
        values |= {array: draw(stream, *place) for array, place in told["arrays"].items()}
    return values


def uniforms(seed: int, length: int) -> np.ndarray:
    """Return numbers of [0, 1), (length,): 24 bits each, as torch makes its single precision."""
    bits = np.random.RandomState(seed).randint(0, 1 << 32, length, np.uint32)
    return (bits & 0xFFFFFF) / float(1 << 24)


def draw(stream: np.ndarray, kind: str, start: int, scale: float, shape: list[int]) -> np.ndarray:
    """Return the array that starts there; ``scale`` is a deviation, or the bound of a range."""
    u = stream[start : start + int(np.prod(shape))]
    values = normals(u) if kind == "normal" else 2 * u - 1
    return (scale * values).reshape(shape).astype(np.float32)


def normals(u: np.ndarray) -> np.ndarray:
    """Box and Muller's transform as torch applies it: 8 radii, 8 angles, and so on."""
    radii, angles = np.moveaxis(u.reshape(-1, 2, 8), 1, 0)
    radii, angles = np.sqrt(-2 * np.log(1 - radii)), 2 * np.pi * angles
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1).ravel()
