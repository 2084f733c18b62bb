"""Makes the golden files from the originals: ``python tests/golden/thin.py FOLDER``.

``FOLDER`` holds ``ibmea.npz`` and ``tmea.npz``, all that the published code said. Nothing that a
test compares is cut or rounded. What no test reads is left out, and weights that were drawn at
random are replaced by their place in the stream of the seed, see ``draws.py``.
"""

import json
import sys
from pathlib import Path

import numpy as np
from draws import FOLDER, draw, load, uniforms

SEED, LENGTH = 11, 1_200_000
# Only the pattern of the adjacency counts; attention to one token has a weight of 1, whatever query
# and key are.
NOT_READ = ("adj_val", "_q.weight", "_k.weight")
# Wider than what rounding does to numbers of single precision, narrower than any chance.
NEAR = 2e-6


def ranges(array: np.ndarray) -> list[tuple[str, float]]:
    """Return what torch may have drawn it from: noise, or a start of a linear layer's numbers."""
    if array.dtype != np.float32 or array.size < 16:
        return []
    if array.ndim == 1:
        return [("uniform", n_inputs**-0.5) for n_inputs in (64, 100, 200, 768)]
    # In blocks of 16: of another size, torch draws the last numbers again.
    deviations = (1.0, float(np.sqrt(2 / sum(array.shape))))
    return [("normal", deviation) for deviation in deviations if array.size % 16 == 0]


def place(array: np.ndarray, stream: np.ndarray) -> tuple | None:
    """Return (kind, start, scale, shape) of an array that was drawn, None of one that was not."""
    for kind, scale in ranges(array):
        for start in starts(array.ravel().astype(float) / scale, kind, stream):
            found = kind, int(start), scale, list(array.shape)
            if np.allclose(draw(stream, *found), array, rtol=0, atol=NEAR):
                return found
    return None


def starts(values: np.ndarray, kind: str, stream: np.ndarray) -> np.ndarray:
    """Return the places where the first of the stream's numbers says the first of the values."""
    if kind == "uniform":
        return np.flatnonzero(abs(2 * stream - 1 - values[0]) < NEAR)
    radius, angle = np.hypot(*values[[0, 8]]), np.arctan2(values[8], values[0]) / (2 * np.pi) % 1
    first, ninth = stream[:-8], stream[8:]
    is_near = abs(first - 1 + np.exp(-(radius**2) / 2)) < 1e-5
    return np.flatnonzero(is_near & (abs(ninth - angle) < 1e-5))


def thin(path: Path, folder: Path) -> None:
    """Write ``NAME.npz`` into the folder, and what was drawn into ``NAME_draws.json``."""
    with np.load(path) as arrays:
        values = {name: arrays[name] for name in arrays if not name.endswith(NOT_READ)}
    stream = uniforms(SEED, LENGTH)
    drawn = {name: found for name, array in values.items() if (found := place(array, stream))}
    kept = {name: array for name, array in values.items() if name not in drawn}
    np.savez_compressed(folder / path.name, **kept)
    if drawn:
        rows = (f"  {json.dumps(name)}: {json.dumps(found)}" for name, found in drawn.items())
        head = f'{{"seed": {SEED}, "length": {LENGTH}, "arrays": {{\n'
        (folder / f"{path.stem}_draws.json").write_text(head + ",\n".join(rows) + "\n}}\n")
    for name, array in load(path.stem, folder).items():
        np.testing.assert_allclose(array, values[name], rtol=0, atol=NEAR * (name in drawn))
    print(f"{path.name}: {len(kept)} arrays kept, {len(drawn)} drawn")


if __name__ == "__main__":
    for name in ("ibmea", "tmea"):
        thin(Path(sys.argv[1]) / f"{name}.npz", FOLDER)
