"""Features of images, by a network that has learnt from photographs."""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.preprocessing import normalize

from .._device import resolve_device
from .._files import cache_folder
from ..graph import KnowledgeGraph, ModalityFeatures, SeedPairs
from ._backbones import Encoder, named_width
from ._encode import encode_images
from ._feature_cache import FeatureCache
from .base import BaseFeaturizer, checked_positive, graphs_of, name_of, no_features


class UnreadableImage(NamedTuple):
    """An image that counts as missing: of which graph and entity, its path if any, and why."""

    graph: str
    entity: Any
    image: str
    reason: str


class ImageEncoder(BaseFeaturizer):
    """Encode the images of entities, in batches, and keep the features on disk.

    Parameters
    ----------
    backbone : "efficientnet-lite0", torch module or callable, default="efficientnet-lite0"
        What turns a float32 batch of shape (n, 3, `image_size`, `image_size`) into features of
        shape (n, n_features). The default, EfficientNet-Lite0 trained on ImageNet (1,280
        features, 4.6 million weights), comes with the extra ``[images]``. A module is copied and
        run in evaluation mode; a callable gets its batch on `device`.
    image_size : int, default=160
        Pixels a side that images are scaled to. See the notes for what other sizes cost and give.
    mean, std : float or tuple of 3 floats, default=127/255 and 128/255
        Taken from, and dividing, the values of the channels, which are from 0 to 1. The defaults
        are what EfficientNet-Lite0 learnt with.
    batch_size : int, default=8
        On a CPU 8 is faster than 64, as more stays in its cache; on a GPU more is faster.
    device : str, default="auto"
        "auto" is a GPU where there is one.
    cache_dir : path-like, None or False, default=None
        Where features are kept. None is the folder that the variable IBMEA_HOME names, else that
        of this package in the user's cache; False keeps nothing.
    cache_name : str, optional
        What to keep the features of a backbone of your own under; without it they are not kept,
        since nothing tells that the backbone is still the same.
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

    Raises
    ------
    ValueError
        In `fit`, if neither graph has images; in `transform`, if not a single one can be read.
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
    """

    unreadable_: list[UnreadableImage]

    def __init__(
        self,
        backbone: Any = "efficientnet-lite0",
        *,
        image_size: int = 160,
        mean: float | Sequence[float] = 127 / 255,
        std: float | Sequence[float] = 128 / 255,
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

    def _fit(self, X: SeedPairs) -> None:
        size = checked_positive(self.image_size, "image_size")
        checked_positive(self.batch_size, "batch_size")
        resolve_device(self.device)
        if not any(len(kg.images.entities) for kg in graphs_of(X)):
            raise ValueError(
                "ImageEncoder found no image in either graph, so there is nothing to encode. Pass "
                "graphs with images, or leave this featurizer out."
            )
        if isinstance(self.backbone, str):
            self.n_features_out_ = named_width(self.backbone)
        elif callable(self.backbone):
            blank = np.full((2, size, size, 3), 255, np.uint8)
            self.n_features_out_ = self._encoder()(blank).shape[1]
        else:
            raise TypeError(
                "Expected backbone to be a name, a torch module or a callable; found "
                f"{type(self.backbone).__name__}."
            )

    def _encoder(self) -> Encoder:
        device = resolve_device(self.device)
        return Encoder(self.backbone, self.image_size, self.mean, self.std, device)

    def _cache(self) -> FeatureCache | None:
        name = self.backbone if isinstance(self.backbone, str) else self.cache_name
        if self.cache_dir is False or name is None:
            return None
        given = self.cache_dir
        home = cache_folder() if given is None or given is True else Path(given)
        said = repr(
            (name, self.image_size, np.ravel(self.mean).tolist(), np.ravel(self.std).tolist())
        )
        code = hashlib.sha256(said.encode()).hexdigest()[:8]
        readable = re.sub(r"[^\w.-]", "_", name)
        return FeatureCache(home / "image-features" / f"{readable}-{self.image_size}px-{code}")

    def _features_of_both(self, X: SeedPairs) -> tuple[ModalityFeatures, ModalityFeatures]:
        images = [image for kg in graphs_of(X) for image in kg.images.values]
        rows, unreadable = encode_images(
            images,
            self._encoder,
            self._cache(),
            size=self.image_size,
            batch_size=self.batch_size,
            n_features=self.n_features_out_,
            verbose=self.verbose,
        )
        self._report(X, unreadable)
        n_left = len(X.kg1.images.values)
        right = {i - n_left: row for i, row in rows.items() if i >= n_left}
        left = {i: row for i, row in rows.items() if i < n_left}
        return self._means(X, X.kg1, left), self._means(X, X.kg2, right)

    def _features(self, kg: KnowledgeGraph) -> ModalityFeatures:
        nothing = KnowledgeGraph(entities=[0])
        return self._features_of_both(SeedPairs(kg, nothing, []))[0]

    def _means(
        self, X: SeedPairs, kg: KnowledgeGraph, rows: dict[int, np.ndarray]
    ) -> ModalityFeatures:
        """Average the features of each entity's images; `rows` are by position in ``kg.images``."""
        if not rows:
            return no_features(kg, self.n_features_out_)
        entities, values = kg.images.entities[list(rows)], np.stack(list(rows.values()))
        finite = np.isfinite(values).all(1)
        if not finite.all():
            raise ValueError(
                f"Expected finite features from the backbone; found NaN or infinity for "
                f"{(~finite).sum()} images of {name_of(kg, X)}, first that of "
                f"{kg.entity_ids[entities[~finite][0]]!r}. Check the backbone, its mean and std."
            )
        ones = np.ones(len(entities), np.float32)
        owners = sparse.coo_array(
            (ones, (entities, np.arange(len(ones)))), (kg.n_entities, len(ones))
        )
        mask = np.zeros(kg.n_entities, bool)
        mask[entities] = True
        return ModalityFeatures(normalize(owners.tocsr() @ normalize(values)), mask)

    def _report(self, X: SeedPairs, reasons: dict[int, str]) -> None:
        owners = [
            (kg, entity, image)
            for kg in graphs_of(X)
            for entity, image in zip(*kg.images, strict=True)
        ]
        self.unreadable_ = [
            UnreadableImage(
                kg.name or name_of(kg, X), kg.entity_ids[entity], _path_of(image), reasons[i]
            )
            for i, (kg, entity, image) in enumerate(owners)
            if i in reasons
        ]
        if not self.unreadable_:
            return
        what = f"{len(self.unreadable_)} of {len(owners)} images: {_few(self.unreadable_)}"
        if len(self.unreadable_) == len(owners):
            raise ValueError(
                f"Expected images that can be read; found none: {what}. Paths that are not "
                f"absolute are looked up from the folder that Python runs in ({Path.cwd()})."
            )
        warnings.warn(
            f"ImageEncoder could not read {what}. They count as missing; all of them are in its "
            "attribute `unreadable_`.",
            stacklevel=4,
        )


def _few(unreadable: Sequence[UnreadableImage], n: int = 3) -> str:
    shown = "; ".join(
        f"{u.entity!r} of {u.graph} ({f'{u.image}: ' if u.image else ''}{u.reason})"
        for u in unreadable[:n]
    )
    return shown + ("; ..." if len(unreadable) > n else "")


def _path_of(image: Any) -> str:
    return os.fspath(image) if isinstance(image, (str, os.PathLike)) else ""
