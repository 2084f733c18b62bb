"""From one vector a modality to one vector an entity."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional


class ConcatFusion(nn.Module):
    """Concatenate the L2-normalised vectors, each times one global softmax weight.

    Parameters
    ----------
    widths : mapping of {str: int}
        Width of each modality's vectors.
    detached : bool, default=False
        Whether a loss of the fused vectors moves the weights alone, as in the released code of EVA.

    Notes
    -----
    The form of the published IBMEA code (Su et al., ACM MM 2024). `n_components` is the sum of all
    widths. An entity's weights are renormalised over the modalities that it has.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn import ConcatFusion
    >>> vectors = {m: torch.tensor([[3.0, 4.0], [0.0, 2.0]]) for m in ("graph", "image")}
    >>> masks = {"graph": torch.tensor([True, True]), "image": torch.tensor([True, False])}
    >>> fused, weights = ConcatFusion({"graph": 2, "image": 2})(vectors, masks)
    >>> weights.detach()
    tensor([[0.5000, 0.5000],
            [1.0000, 0.0000]])
    >>> fused.detach()
    tensor([[0.3000, 0.4000, 0.3000, 0.4000],
            [0.0000, 1.0000, 0.0000, 0.0000]])
    """

    detached = False  # of those that were saved before there was any

    def __init__(self, widths: Mapping[str, int], detached: bool = False) -> None:
        super().__init__()
        self.n_components = sum(widths.values())
        self.modalities = list(widths)
        self.weight = nn.Parameter(torch.zeros(len(widths)))
        self.detached = detached

    def forward(
        self, vectors: Mapping[str, Tensor], masks: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Weigh and concatenate.

        Parameters
        ----------
        vectors : mapping of {str: Tensor of shape (n, width)}
            By modality.
        masks : mapping of {str: bool Tensor of shape (n,)}
            Who has what.

        Returns
        -------
        fused : Tensor of shape (n, n_components)
        weights : Tensor of shape (n, n_modalities)
            In the order of `widths`; the sum is 1, or 0 for who has nothing.
        """
        mask = torch.stack([masks[m] for m in self.modalities], 1)
        weights = masked_softmax(self.weight.expand(mask.shape), mask)
        units = [functional.normalize(vectors[m]) for m in self.modalities]
        if self.detached:
            units = [x.detach() for x in units]
        return torch.cat([x * weights[:, i, None] for i, x in enumerate(units)], 1), weights


