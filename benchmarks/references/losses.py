"""The losses by whole matrices of similarities."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ibmea_sklearn.losses import InfoNCE, MultiSimilarity


class PlainMultiSimilarity(MultiSimilarity):
    """Log-sum-exp over rows of the whole matrix, by torch's own autograd."""

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Loss of rows that are pairs: left[i] belongs to right[i]."""
        both = functional.normalize(torch.cat([left, right]))
        similarity = both @ both.T
        here = torch.arange(len(both), device=both.device)
        partner = here.roll(len(left))
        own = similarity[here, partner]
        taken = torch.zeros_like(similarity, dtype=torch.bool)
        taken[here, partner] = taken[here, here] = True
        push = (self.beta * (similarity - self.base)).masked_fill(taken, -torch.inf)
        total = torch.logaddexp(push.logsumexp(1), push.new_zeros(()))
        pull = functional.softplus(-self.alpha * (own - self.base))
        return (pull / self.alpha + total / self.beta).mean()


class TheirMultiSimilarity(nn.Module):
    """pytorch-metric-learning's loss, as the published IBMEA code calls it."""

    def __init__(self, alpha: float = 5.0, beta: float = 40.0, base: float = 0.5) -> None:
        super().__init__()
        from pytorch_metric_learning.losses import MultiSimilarityLoss

        self.loss = MultiSimilarityLoss(alpha=alpha, beta=beta, base=base)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Loss of rows that are pairs: left[i] belongs to right[i]."""
        labels = torch.arange(len(left), device=left.device).repeat(2)
        result: Tensor = self.loss(torch.cat([left, right]), labels)
        return result


class PlainInfoNCE(InfoNCE):
    """Cross-entropy of the rows, and of the columns, of the whole matrix."""

    def forward(self, left: Tensor, right: Tensor, kept: Tensor | None = None) -> Tensor:
        """Loss of rows that are pairs: left[i] belongs to right[i]."""
        if kept is not None:
            left, right = left[kept], right[kept]
        scores = functional.normalize(left) @ functional.normalize(right).T / self.temperature
        own = torch.arange(len(left), device=left.device)
        loss = functional.cross_entropy(scores, own)
        if self.symmetric:
            loss = (loss + functional.cross_entropy(scores.T, own)) / 2
        return loss
