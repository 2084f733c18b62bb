"""MCLEA's objective: contrasts within modalities, and modalities that follow all of them fused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from .._utils.device import first_order
from .._utils.validation import checked_positive
from ._batches import PairLoss, push_apart
from ._blocks import row_blocks, unit_rows
from .intra_modal import IntraModalContrast, normalisers, some

# What the released code multiplies the divergence with, twice, and its uncertainty once.
_ZOOM = 0.1


class InterModalAlignment(nn.Module):
    r"""Divergence of what a modality takes for partners from what all of them take, fused.

    .. math::
        L = \frac{1}{2 n} \sum_i \operatorname{KL}(q_o(x_i, \cdot) \| q_m(x_i, \cdot))
        + \operatorname{KL}(q_o(y_i, \cdot) \| q_m(y_i, \cdot))

    where :math:`q(x_i, \cdot)` is the softmax of cosines over the temperature, with all other
    entities of the batch, of both graphs. No gradient flows into the fused vectors.

    Parameters
    ----------
    temperature : float, default=4.0

    Notes
    -----
    Shapes: four inputs (n, width), output a scalar. Lin et al., COLING 2022. Memory
    is O(block + n d): the gradient is exact, and no matrix of all pairs is held.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.losses.mclea import InterModalAlignment
    >>> fused = torch.eye(3)
    >>> alike, other = torch.eye(3) * 2, torch.eye(3).flip(0)
    >>> loss = InterModalAlignment()
    >>> abs(loss(alike, alike, fused, fused)) < 1e-6 < loss(alike, other, fused, fused)
    tensor(True)
    """

    def __init__(self, temperature: float = 4.0) -> None:
        super().__init__()
        self.temperature = checked_positive(temperature, "temperature")

    def forward(
        self,
        left: Tensor,
        right: Tensor,
        fused_left: Tensor,
        fused_right: Tensor,
        kept: Tensor | None = None,
    ) -> Tensor:
        """Loss of rows that are pairs: left[i] belongs to right[i].

        Parameters
        ----------
        left, right : Tensor of shape (n, d)
            Of the modality.
        fused_left, fused_right : Tensor of shape (n, d_fused)
            Of the same entities.
        kept : bool Tensor of shape (n,), optional
            Pairs that take part; all, if it is left out.

        Returns
        -------
        Tensor of shape ()
            0 of no pair.
        """
        own = [unit_rows(some(side, kept)) for side in (left, right)]
        fused = [unit_rows(some(side, kept)).detach() for side in (fused_left, fused_right)]
        scale = 1 / self.temperature
        of_fused = normalisers(fused[0], fused[1], scale)
        expected = self._expected(own, fused, of_fused) - self._expected(fused, fused, of_fused)
        sums = torch.stack(normalisers(own[0], own[1], scale)).sum()
        excess = sums - torch.stack(of_fused).sum()
        return (excess - expected) / (2 * max(1, len(own[0])))

    def _expected(
        self, rows: Sequence[Tensor], fused: Sequence[Tensor], sums: Sequence[Tensor]
    ) -> Tensor:
        """Add up the scores of a modality that the fused vectors expect, of rows of both sides."""
        total = rows[0].new_zeros(())
        for side in (0, 1):
            for other in (1 - side, side):
                both = rows[side], rows[other], fused[side], fused[other]
                how = sums[side], 1 / self.temperature, side == other
                total = total + _ExpectedScores.apply(*both, *how)
        return total


class _ExpectedScores(torch.autograd.Function):
    """Sum of scores ``x @ y.T``, weighed by the chances that fixed vectors give.

    The chances don't change with x and y, so that the gradient is at hand with the sum.
    """

    @staticmethod
    def forward(ctx, x, y, fixed_x, fixed_y, sums, scale, without_pairs):  # type: ignore[no-untyped-def]
        of_x, of_y = torch.zeros_like(x), torch.zeros_like(y)
        for rows in row_blocks(x, y):
            scores = (fixed_x[rows] * scale) @ fixed_y.T
            chances = scores.sub_(sums[rows, None]).exp_()
            if without_pairs:
                chances.diagonal(rows.start).fill_(0)
            of_x[rows] = chances @ y * scale
            of_y += chances.T @ x[rows] * scale
        ctx.save_for_backward(of_x, of_y)
        return (of_x * x).sum()

    @staticmethod
    @first_order
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        of_x, of_y = ctx.saved_tensors
        return grad * of_x, grad * of_y, None, None, None, None, None


class _Encoded(Protocol):
    vectors: Mapping[str, Tensor]
    masks: Mapping[str, Tensor]
    fused: Tensor
    apart: Tensor | None


class MCLEALoss(PairLoss):
    r"""A contrast of the fused vectors, and of each modality a contrast and an alignment to them.

    .. math::
        L = L_o + \sum_m \frac{1}{\alpha_m^2} L_m^\text{ICL} + \frac{1}{\beta_m^2} L_m^\text{IAL}
        + \log \alpha_m + \log \beta_m

    where alpha and beta are learned.

    Parameters
    ----------
    modalities : sequence of str
    temperature : float, default=0.1
        Of the contrasts, see :class:`IntraModalContrast`.
    inter_temperature : float, default=4.0
        Of the alignment to the fused vectors.
    size : int or None, default=None
        Largest number of pairs in a batch; None for all of them.
    released : bool, default=False
        Whether it is the loss of the released code: that form of :class:`IntraModalContrast`; the
        divergence is averaged over all 2 n entities that a row of the batch is compared with, not
        added up, and counts a hundredth; :math:`\log \alpha^2` stands for
        :math:`\log \alpha`, and a tenth of :math:`\log \beta^2` for :math:`\log \beta`.

    Notes
    -----
    The input holds the left entities of all pairs, then the right ones. Pairs of which a side lacks
    a modality take no part in its losses. Lin et al., COLING 2022.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import torch
    >>> from ibmea_sklearn.losses import MCLEALoss
    >>> encoded = SimpleNamespace(
    ...     vectors={"image": torch.eye(4)},
    ...     masks={"image": torch.ones(4, dtype=torch.bool)},
    ...     fused=torch.eye(4),
    ...     apart=None,
    ... )
    >>> list(MCLEALoss(["image"])(encoded))
    ['contrast_image', 'alignment_image', 'uncertainty', 'hybrid']
    """

    def __init__(
        self,
        modalities: Sequence[str],
        temperature: float = 0.1,
        inter_temperature: float = 4.0,
        size: int | None = None,
        released: bool = False,
    ) -> None:
        super().__init__(size)
        self.places = {m: i for i, m in enumerate(modalities)}
        self.contrast = IntraModalContrast(temperature, released)
        self.released = released
        self.alignment = InterModalAlignment(inter_temperature)
        # Logarithms of the squares of alpha and beta.
        self.uncertainty = nn.Parameter(torch.zeros(2, len(modalities)))

    def parts(self, encoded: _Encoded) -> dict[str, Tensor]:
        """Return the parts of a batch.

        Parameters
        ----------
        encoded : Encoded
            What :class:`~ibmea_sklearn.nn.VariationalNetwork` returns, or some of its pairs.

        Returns
        -------
        dict of {str: Tensor of shape ()}
        """
        parts, fused = {}, encoded.fused.chunk(2)
        for m, x in encoded.vectors.items():
            kept = self.both(encoded.masks[m])
            alpha, beta = torch.exp(-self.uncertainty[:, self.places[m]])
            parts[f"contrast_{m}"] = alpha * self.contrast(*x.chunk(2), kept)
            divergence = self.alignment(*x.chunk(2), *fused, kept)
            if self.released:
                n = len(x) if kept is None else 2 * kept.sum().clamp(min=1)
                divergence = _ZOOM**2 * divergence / n
            parts[f"alignment_{m}"] = beta * divergence
        of_contrasts, of_alignments = self.uncertainty.sum(1)
        if self.released:
            parts["uncertainty"] = of_contrasts + _ZOOM * of_alignments
        else:
            parts["uncertainty"] = (of_contrasts + of_alignments) / 2
        parts["hybrid"] = self.contrast(*fused)
        if encoded.apart is not None:
            scale = 1 / self.contrast.temperature
            parts["different"] = push_apart(encoded.apart, scale, len(encoded.fused))
        return parts
