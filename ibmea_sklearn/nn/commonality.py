"""Fusing modalities after bringing out what they have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .cross_attention import ModalityAttention, SingleKeyAttention, View
from .fusion import masked_softmax

__all__ = ["Common", "CommonalityFusion", "Remainder"]


class Remainder(NamedTuple):
    """What is left of a modality beside what it has in common with another, ``other``.

    Both are (n, width); the ``mask`` (n,) says who has both modalities.
    """

    other: Tensor
    remainder: Tensor
    mask: Tensor


class Common(NamedTuple):
    """Fused vectors (n, n_components), what each modality gives to them, and what is left over.

    ``weights`` (n, n_modalities) are shares of the fused vector's squared length.
    """

    fused: Tensor
    weights: Tensor
    remainders: list[Remainder]


class CommonalityFusion(nn.Module):
    r"""Mix each modality with how the others see it; concatenate the results.

    .. math::
        z_o = \bigl[w_{m0} x_m + \sum_i w_{mi} y_{mi}\bigr]_m, \quad
        w_m = \operatorname{softmax}(\omega_m)

    where the views :math:`y_{mi}` come out of attention. The weights are learned, one set for all
    entities; an entity's are renormalised over what it has.

    Parameters
    ----------
    widths : mapping of {str: int}
        Width of each modality's vectors, the same for all.
    attention : {"multi", "single"}, default="multi"
        "multi": :class:`~.cross_attention.ModalityAttention`, one view of each modality, from all
        others. "single": :class:`~.cross_attention.SingleKeyAttention`, one view from each other,
        as in the published code.
    n_heads : int, default=2
        Of "multi".

    Raises
    ------
    ValueError
        If widths differ, `attention` is neither, or `n_heads` does not divide the width.

    Notes
    -----
    Chen et al., NeurIPS 2024 (TMEA): the commonality module. "multi" is not in the paper's code.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.commonality import CommonalityFusion
    >>> vectors = {"graph": torch.ones(2, 4), "image": torch.zeros(2, 4)}
    >>> masks = {"graph": torch.tensor([True, True]), "image": torch.tensor([True, False])}
    >>> common = CommonalityFusion({"graph": 4, "image": 4})(vectors, masks)
    >>> common.fused.shape, common.weights.shape
    (torch.Size([2, 8]), torch.Size([2, 2]))
    >>> [rest.mask.tolist() for rest in common.remainders]
    [[True, False], [True, False]]
    """

    def __init__(
        self, widths: Mapping[str, int], attention: str = "multi", n_heads: int = 2
    ) -> None:
        super().__init__()
        width = _the_width(widths)
        self.n_components = sum(widths.values())
        self.modalities = list(widths)
        self.attention: nn.Module
        if attention == "multi":
            self.attention, n_views = ModalityAttention(self.modalities, width, n_heads), 1
        elif attention == "single":
            self.attention, n_views = SingleKeyAttention(self.modalities, width), len(widths) - 1
        else:
            raise ValueError(f"Expected attention to be 'multi' or 'single'; found {attention!r}.")
        self.weight = nn.ParameterDict({m: torch.zeros(1 + n_views) for m in widths})

    def forward(self, vectors: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> Common:
        """Attend, mix and concatenate.

        Parameters
        ----------
        vectors : mapping of {str: Tensor of shape (n, width)}
            By modality.
        masks : mapping of {str: bool Tensor of shape (n,)}
            Who has what.

        Returns
        -------
        Common
            ``fused`` is (n, n_components), `n_components` the sum of all widths.
        """
        views: dict[str, list[View]] = self.attention(vectors, masks)
        parts = [self._mix(m, vectors[m], masks[m], views[m]) for m in self.modalities]
        return Common(torch.cat(parts, 1), _shares(parts), _remainders(vectors, masks, views))

    def _mix(self, modality: str, own: Tensor, mask: Tensor, views: list[View]) -> Tensor:
        there = torch.stack([mask, *(view.mask for view in views)], 1)
        weights = masked_softmax(self.weight[modality].expand(there.shape), there)
        vectors = (own, *(view.vector for view in views))
        mixed = torch.zeros_like(own)
        for weight, vector in zip(weights.unbind(1), vectors, strict=True):
            mixed = torch.addcmul(mixed, weight[:, None], vector)
        return mixed


def _the_width(widths: Mapping[str, int]) -> int:
    if len(set(widths.values())) != 1:
        raise ValueError(
            f"Expected modalities of one width, to attend to one another; found {dict(widths)}."
        )
    return next(iter(widths.values()))


def _shares(parts: list[Tensor]) -> Tensor:
    with torch.no_grad():
        lengths = torch.stack([part.square().sum(1) for part in parts], 1)
        return lengths / lengths.sum(1, keepdim=True).clamp(min=torch.finfo(lengths.dtype).tiny)


def _remainders(
    vectors: Mapping[str, Tensor], masks: Mapping[str, Tensor], views: Mapping[str, list[View]]
) -> list[Remainder]:
    remainders = []
    for modality, seen in views.items():
        for view in seen:
            rest = vectors[modality] - view.vector
            remainders += [
                Remainder(vectors[k], rest, masks[modality] & masks[k]) for k in view.partners
            ]
    return remainders
