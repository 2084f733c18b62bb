"""The course of the learning rate."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Sequence

__all__ = ["warmup_cosine"]


def warmup_cosine(rounds: Sequence[int], warmup: float) -> Callable[[int], float]:
    r"""Rise linearly to 1, then fall to 0 along half a cosine; the same again in each round.

    Parameters
    ----------
    rounds : sequence of int
        Epochs of each round. After the last the factor stays 0.
    warmup : float
        Share of a round's epochs in which the rate rises, in [0, 1].

    Returns
    -------
    callable
        From epoch, counted from 0, to the factor of the learning rate, a float in [0, 1].

    Notes
    -----
    In epoch :math:`e` of a round of :math:`n`, the first :math:`w = \lceil warmup \cdot n \rceil`
    of which are for the rise:

    .. math::
        f(e) = \frac{e + 1}{w} \text{ for } e < w, \quad
        f(e) = \frac{1}{2} \Bigl(1 + \cos \frac{\pi (e - w)}{n - w}\Bigr) \text{ from then on}

    Loshchilov & Hutter, ICLR 2017: SGDR, whose restarts are the rounds here; with a linear warm-up,
    as IBMEA has it (Su et al., ACM MM 2024).

    Examples
    --------
    >>> from ibmea_sklearn.training import warmup_cosine
    >>> factor = warmup_cosine([4, 2], warmup=0.5)
    >>> [round(factor(epoch), 2) for epoch in range(7)]
    [0.5, 1.0, 1.0, 0.5, 1.0, 1.0, 0.0]
    """
    ends = list(itertools.accumulate(rounds))

    def factor(epoch: int) -> float:
        n_round = bisect.bisect_right(ends, epoch)
        if n_round == len(rounds):
            return 0.0
        length = rounds[n_round]
        return _within(epoch - ends[n_round] + length, math.ceil(warmup * length), length)

    return factor


def _within(epoch: int, n_warmup: int, n_epochs: int) -> float:
    if epoch < n_warmup:
        return (epoch + 1) / n_warmup
    return (1 + math.cos(math.pi * (epoch - n_warmup) / max(1, n_epochs - n_warmup))) / 2
