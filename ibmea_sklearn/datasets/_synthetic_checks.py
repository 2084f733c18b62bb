"""What the parameters of the synthetic pair may be."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np

MODALITIES = ("relation", "attribute", "image")


def check_parameters(
    *,
    dangling: tuple[int, int],
    missing: Mapping[str, tuple[float, float]],
    n_entities: int,
    n_relations: int,
    n_attributes: int,
    mean_degree: float,
    mean_attributes: float,
    structural_overlap: float,
    attribute_noise: float,
    image_noise: float,
    image_dim: int,
) -> None:
    """Raise ValueError that names the parameter, what it may be, and what was found."""
    _check("n_entities", n_entities, Integral, 1)
    _check("n_relations", n_relations, Integral, 1)
    _check("n_attributes", n_attributes, Integral, 1)
    _check("image_dim", image_dim, Integral, 0)
    _check("structural_overlap", structural_overlap, Real, 0, 1)
    _check("attribute_noise", attribute_noise, Real, 0, 1)
    _check("image_noise", image_noise, Real, 0)
    _check("mean_attributes", mean_attributes, Real, 1, n_attributes)
    # Triples without loops that are possible; both sides together draw n_entities * mean_degree.
    _check("mean_degree", mean_degree, Real, 0, (n_entities - 1) * n_relations)
    _check_two("n_dangling", dangling, Integral, 0)
    for modality, shares in missing.items():
        if modality not in MODALITIES:
            raise ValueError(
                f"Expected keys of missing_modalities among {', '.join(MODALITIES)}; "
                f"found {modality!r}."
            )
        _check_two(f"missing_modalities[{modality!r}]", shares, Real, 0, 1)


def _check_two(
    name: str, pair: tuple[Any, ...], kind: Any, low: float, high: float = np.inf
) -> None:
    if len(pair) != 2:
        raise ValueError(f"Expected {name} as one number, or one for each side; found {pair!r}.")
    for value in pair:
        _check(name, value, kind, low, high)


def _check(name: str, value: Any, kind: Any, low: float, high: float = np.inf) -> None:
    fits = isinstance(value, kind) and not isinstance(value, bool) and np.isfinite(value)
    if fits and low <= value <= high:
        return
    what = "an integer" if kind is Integral else "a number"
    accepted = f"of at least {low:g}" if high == np.inf else f"from {low:g} to {high:g}"
    raise ValueError(f"Expected {name} to be {what} {accepted}; found {value!r}.")
