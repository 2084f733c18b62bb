"""TMEA's whole objective, part by part, and the losses that only it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._utils.names import FUSED
from ._blocks import row_products
from .contrast import Contrastive
from .variational import Imputation


class MarginRanking(nn.Module):
    r"""Hinge of the distances of triples against those of their corruptions, summed.

    .. math::
        L = \sum_i \max(0, m + d_i^+ - d_i^-)

    Parameters
    ----------
    margin : float, default=1.0

    Notes
    -----
    Shapes: two inputs (n,), output a scalar, 0 for an empty batch. Bordes et al., NIPS 2013
    (TransE); the sum, not the mean, is that of the published TMEA code (Chen et al., NeurIPS 2024).

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.losses.tmea import MarginRanking
    >>> MarginRanking(margin=1.0)(torch.tensor([0.0, 2.0]), torch.tensor([5.0, 2.5]))
    tensor(0.5000)
    """

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, true: Tensor, corrupted: Tensor) -> Tensor:
        """Sum the hinge of ``true[i]`` against ``corrupted[i]``.

        Parameters
        ----------
        true, corrupted : Tensor of shape (n,)
            Distances.

        Returns
        -------
        Tensor of shape ()
        """
        return functional.relu(self.margin + true - corrupted).sum()


class Orthogonality(nn.Module):
    r"""Square of the mean product of two vectors.

    .. math::
        L = \sum_i w_i \Bigl(\frac{1}{d} \sum_c x_{ic} y_{ic}\Bigr)^2

    where y is what is left of one modality once the part that it has in common with another, x, is
    taken off.

    Notes
    -----
    Shapes: two inputs (n, d) and the weights of the rows (n,), 1 / n each for a mean; output a
    scalar. Chen et al., NeurIPS 2024 (TMEA).

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.losses.tmea import Orthogonality
    >>> Orthogonality()(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), torch.ones(1))
    tensor(0.)
    """

    def forward(self, x: Tensor, remainder: Tensor, weights: Tensor) -> Tensor:
        """Sum over the rows, each times its weight.

        Parameters
        ----------
        x, remainder : Tensor of shape (n, d)
        weights : Tensor of shape (n,)

        Returns
        -------
        Tensor of shape ()
        """
        products = row_products(x, remainder)
        return (weights * (products / x.shape[1]).square()).sum()


class _Encoded(Protocol):
    @property
    def vectors(self) -> Mapping[str, Tensor]: ...
    @property
    def own(self) -> Mapping[str, Tensor]: ...
    @property
    def masks(self) -> Mapping[str, Tensor]: ...
    @property
    def fused(self) -> Tensor: ...
    @property
    def remainders(self) -> Sequence[tuple[Tensor, Tensor, Tensor]]: ...
    @property
    def reconstructions(self) -> Mapping[str, tuple[Any, Any, Tensor]]: ...


class _Step(Protocol):
    @property
    def distances(self) -> tuple[Tensor, Tensor] | None: ...
    @property
    def seeds(self) -> _Encoded | None: ...
    @property
    def found(self) -> _Encoded | None: ...
    @property
    def apart(self) -> Tensor | None: ...


class TMEALoss(nn.Module):
    r"""Triples, contrast of pairs by modality and fused, orthogonality, imputation.

    .. math::
        L = L_\text{TransE} + \sum_m L_\text{con}(m) + L_\text{con}(\text{fused})
        + \lambda_1 L_\text{orth} + L_\text{imp}(\lambda_2) + w L_\text{con}(\text{found pairs})

    Parameters
    ----------
    margin : float, default=1.0
        Between the distances of true and corrupted triples.
    contrast_margin : float, default=2.0
        Similarity that pairs are pulled to.
    orthogonality_weight : float, default=0.01
        lambda_1; 0 leaves the constraint out.
    latent_weight : float, default=0.01
        lambda_2, of the distance of latents; 0 leaves it out.
    divergence_weight : float, default=1.0
        Of the divergence of the latents from the standard normal distribution.
    found_weight : float, default=0.1
        Of the contrast of pairs that were found in training.
    cosine : bool, default=False
        Compare fused vectors by their cosine. As they are, by their product, in the published code,
        although its results are ranked by cosine.
    keeps_missing : bool, default=False
        Contrast all pairs by each modality: who lacks it, by the vector that its projection gives
        to whoever does. So does the published code.

    Notes
    -----
    Seeds and found pairs hold the left entities of all pairs, then the right ones. Pairs of which a
    side lacks a modality take no part in its contrast. Orthogonality and imputation are those of
    the seeds: a mean over each side, the two summed. Chen et al., NeurIPS 2024.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import torch
    >>> from ibmea_sklearn.losses import TMEALoss
    >>> seeds = SimpleNamespace(
    ...     vectors={"image": torch.eye(4)},
    ...     masks={"image": torch.ones(4, dtype=torch.bool)},
    ...     fused=torch.eye(4),
    ...     remainders=[],
    ...     reconstructions={},
    ... )
    >>> list(TMEALoss()(SimpleNamespace(distances=None, seeds=seeds, found=None, apart=None)))
    ['contrast_image', 'contrast_fused', 'orthogonality']
    """

    def __init__(
        self,
        margin: float = 1.0,
        contrast_margin: float = 2.0,
        orthogonality_weight: float = 0.01,
        latent_weight: float = 0.01,
        divergence_weight: float = 1.0,
        found_weight: float = 0.1,
        cosine: bool = False,
        keeps_missing: bool = False,
    ) -> None:
        super().__init__()
        self.ranking = MarginRanking(margin)
        self.contrast = Contrastive(contrast_margin)
        self.orthogonality = Orthogonality()
        self.orthogonality_weight = orthogonality_weight
        self.imputation = Imputation(latent_weight, divergence_weight)
        self.found_weight = found_weight
        self.cosine = cosine
        self.keeps_missing = keeps_missing

    def forward(self, step: _Step) -> dict[str, Tensor]:
        """Weighted parts, ``{"triples": ..., "contrast_image": ..., ...}``: sum them up.

        Parameters
        ----------
        step : TrainingStep
            What :class:`~ibmea_sklearn.nn.TMEANetwork` returns.

        Returns
        -------
        dict of {str: Tensor of shape ()}
        """
        parts = {} if step.distances is None else {"triples": self.ranking(*step.distances)}
        if step.seeds is None:
            return parts
        parts |= self._contrasts(step.seeds)
        if self.orthogonality_weight:
            parts["orthogonality"] = self.orthogonality_weight * self._orthogonality(step.seeds)
        for modality, (own, source, rows) in step.seeds.reconstructions.items():
            there = torch.zeros_like(step.seeds.masks[modality]).index_fill(0, rows, True)
            weights = _by_side(there, step.seeds.fused.dtype)[rows]
            parts[f"imputation_{modality}"] = self.imputation(own, source, weights)
        if step.found is not None:
            parts["found"] = self.found_weight * sum(self._contrasts(step.found).values())
        if step.apart is not None:
            left, right = self._comparable(step.apart).chunk(2)
            parts["different"] = self.contrast.apart(left, right, len(step.seeds.fused) // 2)
        return parts

    def _contrasts(self, pairs: _Encoded) -> dict[str, Tensor]:
        parts = {}
        for modality, vectors in pairs.vectors.items():
            if self.keeps_missing:
                parts[f"contrast_{modality}"] = self.contrast(*pairs.own[modality].chunk(2))
                continue
            left, right = vectors.chunk(2)
            both = torch.logical_and(*pairs.masks[modality].chunk(2))
            parts[f"contrast_{modality}"] = self.contrast(left[both], right[both])
        fused = self._comparable(pairs.fused)
        return {**parts, f"contrast_{FUSED}": self.contrast(*fused.chunk(2))}

    def _comparable(self, fused: Tensor) -> Tensor:
        return functional.normalize(fused) if self.cosine else fused

    def _orthogonality(self, pairs: _Encoded) -> Tensor:
        """Sum over all remainders; 0 where the fusion leaves none."""
        total = pairs.fused.new_zeros(())
        for other, remainder, mask in pairs.remainders:
            total = total + self.orthogonality(other, remainder, _by_side(mask, other.dtype))
        return total


def _by_side(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Weights of rows, left then right, that sum to 1 over what `mask` admits of either side."""
    sides = mask.unflatten(0, (2, -1)).to(dtype)
    return (sides / sides.sum(1, keepdim=True).clamp(min=1)).flatten()
