"""Networks that turn images into features."""

from __future__ import annotations

import copy
import difflib
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ._efficientnet import efficientnet_lite0
from ._hub_backbones import LOADERS, Backbone

EFFICIENTNET = "efficientnet-lite0"
EFFICIENTNET_WIDTH = 1280
DEFAULT_SIZE = 160
# What EfficientNet-Lite0 learnt with.
_MEAN, _STD = 127 / 255, 128 / 255


def check_name(name: str) -> None:
    """Check what the user called a backbone.

    Raises
    ------
    ValueError
        If there is none of this name.
    """
    kind, _, rest = name.partition(":")
    if name == EFFICIENTNET or (kind in LOADERS and rest):
        return
    known = [EFFICIENTNET, *(f"{kind}:..." for kind in LOADERS)]
    close = difflib.get_close_matches(name, known, n=1) or difflib.get_close_matches(kind, LOADERS)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(
        f"Expected backbone to be {EFFICIENTNET!r}, 'transformers:NAME', 'timm:NAME', "
        f"'onnx:PATH', a torch module or a callable; found {name!r}.{guess}"
    )


def is_permanent(name: str) -> bool:
    """Tell whether a name will mean the same network tomorrow: files of one's own may not."""
    kind, _, rest = name.partition(":")
    return name == EFFICIENTNET or (kind != "onnx" and not Path(rest).exists())


def expected_images(given: Any, size: int | None) -> tuple[int, Any, Any]:
    """Return size, mean and std of the images that a backbone expects, if need be by loading it."""
    if isinstance(given, str) and given != EFFICIENTNET:
        return _load(given, size)[1:]
    return size or DEFAULT_SIZE, _MEAN, _STD


@lru_cache(maxsize=1)
def _load(name: str, size: int | None) -> Backbone:
    if name == EFFICIENTNET:
        size = size or DEFAULT_SIZE
        backbone = Backbone(efficientnet_lite0(size), size, _MEAN, _STD)
    else:
        kind, _, rest = name.partition(":")
        backbone = LOADERS[kind](rest, size)
    if isinstance(backbone.network, nn.Module):
        backbone.network.requires_grad_(False)
    return backbone


class Encoder:
    """A backbone on a device, from uint8 pixels to float32 rows.

    Parameters
    ----------
    backbone : str, torch module or callable
    size : int or None
        Pixels a side. None is what the backbone expects.
    mean, std : float, sequence of 3 floats or None
        What is taken from, and divides, the values of the channels, which are from 0 to 1. None is
        what the backbone expects.
    device : str

    Attributes
    ----------
    size : int
    n_workers : int
        How many threads may call it at a time.
    """

    def __init__(self, backbone: Any, size: int | None, mean: Any, std: Any, device: str) -> None:
        # One's own backbone may not bear several threads, and a GPU needs none.
        is_parallel = backbone == EFFICIENTNET and torch.device(device).type == "cpu"
        self.n_workers = torch.get_num_threads() if is_parallel else 1
        network = _load(backbone, size).network if isinstance(backbone, str) else backbone
        if isinstance(network, nn.Module):
            # A copy: the module that was passed stays on its device and in its mode.
            network = copy.deepcopy(network).eval().to(device)
        self.network = network
        self.device = device
        self.size, *usual = expected_images(backbone, size)
        self.mean, self.std = (
            torch.as_tensor(
                default if given is None else given, dtype=torch.float32, device=device
            ).reshape(-1, 1, 1)
            for given, default in zip((mean, std), usual, strict=True)
        )

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Encode pixels of shape (n_images, size, size, 3) to (n_images, n_features)."""
        images = torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2).float() / 255
        with torch.inference_mode():
            features = self.network((images - self.mean) / self.std)
        return _checked(features, len(pixels))


def _checked(features: Any, n_images: int) -> np.ndarray:
    if isinstance(features, Tensor):
        features = features.detach().float().cpu().numpy()
    shape = np.shape(features)
    if len(shape) != 2 or shape[0] != n_images:
        raise ValueError(
            f"Expected the backbone to turn a batch of shape ({n_images}, 3, height, width) into "
            f"a tensor of shape ({n_images}, n_features); found "
            f"{f'shape {shape}' if shape else type(features).__name__}. Pool feature maps, as with "
            "features.mean((2, 3))."
        )
    return np.asarray(features, np.float32)
