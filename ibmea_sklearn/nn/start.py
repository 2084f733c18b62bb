"""What a graph encoder starts from: one vector a node."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["AnchorStart", "FixedStart", "LearnedStart"]


class LearnedStart(nn.Module):
    """A learned vector for each node, whatever the anchors.

    Parameters
    ----------
    n_nodes, n_components : int

    Notes
    -----
    The form of the published IBMEA code (Su et al., ACM MM 2024).

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.start import LearnedStart
    >>> start = LearnedStart(n_nodes=4, n_components=3)
    >>> start(torch.tensor([[0, 2]])).shape
    torch.Size([4, 3])
    """

    def __init__(self, n_nodes: int, n_components: int) -> None:
        super().__init__()
        self.n_components = n_components
        self.vectors = nn.Parameter(torch.empty(n_nodes, n_components))
        nn.init.normal_(self.vectors, std=n_components**-0.5)

    def forward(self, anchors: Tensor, nodes: Tensor | None = None) -> Tensor:
        """Return the vectors.

        Parameters
        ----------
        anchors : int64 Tensor of shape (n_anchors, 2)
            Not read.
        nodes : int64 Tensor of shape (n,), optional
            Those whose vectors are wanted; all, if it is left out.

        Returns
        -------
        Tensor of shape (n_nodes, n_components) or (n, n_components)
        """
        return self.vectors if nodes is None else self.vectors.index_select(0, nodes)


class AnchorStart(nn.Module):
    """A fixed random unit vector for both nodes of each anchor pair, zero for all others.

    An entity is then told by the anchors around it. Nothing is learned for single nodes, so
    nothing can be learned by heart.

    Parameters
    ----------
    n_nodes, n_components : int

    Notes
    -----
    The idea is that of label propagation: Mao et al., LightEA, EMNLP 2022.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.start import AnchorStart
    >>> x = AnchorStart(n_nodes=4, n_components=3)(torch.tensor([[0, 2]]))
    >>> torch.equal(x[0], x[2])
    True
    >>> x[1]
    tensor([0., 0., 0.])
    """

    codes: Tensor

    def __init__(self, n_nodes: int, n_components: int) -> None:
        super().__init__()
        self.n_components = n_components
        codes = functional.normalize(torch.randn(n_nodes, n_components))
        self.register_buffer("codes", codes)

    def forward(self, anchors: Tensor, nodes: Tensor | None = None) -> Tensor:
        """Return the vectors.

        Parameters
        ----------
        anchors : int64 Tensor of shape (n_anchors, 2)
            Pairs of nodes; a pair starts from the code of its left node.
        nodes : int64 Tensor of shape (n,), optional
            Those whose vectors are wanted; all, if it is left out.

        Returns
        -------
        Tensor of shape (n_nodes, n_components) or (n, n_components)
        """
        left, right = anchors.T
        # Whose code a node has; -1 stands for nobody's.
        owner = anchors.new_full((len(self.codes),), -1)
        owner[left] = owner[right] = left
        if nodes is not None:
            owner = owner.index_select(0, nodes)
        codes = self.codes.index_select(0, owner.clamp(min=0))
        return codes.masked_fill_((owner < 0)[:, None], 0)


class FixedStart(nn.Module):
    """A given vector for each node, whatever the anchors.

    Parameters
    ----------
    vectors : Tensor of shape (n_nodes, n_components)

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.start import FixedStart
    >>> FixedStart(torch.eye(2))(torch.tensor([[0, 1]]))
    tensor([[1., 0.],
            [0., 1.]])
    """

    vectors: Tensor

    def __init__(self, vectors: Tensor) -> None:
        super().__init__()
        self.n_components = vectors.shape[1]
        self.register_buffer("vectors", vectors, persistent=False)  # data, not weights

    def forward(self, anchors: Tensor, nodes: Tensor | None = None) -> Tensor:
        """Return the vectors.

        Parameters
        ----------
        anchors : int64 Tensor of shape (n_anchors, 2)
            Not read.
        nodes : int64 Tensor of shape (n,), optional
            Those whose vectors are wanted; all, if it is left out.

        Returns
        -------
        Tensor of shape (n_nodes, n_components) or (n, n_components)
        """
        return self.vectors if nodes is None else self.vectors.index_select(0, nodes)
