"""How much each channel of similarity counts, learnt from pairs that are held out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from .._utils.columns import column_blocks, is_stored

# As many pairs' worth of belief that all channels count the same: it decides where few pairs are
# held out, and hardly matters where there are hundreds.
PRIOR_PAIRS = 5.0
# With fewer pairs that judge a channel it counts as the others do.
LEAST_JUDGES = 5
# Held-out pairs beyond these change the weights little.
MOST_PAIRS = 150
# Similarities that are held at once, pairs x candidates x channels: 32 MB, so few that they stay in
# a cache from one step of the minimiser to the next. Of three channels that is 18,000 candidates;
# with 1,000,000 and ten channels all would be 6 GB. DBP15K fr-en, 30%, two channels: Hits@1 .8715
# with all 15,300 candidates, .874 with 14,000 and with 7,000 of them.
MOST_NUMBERS = 1 << 23
# Candidates whose vectors are copied at once.
_BLOCK = 512
# Logarithm of a weight: by e^2 a cosine of .1 more makes a candidate twice as likely.
_START = 2.0


def learn_weights(
    vectors: Sequence[np.ndarray], pairs: np.ndarray, candidates: np.ndarray
) -> np.ndarray:
    """Learn a weight for each channel from some pairs and what else they could have been.

    Parameters
    ----------
    vectors : sequence of float32 ndarrays of shape (n_nodes, width)
        By channel.
    pairs : int64 ndarray of shape (n_pairs, 2)
        Node numbers. Of more than 150 some are taken, evenly spread.
    candidates : int64 ndarray of shape (n_candidates,)
        Nodes, ascending, the partners of the pairs among them. Where there are more than memory
        should hold, some are drawn: a softmax over candidates drawn evenly learns the same weights
        (McFadden 1978).

    Returns
    -------
    float64 ndarray of shape (n_channels,)
        Positive, with sum 1; equal where there is no pair.
    """
    if not len(pairs):
        return np.full(len(vectors), 1 / len(vectors))
    found = fit_weights(*_similarities(vectors, pairs, candidates))
    return found / found.sum()


def learn_apart(
    groups: Sequence[tuple[Sequence[np.ndarray], np.ndarray]], candidates: np.ndarray
) -> np.ndarray:
    """Learn the weights of groups of channels, each from pairs of its own.

    Parameters
    ----------
    groups : sequence of (vectors, pairs)
        As in :func:`learn_weights`. The pairs are such as other channels have found.
    candidates : int64 ndarray of shape (n_candidates,)

    Returns
    -------
    float64 ndarray of shape (n_channels,)
        Of all groups, in their order; positive, with sum 1. A group with fewer than 5 pairs has
        the geometric mean of the others.

    Notes
    -----
    Each group alone is a model of which candidate is right. Evidence of independent kinds adds up
    as logarithms of probabilities do, so the weights of such models need no further weighing. The
    pairs were found, not given: some are wrong, and those are more among the pairs that strong
    channels judge. So half of the way is gone, in logarithms, from equal weights to what is learnt
    (DBP15K zh-en by translated names and no seed, where up to a quarter of the pairs that judge
    are wrong, Hits@1 in the third search: .952 with equal weights, .946 the whole way).

    A channel alone in its group has no other to be drawn to: where it tells all pairs that judge it
    its weight would have no end (emoji pair, no seed: values once had .8 of the weight). It is
    drawn down to the mean of the other groups; nothing draws up what tells nothing.
    """
    logs = [np.full(len(vectors), np.nan) for vectors, _ in groups]
    for are_alone in (False, True):
        center = _mean(logs, _START) if are_alone else None
        for i, (vectors, pairs) in enumerate(groups):
            if len(pairs) >= LEAST_JUDGES and (len(vectors) == 1) == are_alone:
                similarities, true = _similarities(vectors, pairs, candidates)
                logs[i] = np.log(fit_weights(similarities, true, center))
    every = np.nan_to_num(np.concatenate(logs), nan=_mean(logs, 0.0))
    weights = np.exp(every / 2)
    return np.asarray(weights / weights.sum())


def _mean(logs: Sequence[np.ndarray], otherwise: float) -> float:
    """Return the mean of what is known."""
    every = np.concatenate(logs)
    known = every[~np.isnan(every)]
    return float(known.mean()) if len(known) else otherwise


class Trial(NamedTuple):
    """What a channel adds, and the weights with it and without it.

    Attributes
    ----------
    gains : float64 ndarray of shape (n_pairs_of_both,)
        How much likelier each pair is with the channel, in logarithms.
    weights_with, weights_without : list of float64 ndarrays
        By fold, of all channels and of the others, as :func:`learn_weights` gives them, from the
        candidates that were drawn for all channels.
    """

    gains: np.ndarray
    weights_with: list[np.ndarray]
    weights_without: list[np.ndarray]


def try_channel(
    vectors: Sequence[np.ndarray],
    folds: Sequence[np.ndarray],
    candidates: np.ndarray,
    doubtful: int,
) -> Trial:
    """Say how much likelier pairs are with a channel than without it.

    Parameters
    ----------
    vectors : sequence of float32 ndarrays of shape (n_nodes, width)
        By channel.
    folds : two int64 ndarrays of shape (n_pairs, 2)
        Node numbers, neither empty. Each is judged by the weights that the other gives.
    candidates : int64 ndarray of shape (n_candidates,)
        As in :func:`learn_weights`.
    doubtful : int
        Place of the channel.

    Returns
    -------
    Trial
    """
    parts = [_similarities(vectors, fold, candidates) for fold in folds]
    kept = np.arange(len(vectors)) != doubtful
    found, every, rest = [], [], []
    for (given, true), (asked, right) in zip(parts, parts[::-1], strict=True):
        every.append(fit_weights(given, true))
        rest.append(fit_weights(given[kept], true))
        found.append(_logs(asked, right, every[-1]) - _logs(asked[kept], right, rest[-1]))
    shares = ([weights / weights.sum() for weights in of_folds] for of_folds in (every, rest))
    return Trial(np.concatenate(found), *shares)


def _logs(similarities: np.ndarray, true: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Logarithm of the probability of each pair's right candidate, float64 (n_pairs,)."""
    scores = np.tensordot(weights.astype(np.float32), similarities, 1)
    of_true = scores[np.arange(len(true)), true].astype(np.float64)
    return np.asarray(of_true - _to_chances(scores))


