"""EVA's objective: neighbourhood components of each modality, and of all of them fused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from .._utils.names import GRAPH
from .._utils.validation import checked_positive
from ._batches import PairLoss, push_apart
from ._blocks import check_pairs, log_sums, mean_of, row_products, rows_of, unit_rows


class NCA(nn.Module):
    r"""Push all other pairs of the batch apart, and pull the pair together.

    .. math::
        L = \frac{1}{n} \sum_i \Bigl(
        \frac{1}{\alpha} \log\bigl(1 + \sum_{j \ne i} e^{\alpha s_{ij}}\bigr)
        + \frac{1}{\alpha} \log\bigl(1 + \sum_{j \ne i} e^{\alpha s_{ji}}\bigr)
        - \log(1 + \beta s_{ii}) \Bigr)

    where s is the cosine of left and right rows.

    Parameters
    ----------
    alpha : float, default=5.0
    beta : float, default=10.0
    released : bool, default=False
        Whether the last logarithm is :math:`\beta \log(1 + s_{ii})`, as in the released code.

    Notes
    -----
    Shapes: two inputs (n, d), output a scalar, 0 for an empty batch. Liu et al., AAAI 2021.
    Below a cosine of :math:`-1 / \beta` the last logarithm does not exist: a negative one counts as
    0 there, so that such a pair is not pulled, but the others are pushed from it.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.losses import NCA
    >>> NCA()(torch.eye(3), torch.eye(3)) < NCA()(torch.eye(3), torch.eye(3).flip(0))
    tensor(True)
    """

    def __init__(self, alpha: float = 5.0, beta: float = 10.0, released: bool = False) -> None:
        super().__init__()
        self.alpha = checked_positive(alpha, "alpha")
        self.beta = checked_positive(beta, "beta")
        self.released = released

    def forward(self, left: Tensor, right: Tensor, kept: Tensor | None = None) -> Tensor:
        """Loss of rows that are pairs: left[i] belongs to right[i].

        Parameters
        ----------
        left, right : Tensor of shape (n, d)
        kept : bool Tensor of shape (n,), optional
            Pairs that take part; all, if it is left out.

        Returns
        -------
        Tensor of shape ()

        Raises
        ------
        ValueError
            If the shapes of the two differ.
        """
        check_pairs(left, right)
        left, right = (unit_rows(rows_of(side, kept)) for side in (left, right))
        sums = log_sums(left, right, self.alpha, without_pairs=True, kept=kept)
        # log(1 + sum exp) = logsumexp with a zero beside the scores.
        push = sum(torch.logaddexp(torch.zeros_like(s), s) for s in sums) / self.alpha
        near = row_products(left, right).clamp(min=0)
        pull = self.beta * near.log1p() if self.released else (self.beta * near).log1p()
        return mean_of(push - pull, kept)


class _Encoded(Protocol):
    vectors: Mapping[str, Tensor]
    masks: Mapping[str, Tensor]
    fused: Tensor
    apart: Tensor | None


class EVALoss(PairLoss):
    r"""The sum of :class:`NCA` of each modality and of the fused vectors.

    Parameters
    ----------
    alpha, beta : float, default=5.0, 10.0
        Of :class:`NCA`.
    size : int or None, default=None
        Largest number of pairs in a batch; None for all of them.
    feature_alpha : float or None, default=None
        `alpha` of all but the graph; None for the same.
    released : bool, default=False
        Whether it is the loss of the released code: that form of :class:`NCA`, and no gradient
        flows through the fused vectors, but for the weights of the modalities.

    Notes
    -----
    The input holds the left entities of all pairs, then the right ones. Pairs of which a side lacks
    a modality take no part in its loss. Liu et al., AAAI 2021.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import torch
    >>> from ibmea_sklearn.losses import EVALoss
    >>> encoded = SimpleNamespace(
    ...     vectors={"image": torch.eye(4)},
    ...     masks={"image": torch.ones(4, dtype=torch.bool)},
    ...     fused=torch.eye(4),
    ...     apart=None,
    ... )
    >>> list(EVALoss()(encoded))
    ['contrast_image', 'hybrid']
    """

    def __init__(
        self,
        alpha: float = 5.0,
        beta: float = 10.0,
        size: int | None = None,
        feature_alpha: float | None = None,
        released: bool = False,
    ) -> None:
        super().__init__(size)
        self.of_graph = NCA(alpha, beta, released)
        self.contrast = NCA(alpha if feature_alpha is None else feature_alpha, beta, released)

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
        parts = {
            f"contrast_{m}": (self.of_graph if m == GRAPH else self.contrast)(
                *x.chunk(2), self.both(encoded.masks[m])
            )
            for m, x in encoded.vectors.items()
        }
        parts["hybrid"] = self.contrast(*encoded.fused.chunk(2))
        if encoded.apart is not None:
            scale, n_anchors = self.contrast.alpha, len(encoded.fused)
            parts["different"] = push_apart(encoded.apart, scale, n_anchors)
        return parts
