"""MEAformer's network: attention between the modalities of each entity, which weighs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .encoded import Encoded
from .fusion import masked_softmax
from .gaussian import Point
from .ibmea import VariationalNetwork


class CrossModalFusion(nn.Module):
    r"""Let the modalities of an entity attend to one another; weigh them by what each gets.

    .. math::
        \beta_{mj} = \operatorname{softmax}_j \frac{(W_q h_m) \cdot (W_k h_j)}{\sqrt{d}}, \quad
        w_j = \operatorname{softmax}_j \frac{\sum_{m, \text{heads}} \beta_{mj}}{\sqrt{|M| H}}, \quad
        z = \bigoplus_m w_m h_m

    with vectors h of length 1. What attention makes of them, :math:`\hat h_m`, passes a layer norm,
    a feed-forward network and a further norm, each with the vectors as they were added.

    Parameters
    ----------
    widths : mapping of {str: int}
        Width of each modality's vectors: the same for all.
    n_heads : int, default=1
    n_hidden : int, default=400
        Width of the feed-forward network.

    Raises
    ------
    ValueError
        If widths differ, or heads don't share the width evenly.

    Notes
    -----
    Chen et al., ACM MM 2023. A modality that an entity lacks is attended to by none, and
    has no weight. `n_components` is the sum of all widths.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.meaformer import CrossModalFusion
    >>> vectors = {"graph": torch.ones(2, 4), "image": torch.ones(2, 4)}
    >>> masks = {"graph": torch.tensor([True, True]), "image": torch.tensor([True, False])}
    >>> fused, weights = CrossModalFusion({"graph": 4, "image": 4})(vectors, masks)
    >>> fused.shape
    torch.Size([2, 8])
    >>> weights.detach()
    tensor([[0.5000, 0.5000],
            [1.0000, 0.0000]])
    """

    def __init__(self, widths: Mapping[str, int], n_heads: int = 1, n_hidden: int = 400) -> None:
        super().__init__()
        width, *others = set(widths.values())
        if others or width % n_heads:
            raise ValueError(
                f"Expected vectors of one width that {n_heads} heads share evenly; found widths "
                f"{dict(widths)}. Give all modalities one width, a multiple of the heads."
            )
        self.modalities, self.n_heads = list(widths), n_heads
        self.n_components = width * len(widths)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.output = nn.Linear(width, width)
        self.norm, self.last_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.feed = nn.Sequential(nn.Linear(width, n_hidden), nn.GELU(), nn.Linear(n_hidden, width))

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
        return self.attend(vectors, masks)[:2]

    def attend(
        self, vectors: Mapping[str, Tensor], masks: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Weigh and concatenate; return, too, what attention makes of each modality.

        Parameters
        ----------
        vectors, masks : mapping
            As of :meth:`forward`.

        Returns
        -------
        fused : Tensor of shape (n, n_components)
        weights : Tensor of shape (n, n_modalities)
        attended : dict of {str: Tensor of shape (n, width)}
        """
        tokens = torch.stack([functional.normalize(vectors[m]) for m in self.modalities], 1)
        mask = torch.stack([masks[m] for m in self.modalities], 1)
        attention = self._attention(tokens, mask)
        got = (attention * mask[:, None, :, None]).sum((1, 2))
        weights = masked_softmax(got / (mask.shape[1] * self.n_heads) ** 0.5, mask)
        attended = self._attended(tokens, attention)
        fused = (tokens * weights[:, :, None]).flatten(1)
        return fused, weights, dict(zip(self.modalities, attended.unbind(1), strict=True))

    def _attention(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """How much each attends to each: (n, n_heads, n_modalities, n_modalities)."""
        query, key = self._heads(self.query(tokens)), self._heads(self.key(tokens))
        scores = query @ key.transpose(2, 3) / query.shape[-1] ** 0.5
        scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
        # Who has nothing attends to nothing.
        return torch.where(mask.any(1)[:, None, None, None], scores, 0).softmax(-1)

    def _attended(self, tokens: Tensor, attention: Tensor) -> Tensor:
        mixed = (attention @ self._heads(self.value(tokens))).transpose(1, 2).flatten(2)
        attended = self.norm(tokens + self.output(mixed))
        both: Tensor = self.last_norm(attended + self.feed(attended))
        return both

    def _heads(self, x: Tensor) -> Tensor:
        """Cut vectors (n, n_modalities, width) into (n, n_heads, n_modalities, width / n_heads)."""
        return x.unflatten(2, (self.n_heads, -1)).transpose(1, 2)


class MEAformerNetwork(VariationalNetwork):
    """Encode entities by each modality, and let a :class:`CrossModalFusion` weigh them.

    Parameters
    ----------
    graph, tables, encoders
        As of :class:`VariationalNetwork`, with encoders that draw nothing.
    fusion : CrossModalFusion
    anchor_fraction, max_pairs, fused_posterior, noise, draws_always, encodes_all, shuffles
        As of :class:`VariationalNetwork`; `fused_posterior`, `noise` and `draws_always` have no
        effect, for nothing is drawn.

    Notes
    -----
    What attention makes of a modality stands in ``posteriors`` of what it returns.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn import MEAformerNetwork
    >>> from ibmea_sklearn.nn.features import FeatureTable
    >>> from ibmea_sklearn.nn.gaussian import PlainEncoder
    >>> from ibmea_sklearn.nn.meaformer import CrossModalFusion
    >>> tables = {"image": FeatureTable(torch.eye(4), torch.arange(4) > 0, n_features=4)}
    >>> encoders = {"image": PlainEncoder(n_features=4, n_components=6)}
    >>> network = MEAformerNetwork(None, tables, encoders, CrossModalFusion({"image": 6}))
    >>> network(torch.tensor([[0, 2], [1, 3]])).posteriors["image"].mean.shape
    torch.Size([4, 6])
    """

    fusion: CrossModalFusion

    def _fused(self, posteriors: dict[str, Any], masks: dict[str, Tensor]) -> Encoded:
        vectors = {m: posterior.mean for m, posterior in posteriors.items()}
        fused, weights, attended = self.fusion.attend(vectors, masks)
        refined = {m: Point(x) for m, x in attended.items()}
        return Encoded(refined, vectors, masks, masks, fused, weights)
