"""Graph attention with diagonal weights, and dropout whose random bits cost little on a CPU."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._utils.device import generator
from .sparse import EdgePattern, edge_scores, edge_softmax, spmm

# Random bits for each number: a probability is rounded to a 65,536th.
_STEPS = 1 << 16
_NUMBERS_IN_A_DRAW = 4


class Dropout(nn.Module):
    """Set a random part of the numbers to zero while training, and scale the others up.

    On a CPU, torch draws a whole random number for each place: .30 s forward and backward for
    38,960 x 300 places. Here each draw of 64 bits serves four of them: .13 s.

    Parameters
    ----------
    p : float, default=0.5
        Probability of a zero, in [0, 1).

    Raises
    ------
    ValueError
        If `p` is outside.

    Notes
    -----
    Srivastava et al., JMLR 2014.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.gat import Dropout
    >>> x = torch.ones(100, 100)
    >>> dropout = Dropout(0.5)
    >>> dropout(x).unique()
    tensor([0., 2.])
    >>> torch.equal(dropout.eval()(x), x)
    True
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"Expected a probability p in [0, 1); found {p!r}.")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Drop numbers of `x`.

        Parameters
        ----------
        x : Tensor of any shape

        Returns
        -------
        Tensor of the same shape
            `x` itself when not training.
        """
        # A compiler draws in a program of its own, and loses its way where int64 turns to int16.
        if x.device.type != "cpu" or not self.p or torch.compiler.is_compiling():
            return functional.dropout(x, self.p, self.training)
        if not self.training:
            return x
        dropped = min(round(self.p * _STEPS), _STEPS - 1)
        kept = _random_int16(x) >= dropped - _STEPS // 2
        return x * kept.to(x.dtype).mul_(_STEPS / (_STEPS - dropped))

    def extra_repr(self) -> str:
        """Show the probability where the module is printed.

        Returns
        -------
        str
        """
        return f"p={self.p}"


def _random_int16(like: Tensor) -> Tensor:
    n = like.numel()
    draws = torch.empty(-(-n // _NUMBERS_IN_A_DRAW), dtype=torch.int64)
    draws.random_(-(2**63), None, generator=generator())
    return draws.view(torch.int16)[:n].view(like.shape)


class DiagonalGATLayer(nn.Module):
    r"""One graph attention layer whose weight matrix is diagonal; heads are averaged.

    .. math::
        e_{ij} = -\operatorname{LeakyReLU}(a_\text{src} \cdot h_i + a_\text{dst} \cdot h_j),
        \quad h = x \operatorname{diag}(w), \quad
        y_i = \sum_j \operatorname{softmax}_j(e_{ij}) h_j

    Parameters
    ----------
    n_features : int
    n_heads : int, default=2
    negative_slope : float, default=0.2
    start : {"xavier", "uniform"}, default="xavier"
        Of the attention vectors. "uniform": on +-1 / sqrt(2 n_features), as in the published code.

    Notes
    -----
    Velickovic et al., ICLR 2018, with the diagonal weights and the sign of the published IBMEA code
    (Su et al., ACM MM 2024).

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn import EdgePattern
    >>> from ibmea_sklearn.nn.gat import DiagonalGATLayer
    >>> pattern = EdgePattern.undirected(torch.tensor([[0, 0, 1]]), n_nodes=3)
    >>> y = DiagonalGATLayer(n_features=3)(torch.eye(3), pattern)
    >>> y[2].detach()  # it has no neighbour but itself, and weights start at 1
    tensor([0., 0., 1.])
    """

    def __init__(
        self,
        n_features: int,
        n_heads: int = 2,
        negative_slope: float = 0.2,
        start: str = "xavier",
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_heads, n_features))
        self.attention = nn.Parameter(torch.empty(n_heads, 2 * n_features))
        self.negative_slope = negative_slope
        if start == "uniform":
            bound = (2 * n_features) ** -0.5
            nn.init.uniform_(self.attention, -bound, bound)
        else:
            nn.init.xavier_uniform_(self.attention)

    def forward(self, x: Tensor, pattern: EdgePattern) -> Tensor:
        """Attend over the neighbours of each node.

        Parameters
        ----------
        x : Tensor of shape (n_nodes, n_features)
        pattern : EdgePattern
            Each row holds the neighbours of a node.

        Returns
        -------
        Tensor of shape (n_rows, n_features)
            Of the weights' dtype, under autocast too.
        """
        # Limited by memory, not by arithmetic: autocast would only cost precision.
        with torch.autocast(x.device.type, enabled=False):
            return self._attend(x.to(self.weight.dtype), pattern)

    def _attend(self, x: Tensor, pattern: EdgePattern) -> Tensor:
        # a . (x w) = x . (a w): the scores of nodes need no weighted copy of x.
        both = torch.cat([side * self.weight for side in self.attention.chunk(2, dim=1)])
        score_i, score_j = (x @ both.T).chunk(2, dim=1)
        scores = edge_scores(pattern, pattern.taken_from(score_i), score_j)
        attention = edge_softmax(pattern, -functional.leaky_relu(scores, self.negative_slope))
        return spmm(pattern, attention, x, self.weight / len(self.weight))


class DiagonalGAT(nn.Module):
    """A stack of :class:`DiagonalGATLayer`, with ELU and dropout between layers.

    Parameters
    ----------
    n_features : int
    n_layers : int, default=2
    n_heads : int, default=2
    dropout : float, default=0.0
    published : bool, default=False
        As in the published code: attention vectors start from a uniform distribution, and dropout
        strikes what each layer but the last starts from, the given `x` included, instead of what is
        between the layers.

    Notes
    -----
    The graph encoder of Su et al., ACM MM 2024 (IBMEA), with 2 layers and 2 heads.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn import EdgePattern
    >>> from ibmea_sklearn.nn.gat import DiagonalGAT
    >>> pattern = EdgePattern.undirected(torch.tensor([[0, 0, 1]]), n_nodes=3)
    >>> gat = DiagonalGAT(n_features=4)
    >>> gat(torch.ones(3, 4), pattern).shape
    torch.Size([3, 4])
    >>> len(gat.by_layer(torch.ones(3, 4), [pattern, pattern]))
    2
    """

    def __init__(
        self,
        n_features: int,
        n_layers: int = 2,
        n_heads: int = 2,
        dropout: float = 0.0,
        published: bool = False,
    ) -> None:
        super().__init__()
        start = "uniform" if published else "xavier"
        self.layers = nn.ModuleList(
            DiagonalGATLayer(n_features, n_heads, start=start) for _ in range(n_layers)
        )
        self.dropout = Dropout(dropout)
        # Places of the layers whose input it strikes.
        self.dropped = tuple(range(n_layers - 1) if published else range(1, n_layers))

    def forward(self, x: Tensor, pattern: EdgePattern) -> Tensor:
        """Encode all nodes.

        Parameters
        ----------
        x : Tensor of shape (n_nodes, n_features)
        pattern : EdgePattern

        Returns
        -------
        Tensor of shape (n_nodes, n_features)
            Of the last layer.
        """
        return self.by_layer(x, [pattern] * len(self.layers))[-1]

    def by_layer(self, x: Tensor, patterns: Sequence[EdgePattern]) -> list[Tensor]:
        """Encode all nodes, or some of them; return the result of each layer.

        Parameters
        ----------
        x : Tensor of shape (n_nodes, n_features)
            Of the nodes of the first pattern.
        patterns : sequence of n_layers EdgePatterns
            The rows of each are the nodes of the next, see
            ``graph_encoder.neighbourhood``.

        Returns
        -------
        list of n_layers Tensors of shape (n_rows, n_features)
            Before the ELU, of the rows of the last pattern.
        """
        results: list[Tensor] = []
        for place, (layer, pattern) in enumerate(zip(self.layers, patterns, strict=True)):
            if results:
                x = functional.elu(results[-1])
            if place in self.dropped:
                x = self.dropout(x)
            y = layer(x, pattern)
            results = [*(pattern.taken_from(before) for before in results), y]
        return results
