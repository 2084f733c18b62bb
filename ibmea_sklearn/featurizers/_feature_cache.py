"""Features on disk, so that no image is encoded twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from .._utils.files import atomic_write


class FeatureCache:
    """A folder of files that are only ever added, each with the features of some images.

    A file is called by the hash of what is in it. So it needs no index, two processes can't get
    in each other's way, and a damaged file is told by its name.

    Parameters
    ----------
    folder : Path
        One for each encoder and size of images.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, keys: Iterable[bytes]) -> dict[bytes, np.ndarray]:
        """Return the features that are there.

        Parameters
        ----------
        keys : iterable of bytes
            32 bytes for each image.

        Returns
        -------
        dict of {bytes: ndarray of shape (n_features,)}
        """
        wanted = set(keys)
        found: dict[bytes, np.ndarray] = {}
        for path in sorted(self.folder.glob("*.safetensors")):
            tensors = _read_whole(path)
            if tensors is None:
                continue
            stored = [key.tobytes() for key in tensors["keys"]]
            found.update(
                (key, row)
                for key, row in zip(stored, tensors["features"], strict=True)
                if key in wanted
            )
        return found

    def write(self, features: Mapping[bytes, np.ndarray]) -> None:
        """Add features; where nothing can be written, they are just computed anew next time."""
        if not features:
            return
        keys = np.stack([np.frombuffer(key, np.uint8) for key in features])
        content = save({"keys": keys, "features": np.stack(list(features.values()))})
        try:
            with atomic_write(self.folder / f"{_name(content)}.safetensors", "wb") as file:
                file.write(content)
        except OSError:
            return


def _read_whole(path: Path) -> dict[str, np.ndarray] | None:
    """Read a file, or None where it is damaged: then its images are encoded anew."""
    try:
        content = path.read_bytes()
        return load(content) if path.stem == _name(content) else None
    except (OSError, SafetensorError):
        return None


def _name(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:40]
