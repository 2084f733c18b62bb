"""What each layer of a graph encoder has to compute, where some nodes only are asked for."""

from __future__ import annotations

from torch import Tensor

from .sparse import EdgePattern

__all__ = ["neighbourhood"]


def neighbourhood(
    pattern: EdgePattern, nodes: Tensor, n_layers: int
) -> tuple[Tensor | None, list[EdgePattern]]:
    """Follow the edges back from some nodes, a layer at a time.

    The last layer has to compute these nodes, the one before their neighbours, too, and so on. None
    is left out, so the result is exact. Where that comes to more than half of the nodes, a layer
    computes all of them: choosing would cost more than it saves.

    Parameters
    ----------
    pattern : EdgePattern
        Neighbours of all nodes.
    nodes : int64 Tensor of shape (n,)
        Those that are asked for, in any order.
    n_layers : int

    Returns
    -------
    first : int64 Tensor of shape (n_first,) or None
        Nodes that the first layer starts from, ascending; None stands for all.
    patterns : list of n_layers EdgePatterns
        From the first layer to the last. The rows of each are the columns of the next; those of the
        last are `nodes`, unless these are more than half.

    Notes
    -----
    With 1,000,000 entities in either graph, 10 edges each, 2,000 pairs have 44,000 nodes within one
    edge, and 430,000 within two.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.neighbourhood import neighbourhood
    >>> from ibmea_sklearn.nn.sparse import EdgePattern
    >>> chain = torch.tensor([[i, 0, i + 1] for i in range(9)])
    >>> pattern = EdgePattern.undirected(chain, n_nodes=10)
    >>> first, patterns = neighbourhood(pattern, torch.tensor([0]), n_layers=2)
    >>> first
    tensor([0, 1, 2])
    >>> [p.n_rows for p in patterns]
    [2, 1]
    """
    first = None if _are_most(nodes, pattern) else nodes
    patterns = []
    for _ in range(n_layers):
        if first is None:
            patterns.append(pattern)
            continue
        needed = pattern.needed_by(first)
        columns = None if _are_most(needed, pattern) else needed
        patterns.append(pattern.of_rows(first, columns))
        first = columns
    return first, patterns[::-1]


def _are_most(nodes: Tensor, pattern: EdgePattern) -> bool:
    return len(nodes) > pattern.n_nodes // 2
