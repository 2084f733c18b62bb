"""Networks of others: of Hugging Face, of timm, and ONNX files."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from .._utils.optional import import_optional

# Of the pixels of ImageNet, which nearly all networks were trained with.
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_USUAL_SIZE = 224


class Backbone(NamedTuple):
    """A network and the images that it expects.

    ``network`` turns a float32 batch of shape (n, 3, size, size) into features of shape
    (n, n_features); ``mean`` is taken from, and ``std`` divides, values from 0 to 1.
    """

    network: Callable[[Tensor], Any]
    size: int
    mean: Any
    std: Any


class _HuggingFace(nn.Module):
    """A vision model: the mean of its last tokens or places, or what CLIP compares with texts."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        if hasattr(self.model, "get_image_features"):
            found = self.model.get_image_features(pixel_values=images)
            return found if isinstance(found, Tensor) else found.pooler_output
        # Not pooler_output: many checkpoints lack the weights of that layer, which then are random.
        return pooled(self.model(pixel_values=images).last_hidden_state)


def pooled(features: Tensor) -> Tensor:
    """Average feature maps over their places, and sequences over their tokens."""
    if features.ndim == 4:
        return features.mean((2, 3))
    return features.mean(1) if features.ndim == 3 else features


def from_transformers(name: str, size: int | None) -> Backbone:
    """Load a model of Hugging Face by its name or folder."""
    purpose = "A backbone of Hugging Face"
    package = import_optional("transformers", "transformers", purpose)
    try:
        processor = package.AutoImageProcessor.from_pretrained(name)
        model = package.AutoModel.from_pretrained(name)
    except Exception as error:
        # Whatever a hub, a config file or a damaged checkpoint gives rise to.
        raise _cannot_load(
            "transformers", name, "the name or folder of a vision model", error
        ) from error
    mean = getattr(processor, "image_mean", None) or _IMAGENET[0]
    std = getattr(processor, "image_std", None) or _IMAGENET[1]
    size = size or _side(processor) or getattr(model.config, "image_size", None) or _USUAL_SIZE
    return Backbone(_HuggingFace(model.eval()), size, mean, std)


def _side(processor: Any) -> int | None:
    """Return how many pixels a side an image processor crops or scales to."""
    for name in ("crop_size", "size"):
        box = getattr(processor, name, None)
        for key in ("height", "shortest_edge"):
            found = box.get(key) if isinstance(box, Mapping) else getattr(box, key, None)
            if found:
                return int(found)
    return None


def from_timm(name: str, size: int | None) -> Backbone:
    """Load a trained model of timm by its name."""
    try:
        timm = importlib.import_module("timm")
    except ImportError as error:
        raise ImportError(
            f"A backbone of timm needs timm, which needs torchvision; found: {error}. Install "
            "both, torchvision in the version that fits your torch: pip install timm torchvision. "
            "Most models of timm are on Hugging Face as well: backbone='transformers:NAME'."
        ) from error
    try:
        model = timm.create_model(name, pretrained=True, num_classes=0)
    except Exception as error:
        raise _cannot_load("timm", name, "the name of a trained model", error) from error
    config = timm.data.resolve_model_data_config(model)
    return Backbone(model.eval(), size or config["input_size"][-1], config["mean"], config["std"])


class _Session:
    """An ONNX file, run by onnxruntime on the CPU."""

    def __init__(self, path: str) -> None:
        runtime = import_optional("onnxruntime", "onnx", "A backbone in an ONNX file")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        try:
            self.session = runtime.InferenceSession(
                path, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise _cannot_load("onnx", path, "the path of an ONNX file", error) from error
        inputs = self.session.get_inputs()
        self.shape = inputs[0].shape
        # A dimension that may be anything is no integer: None, or a name.
        is_batch = len(self.shape) == 4 and not (
            isinstance(self.shape[1], int) and self.shape[1] != 3
        )
        if len(inputs) != 1 or not is_batch:
            found = ", ".join(f"{one.name} {one.shape}" for one in inputs)
            raise ValueError(
                f"Expected {path} to have one input of shape (n, 3, height, width); found {found}."
            )
        self.name = inputs[0].name
        self.dtype = np.float16 if inputs[0].type == "tensor(float16)" else np.float32

    def __call__(self, images: Tensor) -> Tensor:
        batch = images.cpu().numpy().astype(self.dtype)
        n = self.shape[0] if isinstance(self.shape[0], int) else len(batch)
        # A file may be made for batches of one size: the last one is filled up.
        filled = np.concatenate([batch, np.zeros((-len(batch) % n, *batch.shape[1:]), self.dtype)])
        parts = [
            self.session.run(None, {self.name: p})[0] for p in np.split(filled, len(filled) // n)
        ]
        return pooled(torch.from_numpy(np.concatenate(parts)[: len(batch)]).float())


def from_onnx(path: str, size: int | None) -> Backbone:
    """Load an ONNX file; its first output is taken."""
    session = _Session(path)
    side = session.shape[2]
    if not isinstance(side, int):
        side = size or _USUAL_SIZE
    elif size not in (None, side):
        raise ValueError(
            f"Expected image_size={side}, which {path} was made for, or None; found {size}."
        )
    return Backbone(session, side, *_IMAGENET)


def _cannot_load(kind: str, name: str, expected: str, error: Exception) -> ValueError:
    reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    network = (
        ""
        if kind == "onnx" or Path(name).exists()
        else (" A name that is no folder is downloaded, which needs the network.")
    )
    return ValueError(
        f"Expected backbone={f'{kind}:{name}'!r} to be {expected}, after '{kind}:'; it can't be "
        f"loaded: {reason}.{network}"
    )


LOADERS: dict[str, Callable[[str, int | None], Backbone]] = {
    "transformers": from_transformers,
    "timm": from_timm,
    "onnx": from_onnx,
}
