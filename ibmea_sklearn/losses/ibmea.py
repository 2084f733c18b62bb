"""IBMEA's whole objective, part by part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from .contrast import InfoNCE, MultiSimilarity
from .variational import StandardNormalKL


class _Encoded(Protocol):
    posteriors: Mapping[str, tuple[Tensor, Tensor]]
    vectors: Mapping[str, Tensor]
    masks: Mapping[str, Tensor]
    fused: Tensor


class IBMEALoss(nn.Module):
    r"""A bottleneck and a contrast for each modality, and a contrast of the fused vectors.

    .. math::
        L = \sum_m \left(\beta_m \operatorname{KL}_m + \operatorname{InfoNCE}_m\right)
        + w \operatorname{MultiSimilarity}

    Parameters
    ----------
    betas : mapping of {str: float}
        Weight of the divergence, by modality.
    temperature : float, default=0.1
    symmetric : bool, default=False
        Of InfoNCE.
    hybrid_weight : float, default=3.0
        Weight w of the contrast of fused vectors; 0 leaves it out.
    alpha, beta, base : float
        Of the multi-similarity loss.

    Notes
    -----
    The input holds the left entities of all pairs, then the right ones. Pairs of which a side lacks
    a modality take no part in its InfoNCE, entities that lack it none in its divergence.
    Su et al. 2024, Eq. 7 and 15.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import torch
    >>> from ibmea_sklearn.losses import IBMEALoss
    >>> encoded = SimpleNamespace(
    ...     posteriors={"image": (torch.eye(4), torch.zeros(4, 4))},
    ...     vectors={"image": torch.eye(4)},
    ...     masks={"image": torch.ones(4, dtype=torch.bool)},
    ...     fused=torch.eye(4),
    ... )
    >>> parts = IBMEALoss({"image": 0.1})(encoded)
    >>> list(parts)
    ['kl_image', 'nce_image', 'hybrid']
    >>> round(parts["kl_image"].item(), 4)
    0.05
    """

    def __init__(
        self,
        betas: Mapping[str, float],
        temperature: float = 0.1,
        symmetric: bool = False,
        hybrid_weight: float = 3.0,
        alpha: float = 5.0,
        beta: float = 40.0,
        base: float = 0.5,
    ) -> None:
        super().__init__()
        self.betas = dict(betas)
        self.kl = StandardNormalKL()
        self.contrast = InfoNCE(temperature, symmetric)
        self.hybrid_weight = hybrid_weight
        self.hybrid = MultiSimilarity(alpha, beta, base)

    def forward(self, encoded: _Encoded) -> dict[str, Tensor]:
        """Weighted parts, ``{"kl_image": ..., "nce_image": ..., "hybrid": ...}``: sum them up.

        Parameters
        ----------
        encoded : Encoded
            What :class:`~ibmea_sklearn.nn.VariationalNetwork` returns.

        Returns
        -------
        dict of {str: Tensor of shape ()}
        """
        parts = {}
        for modality, (mean, log_variance) in encoded.posteriors.items():
            mask = encoded.masks[modality]
            kl = self.kl(mean, log_variance, _unless_all(mask))
            parts[f"kl_{modality}"] = self.betas[modality] * kl
            both = torch.logical_and(*mask.chunk(2))
            left, right = encoded.vectors[modality].chunk(2)
            parts[f"nce_{modality}"] = self.contrast(left, right, _unless_all(both))
        if self.hybrid_weight:
            parts["hybrid"] = self.hybrid_weight * self.hybrid(*encoded.fused.chunk(2))
        return parts


def _unless_all(mask: Tensor) -> Tensor | None:
    """Return the mask if it leaves a row out; a device is not asked, it would have to stop."""
    return None if mask.device.type == "cpu" and mask.all() else mask