class AttentionFusion(nn.Module):
    r"""Sum the vectors with weights that depend on the entity.

    .. math::
        s_m = q \cdot \tanh(W_m z_m + b_m), \quad
        \alpha = \operatorname{softmax}_m(s), \quad z_o = \sum_m \alpha_m P_m z_m

    where :math:`P_m` brings all modalities to one width, the largest.

    Parameters
    ----------
    widths : mapping of {str: int}
        Width of each modality's vectors.
    n_hidden : int, default=100
        Width of `q`.

    Notes
    -----
    Su et al., ACM MM 2024, Eq. 9, per entity as the paper has it. A modality that an entity lacks
    gets weight 0.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn import AttentionFusion
    >>> vectors = {"graph": torch.ones(2, 5), "image": torch.ones(2, 3)}
    >>> masks = {"graph": torch.tensor([True, True]), "image": torch.tensor([True, False])}
    >>> fused, weights = AttentionFusion({"graph": 5, "image": 3})(vectors, masks)
    >>> fused.shape
    torch.Size([2, 5])
    >>> weights[1].detach()
    tensor([1., 0.])
    """

    def __init__(self, widths: Mapping[str, int], n_hidden: int = 100) -> None:
        super().__init__()
        self.n_components = max(widths.values())
        self.modalities = list(widths)
        self.keys = nn.ModuleDict({m: nn.Linear(d, n_hidden) for m, d in widths.items()})
        self.values = nn.ModuleDict(
            {m: nn.Linear(d, self.n_components, bias=False) for m, d in widths.items()}
        )
        self.query = nn.Parameter(torch.randn(n_hidden) * n_hidden**-0.5)

    def attention(self, vectors: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> Tensor:
        """Weigh the modalities of each entity.

        Parameters
        ----------
        vectors : mapping of {str: Tensor of shape (n, width)}
            By modality.
        masks : mapping of {str: bool Tensor of shape (n,)}
            Who has what.

        Returns
        -------
        Tensor of shape (n, n_modalities)
            In the order of `widths`; the sum is 1, or 0 for who has nothing.
        """
        scores = [torch.tanh(self.keys[m](vectors[m])) @ self.query for m in self.modalities]
        mask = torch.stack([masks[m] for m in self.modalities], 1)
        return masked_softmax(torch.stack(scores, 1), mask)

    def forward(
        self, vectors: Mapping[str, Tensor], masks: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Weigh and sum.

        Parameters
        ----------
        vectors : mapping of {str: Tensor of shape (n, width)}
            By modality.
        masks : mapping of {str: bool Tensor of shape (n,)}
            Who has what.

        Returns
        -------
        fused : Tensor of shape (n, n_components)
        weights : Tensor of shape (n, n_modalities)
            In the order of `widths`; the sum is 1, or 0 for who has nothing.
        """
        weights = self.attention(vectors, masks)
        common = torch.stack([self.values[m](vectors[m]) for m in self.modalities], 1)
        return (weights[:, :, None] * common).sum(1), weights


class SumFusion(nn.Module):
    r"""Sum the projected vectors, each normalised: the attention of the published IBMEA code.

    .. math::
        z_o = \sum_m \operatorname{LayerNorm}(P_m z_m + b_m)

    Parameters
    ----------
    widths : mapping of {str: int}
        Width of each modality's vectors.

    Notes
    -----
    Su et al., ACM MM 2024. The published code takes the softmax of its attention over an axis of
    length 1: all weights are 1, and what the scores are made by has neither effect nor gradient, so
    that it is left out here. `n_components` is the sum of all widths, 600 there. A modality that an
    entity lacks is not added.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.fusion import SumFusion
    >>> vectors = {"graph": torch.ones(2, 5), "image": torch.ones(2, 3)}
    >>> masks = {"graph": torch.tensor([True, True]), "image": torch.tensor([True, False])}
    >>> fused, weights = SumFusion({"graph": 5, "image": 3})(vectors, masks)
    >>> fused.shape
    torch.Size([2, 8])
    >>> weights
    tensor([[0.5000, 0.5000],
            [1.0000, 0.0000]])
    """

    def __init__(self, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.n_components = sum(widths.values())
        self.modalities = list(widths)
        self.values = nn.ModuleDict({m: nn.Linear(d, self.n_components) for m, d in widths.items()})
        self.norm = nn.LayerNorm(self.n_components)

    def forward(
        self, vectors: Mapping[str, Tensor], masks: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Project, normalise and sum.

        Parameters
        ----------
        vectors : mapping of {str: Tensor of shape (n, width)}
            By modality.
        masks : mapping of {str: bool Tensor of shape (n,)}
            Who has what.

        Returns
        -------
        fused : Tensor of shape (n, n_components)
        weights : Tensor of shape (n, n_modalities)
            In the order of `widths`; equal, with sum 1, or 0 for who has nothing.
        """
        parts = [self.norm(self.values[m](vectors[m])) * masks[m][:, None] for m in self.modalities]
        mask = torch.stack([masks[m] for m in self.modalities], 1)
        return torch.stack(parts).sum(0), masked_softmax(
            torch.zeros_like(mask, dtype=parts[0].dtype), mask
        )


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Softmax over dimension 1 of what `mask` admits; all zeros where it admits nothing."""
    weights = torch.softmax(scores.masked_fill(~mask, -torch.inf), 1)
    return torch.where(mask, weights, torch.zeros_like(weights))
