"""Graph attention by gathering a row for each edge and scattering it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ibmea_sklearn.nn import EdgePattern
from ibmea_sklearn.nn.gat import DiagonalGAT, DiagonalGATLayer


class PlainGATLayer(DiagonalGATLayer):
    """The layer of the package, with a copy of a row for each edge, by torch's own autograd."""

    def forward(self, x: Tensor, pattern: EdgePattern) -> Tensor:
        """Attend over the neighbours of each node."""
        heads = zip(self.weight, self.attention, strict=True)
        return torch.stack([self._head(x * w, a, pattern) for w, a in heads]).mean(0)

    def _head(self, h: Tensor, attention: Tensor, pattern: EdgePattern) -> Tensor:
        row, col = pattern.row, pattern.col
        source, target = attention.chunk(2)
        scores = -functional.leaky_relu((h @ source)[row] + (h @ target)[col], self.negative_slope)
        top = scores.new_full((len(h),), -torch.inf).scatter_reduce(0, row, scores, "amax")
        weights = torch.exp(scores - top.detach()[row])
        weights = weights / torch.zeros_like(top).index_add(0, row, weights)[row]
        return torch.zeros_like(h).index_add(0, row, h[col] * weights[:, None])


class PlainGAT(DiagonalGAT):
    """The stack of the package, of plain layers."""

    def __init__(
        self, n_features: int, n_layers: int = 2, n_heads: int = 2, dropout: float = 0.0
    ) -> None:
        super().__init__(n_features, n_layers, n_heads, dropout)
        self.layers = torch.nn.ModuleList(
            PlainGATLayer(n_features, n_heads) for _ in range(n_layers)
        )

    @classmethod
    def like(cls, gat: DiagonalGAT) -> PlainGAT:
        """Return the same network in the plain form."""
        weight = gat.layers[0].weight
        plain = cls(weight.shape[1], len(gat.layers), len(weight), gat.dropout.p)
        plain.load_state_dict(gat.state_dict())
        return plain
