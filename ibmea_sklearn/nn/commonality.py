"""Fusing modalities after bringing out what they have in common, by attention to one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from .fusion import masked_softmax


class View(NamedTuple):
    """A modality as others see it: vectors (n, width), a mask (n,) of where they do, and who."""

    vector: Tensor
    mask: Tensor
    partners: tuple[str, ...]


class SingleKeyAttention(nn.Module):
    r"""Attention of each modality to a single key, which is a linear map of the key's value.

    Each other modality k asks for what it has in common with m; the only key is m itself:

    .. math::
        y_{mk} = W^o_{mk} \sum_j \operatorname{softmax}_j(q_k \cdot k_j) \, W^v_{mk} x_j
        = W^o_{mk} W^v_{mk} x_m + b_{mk}, \quad j \in \{m\}

    Parameters
    ----------
    modalities : sequence of str
    width : int, default=100
        Of all vectors.

    Notes
    -----
    The published TMEA code (Chen et al., NeurIPS 2024). Its maps to queries and keys are left out:
    with one key the softmax is 1, so they have neither effect nor gradient.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.commonality import SingleKeyAttention
    >>> modalities = ["graph", "image", "attribute"]
    >>> vectors = {m: torch.ones(2, 4) for m in modalities}
    >>> masks = {m: torch.ones(2, dtype=torch.bool) for m in modalities}
    >>> views = SingleKeyAttention(modalities, width=4)(vectors, masks)
    >>> [view.partners for view in views["graph"]]
    [('image',), ('attribute',)]
    """

    def __init__(self, modalities: Sequence[str], width: int = 100) -> None:
        super().__init__()
        self.partners = {m: [k for k in modalities if k != m] for m in modalities}
        self.seen = nn.ModuleDict({m: _Seen(len(k), width) for m, k in self.partners.items()})

    def forward(
        self, vectors: Mapping[str, Tensor], masks: Mapping[str, Tensor]
    ) -> dict[str, list[View]]:
        """View each modality through the eyes of each other.

        Parameters
        ----------
        vectors : mapping of {str: Tensor of shape (n, width)}
            By modality.
        masks : mapping of {str: bool Tensor of shape (n,)}
            Who has what.

        Returns
        -------
        dict of {str: list of View}
            By modality, one of each other modality.
        """
        views = {}
        for m, partners in self.partners.items():
            seen = zip(partners, self.seen[m](vectors[m]), strict=True)
            views[m] = [View(vector, masks[m] & masks[k], (k,)) for k, vector in seen]
        return views


class _Seen(nn.Module):
    """Maps of one modality to its values, and on to what each of its partners sees."""

    def __init__(self, n_partners: int, width: int) -> None:
        super().__init__()
        self.value = _square_maps(n_partners, width)
        self.output = _square_maps(n_partners, width)
        # As torch starts the biases of a linear layer, and so the published code.
        self.bias = nn.Parameter(torch.empty(n_partners, width).uniform_(-1, 1) * width**-0.5)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        # The product of the two maps is small, and saves one of two products with all rows.
        maps = (self.output @ self.value).flatten(0, 1)
        seen = functional.linear(x, maps, self.bias.flatten())
        return seen.unflatten(1, self.bias.shape).unbind(1)


class ModalityAttention(nn.Module):
    r"""Attention of each modality of an entity to all others that the entity has.

    .. math::
        y_m = W^o_m \sum_{k \ne m} \operatorname{softmax}_k
        \left(\frac{W^q_m x_m \cdot W^k_k x_k}{\sqrt{d / h}}\right) W^v_k x_k + b_m

    in each of h heads, whose results are concatenated before :math:`W^o_m`.

    Parameters
    ----------
    modalities : sequence of str
    width : int, default=100
        Of all vectors; a multiple of `n_heads`.
    n_heads : int, default=2

    Raises
    ------
    ValueError
        If `n_heads` does not divide `width`.

    Notes
    -----
    Maps are by modality, as Hu et al. (Heterogeneous graph transformer, WWW 2020) have them by type
    of node: vectors of different modalities do not share a space. An entity that lacks m still gets
    what its other modalities say, weighted alike: a query of zero prefers none.

    In place of `SingleKeyAttention` in the model of Chen et al., NeurIPS 2024 (TMEA).

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.commonality import ModalityAttention
    >>> vectors = {m: torch.ones(2, 4) for m in ("graph", "image")}
    >>> masks = {"graph": torch.tensor([True, True]), "image": torch.tensor([True, False])}
    >>> attention = ModalityAttention(["graph", "image"], width=4)
    >>> view = attention(vectors, masks)["graph"][0]
    >>> view.partners, view.mask.tolist()
    (('image',), [True, False])
    >>> weights, allowed = attention.attention(vectors, masks)
    >>> weights[..., 0].tolist()  # of the first entity: all of the other modality
    [[[0.0, 0.0], [1.0, 0.0]], [[1.0, 1.0], [0.0, 0.0]]]
    """

    def __init__(self, modalities: Sequence[str], width: int = 100, n_heads: int = 2) -> None:
        super().__init__()
        if width % n_heads:
            raise ValueError(
                f"Expected a width that {n_heads} heads share evenly; found {width}. "
                "Choose n_heads among the divisors of the width."
            )
        self.modalities = list(modalities)
        self.n_heads = n_heads
        self.query = _square_maps(len(modalities), width)
        self.key = _square_maps(len(modalities), width)
        self.value = _square_maps(len(modalities), width)
        self.output = _square_maps(len(modalities), width)
        self.bias = nn.Parameter(torch.zeros(len(modalities), width))

    def forward(
        self, vectors: Mapping[str, Tensor], masks: Mapping[str, Tensor]
    ) -> dict[str, list[View]]:
        """View each modality through the eyes of all others together.

        Parameters
        ----------
        vectors : mapping of {str: Tensor of shape (n, width)}
            By modality.
        masks : mapping of {str: bool Tensor of shape (n,)}
            Who has what.

        Returns
        -------
        dict of {str: list of View}
            By modality, a single one.
        """
        attention, allowed = self.attention(vectors, masks)
        values = self._heads(self._stack(vectors) @ self.value.mT)
        mixed = (attention[..., None] * values).sum(1).flatten(2)
        seen = mixed @ self.output.mT + self.bias[:, None]
        return {
            m: [View(seen[i], allowed[i].any(0), self._others(m))]
            for i, m in enumerate(self.modalities)
        }

    def attention(
        self, vectors: Mapping[str, Tensor], masks: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Weigh the modalities for each other.

        Entry (i, j) is what modality i takes of modality j: nothing of itself, and nothing of what
        the entity lacks. The sum over j is 1, or 0 where nothing is allowed.

        Parameters
        ----------
        vectors : mapping of {str: Tensor of shape (n, width)}
            By modality.
        masks : mapping of {str: bool Tensor of shape (n,)}
            Who has what.

        Returns
        -------
        weights : Tensor of shape (n_modalities, n_modalities, n, n_heads)
        allowed : bool Tensor of shape (n_modalities, n_modalities, n)
        """
        tokens, mask = self._stack(vectors), self._stack(masks)
        queries = self._heads(torch.where(mask[..., None], tokens @ self.query.mT, 0))
        keys = self._heads(tokens @ self.key.mT)
        # Modalities are few: one product for each two of them takes a quarter of einsum's time.
        scores = torch.linalg.vecdot(queries[:, None], keys) / keys.shape[3] ** 0.5
        itself = torch.eye(len(self.modalities), dtype=torch.bool, device=mask.device)
        allowed = mask & ~itself[..., None]
        return masked_softmax(scores, allowed[..., None].expand(scores.shape)), allowed

    def _stack(self, by_modality: Mapping[str, Tensor]) -> Tensor:
        return torch.stack([by_modality[m] for m in self.modalities])

    def _heads(self, vectors: Tensor) -> Tensor:
        """Cut vectors (m, n, width) into heads: (m, n, n_heads, width / n_heads)."""
        return vectors.unflatten(2, (self.n_heads, -1))

    def _others(self, modality: str) -> tuple[str, ...]:
        return tuple(m for m in self.modalities if m != modality)


def _square_maps(n_maps: int, width: int) -> nn.Parameter:
    """Start several square matrices by Xavier's rule: (n_maps, width, width)."""
    return nn.Parameter(torch.randn(n_maps, width, width) * width**-0.5)


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
        "multi": `ModalityAttention`, one view of each modality, from all
        others. "single": `SingleKeyAttention`, one view from each other,
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
    >>> from ibmea_sklearn.nn import CommonalityFusion
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
