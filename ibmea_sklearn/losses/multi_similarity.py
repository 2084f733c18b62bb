"""Multi-similarity loss of pairs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ._blocks import blocked_loss

__all__ = ["MultiSimilarity"]


class MultiSimilarity(nn.Module):
    r"""Pull the partner of each anchor over a base similarity, push all others below it.

    .. math::
        L = \frac{1}{2n} \sum_i \frac{1}{\alpha}
        \log\bigl(1 + e^{-\alpha (s_{ip(i)} - \lambda)}\bigr) + \frac{1}{\beta}
        \log\Bigl(1 + \sum_{j \ne i, p(i)} e^{\beta (s_{ij} - \lambda)}\Bigr)

    Every row of either side is an anchor; its partner is the only positive, all other rows of both
    sides are negatives; s is the cosine.

    Parameters
    ----------
    alpha : float, default=5.0
    beta : float, default=40.0
    base : float, default=0.5

    Notes
    -----
    Shapes: two inputs (n, d), output a scalar, 0 for an empty batch. Wang et al., CVPR 2019; Su et
    al. 2024, Eq. 14.
    """

    def __init__(self, alpha: float = 5.0, beta: float = 40.0, base: float = 0.5) -> None:
        super().__init__()
        self.alpha = alpha
        self.beta = beta
        self.base = base

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Loss of rows that are pairs: left[i] belongs to right[i]."""
        both = functional.normalize(torch.cat([left, right]))
        return blocked_loss(both, both, self._block) / max(1, len(both))

    def _block(self, rows: Tensor, similarity: Tensor) -> tuple[Tensor, Tensor]:
        n = similarity.shape[1]
        here, partner = torch.arange(len(rows), device=rows.device), (rows + n // 2) % n
        pull = -self.alpha * (similarity[here, partner] - self.base)
        push = similarity.sub_(self.base).mul_(self.beta)
        push[here, partner] = -torch.inf
        push[here, rows] = -torch.inf
        # log(1 + sum exp) = logsumexp with a zero beside the scores.
        total = torch.logaddexp(push.logsumexp(1), push.new_zeros(()))
        loss = functional.softplus(pull).sum() / self.alpha + total.sum() / self.beta
        grad = push.sub_(total[:, None]).exp_()
        grad[here, partner] = -torch.sigmoid(pull)
        return loss, grad
