"""IBMEA's whole objective, part by part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ._batches import split_pairs
from .contrast import InfoNCE, MultiSimilarity
from .variational import SoftplusKL, StandardNormalKL


class _Encoded(Protocol):
    posteriors: Mapping[str, Any]
    vectors: Mapping[str, Tensor]
    masks: Mapping[str, Tensor]
    everywhere: Mapping[str, Tensor]
    fused: Tensor
    apart: Tensor | None


class IBMEALoss(nn.Module):
    r"""A bottleneck and a contrast for each modality, and a contrast of the fused vectors.

    .. math::
        L = \sum_m \left(\beta_m \operatorname{KL}_m + \operatorname{InfoNCE}_m\right)
        + w \operatorname{MultiSimilarity}

    Parameters
    ----------
    betas : mapping of {str: float or None}
        Weight of the divergence, by modality; None for one without a bottleneck, which has none.
    temperature : float, default=0.1
    symmetric : bool, default=False
        Of InfoNCE.
    hybrid_weight : float, default=3.0
        Weight w of the contrast of fused vectors; 0 leaves it out.
    alpha, beta, base : float
        Of the multi-similarity loss.
    divergence : {"exact", "softplus"}, default="exact"
        ``StandardNormalKL`` of ``losses.variational``, or
        ``SoftplusKL`` of ``losses.variational`` as in the published code.
    batch_size : int or None, default=None
        Largest number of pairs in a loss of :meth:`split`; None for all of them.

    Notes
    -----
    The input holds the left entities of all pairs, then the right ones. Pairs of which a side lacks
    a modality take no part in its InfoNCE, entities that lack it none in its divergence.
    Posteriors may be of further entities: `everywhere` says which of those have the modality.
    Su et al. 2024, Eq. 7 and 15.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import torch
    >>> from ibmea_sklearn.losses import IBMEALoss
    >>> masks = {"image": torch.ones(4, dtype=torch.bool)}
    >>> encoded = SimpleNamespace(
    ...     posteriors={"image": (torch.eye(4), torch.zeros(4, 4))},
    ...     vectors={"image": torch.eye(4)},
    ...     masks=masks,
    ...     everywhere=masks,
    ...     fused=torch.eye(4),
    ...     apart=None,
    ... )
    >>> parts = IBMEALoss({"image": 0.1})(encoded)
    >>> list(parts)
    ['kl_image', 'nce_image', 'hybrid']
    >>> round(parts["kl_image"].item(), 4)
    0.05
    """

    def __init__(
        self,
        betas: Mapping[str, float | None],
        temperature: float = 0.1,
        symmetric: bool = False,
        hybrid_weight: float = 3.0,
        alpha: float = 5.0,
        beta: float = 40.0,
        base: float = 0.5,
        divergence: str = "exact",
        batch_size: int | None = None,
    ) -> None:
        super().__init__()
        self.betas = dict(betas)
        self.kl = SoftplusKL() if divergence == "softplus" else StandardNormalKL()
        self.batch_size = batch_size
        self.contrast = InfoNCE(temperature, symmetric)
        self.hybrid_weight = hybrid_weight
        self.hybrid = MultiSimilarity(alpha, beta, base)

    def forward(self, encoded: _Encoded) -> dict[str, Tensor]:
        """Weighted parts, ``{"kl_image": ..., "nce_image": ..., "hybrid": ...}``: sum them up.

        With pairs that are known to be different there is a part ``"different"``: only fused
        vectors are pushed apart, for two entities may well have one image.

        Parameters
        ----------
        encoded : Encoded
            What :class:`~ibmea_sklearn.nn.VariationalNetwork` returns.

        Returns
        -------
        dict of {str: Tensor of shape ()}
        """
        parts = {}
        for modality, posterior in encoded.posteriors.items():
            beta, mask = self.betas[modality], encoded.masks[modality]
            if beta is not None:
                kl = self._divergence(posterior, _unless_all(encoded.everywhere[modality]))
                parts[f"kl_{modality}"] = beta * kl
            both = torch.logical_and(*mask.chunk(2))
            left, right = encoded.vectors[modality].chunk(2)
            parts[f"nce_{modality}"] = self.contrast(left, right, _unless_all(both))
        if self.hybrid_weight:
            parts["hybrid"] = self.hybrid_weight * self.hybrid(*encoded.fused.chunk(2))
            if encoded.apart is not None:
                left, right = encoded.apart.chunk(2)
                pushed = self.hybrid.apart(left, right, len(encoded.fused))
                parts["different"] = self.hybrid_weight * pushed
        return parts

    def split(self, encoded: Any) -> list[Any]:
        """Cut what is encoded of all pairs into batches of pairs, in their order.

        Parameters
        ----------
        encoded : Encoded

        Returns
        -------
        list
            What :meth:`forward` takes, one a batch. The posteriors that a divergence is averaged
            over stay whole, where they are of all entities.
        """
        return split_pairs(encoded, self.batch_size)

    def _divergence(self, posterior: Any, kept: Tensor | None) -> Tensor:
        if isinstance(self.kl, SoftplusKL):
            return self.kl(posterior.mean, posterior.deviation, kept)
        mean, log_variance = posterior
        return self.kl(mean, log_variance, kept)


def _unless_all(mask: Tensor) -> Tensor | None:
    """Return the mask if it leaves a row out; a device is not asked, it would have to stop."""
    return None if mask.device.type == "cpu" and mask.all() else mask
