"""MEAformer's objective: contrasts before and after attention, by the weights of both entities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ._batches import PairLoss, push_apart
from .intra_modal import IntraModalContrast


class _Encoded(Protocol):
    posteriors: Mapping[str, Any]
    vectors: Mapping[str, Tensor]
    masks: Mapping[str, Tensor]
    fused: Tensor
    weights: Tensor
    apart: Tensor | None


class MEAformerLoss(PairLoss):
    r"""Contrasts of the fused vectors, and of each modality before and after attention.

    .. math::
        L = L_o + \sum_m L_m^\phi + \hat L_m^\phi, \qquad
        \phi_m(x, y) = \min(w_m(x), w_m(y))

    where a pair counts in the losses of a modality as much as the modality does for the entity that
    it tells less of.

    Parameters
    ----------
    temperature : float, default=0.1
        Of the contrasts, see :class:`IntraModalContrast`.
    size : int or None, default=None
        Largest number of pairs in a batch; None for all of them.
    released : bool, default=False
        Whether it is the loss of the released code: that form of :class:`IntraModalContrast`; all
        pairs count the same, and each modality by a learned uncertainty,
        :math:`e^{-u_m} (L_m + \hat L_m) + 2 u_m`.
    modalities : sequence of str, default=()
        Those that have one; needed with `released`.

    Notes
    -----
    The input holds the left entities of all pairs, then the right ones; modalities stand in the
    order of the columns of its weights. Pairs of which a side lacks a modality take no part in its
    losses. No gradient flows through the minima: weights that shrink would make losses small. Chen
    et al., ACM MM 2023.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import torch
    >>> from ibmea_sklearn.losses import MEAformerLoss
    >>> encoded = SimpleNamespace(
    ...     posteriors={"image": SimpleNamespace(mean=torch.eye(4))},
    ...     vectors={"image": torch.eye(4)},
    ...     masks={"image": torch.ones(4, dtype=torch.bool)},
    ...     fused=torch.eye(4),
    ...     weights=torch.ones(4, 1),
    ...     apart=None,
    ... )
    >>> list(MEAformerLoss()(encoded))
    ['contrast_image', 'attended_image', 'hybrid']
    """

    def __init__(
        self,
        temperature: float = 0.1,
        size: int | None = None,
        released: bool = False,
        modalities: Sequence[str] = (),
    ) -> None:
        super().__init__(size)
        self.contrast = IntraModalContrast(temperature, released)
        self.places = {m: i for i, m in enumerate(modalities)}
        self.uncertainty = nn.Parameter(torch.zeros(len(self.places))) if released else None

    def parts(self, encoded: _Encoded) -> dict[str, Tensor]:
        """Return the parts of a batch.

        Parameters
        ----------
        encoded : Encoded
            What :class:`~ibmea_sklearn.nn.MEAformerNetwork` returns, or some of its pairs.

        Returns
        -------
        dict of {str: Tensor of shape ()}
        """
        least = torch.minimum(*encoded.weights.detach().chunk(2))
        parts = {}
        for place, (m, x) in enumerate(encoded.vectors.items()):
            attended = encoded.posteriors[m].mean
            for name, rows in ((f"contrast_{m}", x), (f"attended_{m}", attended)):
                both = *rows.chunk(2), self.both(encoded.masks[m])
                if self.uncertainty is None:
                    parts[name] = self.contrast(*both, least[:, place])
                else:
                    parts[name] = torch.exp(-self.uncertainty[self.places[m]]) * self.contrast(
                        *both
                    )
        if self.uncertainty is not None:
            parts["uncertainty"] = 2 * self.uncertainty.sum()
        parts["hybrid"] = self.contrast(*encoded.fused.chunk(2))
        if encoded.apart is not None:
            scale = 1 / self.contrast.temperature
            parts["different"] = push_apart(encoded.apart, scale, len(encoded.fused))
        return parts
