"""Graphs to measure on. A data set that is not at hand is a FileNotFoundError."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import train_test_split

from ibmea_sklearn import SeedPairs
from ibmea_sklearn.datasets import fetch_dbp15k, fetch_mmkg, make_mmkg_pair
from ibmea_sklearn.featurizers import ModalityFeaturizer
from ibmea_sklearn.nn import EdgePattern

ZH_EN, FB15K = "DBP15K zh-en", "FB15K-DB15K"
# By name: how to load it, and the share of the links that are seeds.
SETS: dict[str, tuple[Callable[..., Any], str, float]] = {
    ZH_EN: (fetch_dbp15k, "zh_en", 0.3),
    FB15K: (fetch_mmkg, "fb15k_db15k", 0.2),
}
# Of the image features that are used with a data set.
IMAGE_WIDTHS = {ZH_EN: 2048, FB15K: 4096}


@functools.cache
def split(name: str | int) -> tuple[SeedPairs, np.ndarray]:
    """Return the seeds of a data set as a view, and its test pairs.

    A number stands for a synthetic pair with so many entities a side and 10 edges each.
    """
    if isinstance(name, int):
        kg1, kg2, links = make_mmkg_pair(name, mean_degree=10, image_dim=0, random_state=0)
        share = 0.3
    else:
        load, part, share = SETS[name]
        kg1, kg2, links = load(part, download_if_missing=False)
    seeds, test = train_test_split(links, train_size=share, random_state=0)
    return SeedPairs(kg1, kg2, seeds), test


@functools.cache
def featurized(name: str | int, images: bool = False) -> SeedPairs:
    """Return the seeds, on graphs with bags of relations and attributes.

    With `images`, random features stand in for those of images: for their size only.
    """
    X = with_images(name) if images else split(name)[0]
    return ModalityFeaturizer(value="drop", verbose=0).fit_transform(X)


def with_images(name: str | int) -> SeedPairs:
    """Return the seeds, on graphs with random features in the place of those of images."""
    X, width = split(name)[0], IMAGE_WIDTHS.get(name, 64)  # type: ignore[call-overload]
    graphs = []
    for seed, kg in enumerate((X.kg1, X.kg2)):
        numbers = np.random.default_rng(seed).standard_normal((kg.n_entities, width), np.float32)
        graphs.append(kg.with_features(image=numbers))
    return X.with_graphs(*graphs)


@functools.cache
def random_pattern(n_nodes: int, degree: int) -> EdgePattern:
    """Return the neighbours in a graph with so many nodes and about so many edges at each."""
    generator = torch.Generator().manual_seed(0)
    triples = torch.randint(n_nodes, (n_nodes * degree // 2, 3), generator=generator)
    return EdgePattern.undirected(triples, n_nodes)


def unit_rows(n: int, d: int, seed: int = 0) -> torch.Tensor:
    """Return random rows of length 1, float32 (n, d)."""
    rows = torch.randn(n, d, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(rows)


def vectors_of_both(n: int, d: int, noise: float = 0.55) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors of n entities in two graphs: what is common to both, and noise.

    Spectrum and likeness of a pair (a cosine of .77) are those of trained embeddings of DBP15K
    zh-en: 64 of 600 directions hold .42 of their squares, 128 hold .66.
    """
    spread = torch.exp(-torch.arange(d) / (0.4 * d))
    common = unit_rows(n, d)
    both = ((common + noise * unit_rows(n, d, side)) * spread for side in (1, 2))
    return tuple(side.numpy() for side in both)  # type: ignore[return-value]