def _to_chances(scores: np.ndarray) -> np.ndarray:
    """Turn scores, float32 (n_pairs, n_candidates), into chances in place: a copy would be large.

    Return the logarithm of what each row was divided by, float64 (n_pairs,).
    """
    highest = scores.max(axis=1, keepdims=True)
    scores -= highest
    np.exp(scores, out=scores)
    sums = scores.sum(axis=1, dtype=np.float64, keepdims=True)
    scores /= sums.astype(np.float32)
    return np.asarray(highest + np.log(sums))[:, 0]


def _similarities(
    vectors: Sequence[np.ndarray], pairs: np.ndarray, candidates: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return similarities by channel, pair and candidate, and the candidate that is right."""
    pairs = pairs[np.linspace(0, len(pairs) - 1, min(len(pairs), MOST_PAIRS)).astype(int)]
    candidates = _drawn(candidates, pairs[:, 1], MOST_NUMBERS // (len(pairs) * len(vectors)))
    similarities = np.zeros((len(vectors), len(pairs), len(candidates)), np.float32)
    few = np.union1d(pairs[:, 0], candidates)
    for part, channel in zip(similarities, vectors, strict=True):
        left, right = pairs[:, 0], candidates
        if is_stored(channel):  # read no others: at a million entities these are a hundredth
            left, right = np.searchsorted(few, left), np.searchsorted(few, right)
            channel = channel.take(few)
        for v in column_blocks(channel):
            for start in range(0, len(right), _BLOCK):
                block = slice(start, start + _BLOCK)
                part[:, block] += v[left] @ _rows(v, right[block]).T
    return similarities, np.searchsorted(candidates, pairs[:, 1])


def _rows(vectors: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Return the vectors of some nodes, ascending; no copy of neighbours, as without any seed."""
    first, last = nodes[0], nodes[-1]
    return vectors[first : last + 1] if last - first < len(nodes) else vectors[nodes]


def _drawn(candidates: np.ndarray, partners: np.ndarray, most: int) -> np.ndarray:
    """Return the candidates, or as many of them as there may be, the partners among them."""
    if len(candidates) <= most:
        return candidates
    some = np.random.default_rng(0).choice(candidates, most, replace=False)
    return np.union1d(some, partners)


def fit_weights(
    similarities: np.ndarray, true: np.ndarray, center: float | None = None
) -> np.ndarray:
    """Learn a weight for each channel by conditional logistic regression.

    Parameters
    ----------
    similarities : float32 ndarray of shape (n_channels, n_pairs, n_candidates)
    true : int ndarray of shape (n_pairs,)
        The candidate that is right.
    center : float, optional
        What larger logarithms of the weights are drawn down to; by default all to each other.

    Returns
    -------
    float64 ndarray of shape (n_channels,)
        Positive. What they are multiplied by counts, too: that of a channel which tells much is
        large.

    Notes
    -----
    The probability of a candidate is the softmax of the weighted sum of its similarities (McFadden
    1974). All candidates count as negatives, not only near ones: with the 100 nearest of 10,000
    channels that rule most others out seem useless (FB15K-DB15K, Hits@1 .66 against .69). A
    Gaussian prior draws the logarithms of the weights to each other.
    """
    n_channels, n_pairs, n_candidates = similarities.shape
    flat = similarities.reshape(n_channels, -1)
    rows = np.arange(n_pairs)
    of_true = similarities[:, rows, true].astype(np.float64)

    def loss(logs: np.ndarray) -> tuple[float, np.ndarray]:
        weights = np.exp(logs)
        chances = (weights.astype(np.float32) @ flat).reshape(n_pairs, n_candidates)
        norms = _to_chances(chances)
        slope = (flat @ chances.ravel() - of_true.sum(axis=1)) * weights
        apart = logs - logs.mean() if center is None else np.maximum(logs - center, 0)
        value = norms.sum() - (weights @ of_true).sum() + PRIOR_PAIRS * (apart**2).sum()
        return float(value), slope + 2 * PRIOR_PAIRS * apart

    start = np.full(n_channels, _START)
    bounds = [(-8.0, 8.0)] * n_channels
    return np.exp(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x)
