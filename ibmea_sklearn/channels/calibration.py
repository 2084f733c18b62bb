"""What the best candidate of an entity is worth: right, wrong, or nobody is its partner."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit, logit, softmax
from sklearn.linear_model import LogisticRegression

from ..graph import Sides
from ..matching._candidates import Candidates

# Outcomes of a search for a partner.
NONE, WRONG, RIGHT = range(3)
# With fewer pairs held out nothing is learnt: with five, confidences were as far off as Sinkhorn's
# probabilities are (emoji pair, half of the partners taken out: ECE .13 and .11; with ten .05).
LEAST_PAIRS = 10
# Resampled pairs, from which an interval comes.
_REPLICATES = 20
# Entities' worth of belief that a group of entities has partners as often as all have.
_BELIEF = 20.0
_EM_STEPS = 100
# A change of the share by which EM has come to its end.
_EM_END = 1e-7
# Mean chances of having a partner, of those with and without one, are at least so far apart.
_LEAST_APART = 0.1
# Probabilities nearer to 0 or 1 tell nothing more.
_LEAST = 1e-6


class Examples(NamedTuple):
    """Held-out entities whose partner is among the candidates, and again when it is not.

    ``evidence`` (n, 5) of the best candidate, ``coverage`` (n,): the share of the channels that say
    something of the entity, its ``side`` (n,), the ``pair`` (n,) it is of, ``outcome`` (n,): NONE
    where the partner was taken away, else WRONG or RIGHT.
    """

    evidence: np.ndarray
    coverage: np.ndarray
    side: np.ndarray
    pair: np.ndarray
    outcome: np.ndarray


class Calibration(NamedTuple):
    """Chances of the three outcomes, given the evidence of the best candidate.

    A multinomial logistic regression. It takes as many entities to have a partner as not;
    :func:`judge` corrects that. What an entity's best candidate looks like when its partner is not
    there depends on the side: the graphs are not of one size. What evidence is worth depends on how
    much can be said of an entity: without its values, even a partner looks less alike.

    ``center`` and ``scale`` (12,) are of what is given, see :func:`_given`; ``weights`` (21, 3, 13)
    of the outcomes, with the intercept last: from all pairs, then from pairs that were resampled.
    ``rates`` (2, 2): by side, the mean chance of having a partner of held-out entities that have
    none, and of those that have one; they rest on ``n_pairs``. Empty by default: nothing is learnt,
    and Sinkhorn's probabilities are taken as they are.
    """

    center: np.ndarray = np.empty(0)
    scale: np.ndarray = np.empty(0)
    weights: np.ndarray = np.empty(0)
    rates: np.ndarray = np.empty(0)
    n_pairs: int = 0

    @property
    def is_learnt(self) -> bool:
        """Whether pairs told what evidence is worth."""
        return len(self.weights) > 0

    @classmethod
    def learn(cls, examples: Examples) -> Calibration:
        """Learn from entities whose partner is known; from fewer than 10 pairs nothing."""
        n_pairs = len(np.unique(examples.pair))
        if n_pairs < LEAST_PAIRS:
            return cls()
        given = _given(examples.evidence, examples.coverage, examples.side)
        center, scale = given.mean(axis=0), given.std(axis=0) + 1e-9
        given = (given - center) / scale
        is_none = examples.outcome == NONE
        balance = np.where(is_none, (~is_none).sum() / is_none.sum(), 1.0)
        pair = _places(examples.pair, given)
        random = np.random.default_rng(0)
        counts = random.multinomial(n_pairs, np.full(n_pairs, 1 / n_pairs), _REPLICATES)
        weights = [
            _regression(given, examples.outcome, balance * count[pair])
            for count in (np.ones(n_pairs), *counts)
        ]
        found = cls(center, scale, np.stack(weights), n_pairs=n_pairs)
        return found._replace(rates=np.stack([found._rates(examples, side) for side in (0, 1)]))

    def _rates(self, examples: Examples, side: int) -> np.ndarray:
        rows = examples.side == side
        has = 1 - self.outcomes(examples.evidence[rows], examples.coverage[rows], side)[:, NONE]
        is_none = examples.outcome[rows] == NONE
        return np.array([has[m].mean() if m.any() else 0.5 for m in (is_none, ~is_none)])

    def outcomes(
        self, evidence: np.ndarray, coverage: np.ndarray, side: int, replicate: int = 0
    ) -> np.ndarray:
        """Return chances of NONE, WRONG and RIGHT, shape (n, 3), were half without a partner."""
        given = _given(evidence, coverage, np.full(len(evidence), side))
        given = (given - self.center) / self.scale
        weights = self.weights[replicate]
        return np.asarray(softmax(given @ weights[:, :-1].T + weights[:, -1], axis=1))


class Judgement(NamedTuple):
    """What is thought of the partners of the entities of both sides.

    ``best`` holds the row number of each entity's best candidate on the other side, -1 where it
    has none; ``right`` the probability that it is the partner; ``none`` the probability that there
    is no partner; ``priors`` (n_replicates, n) how many entities like it have one, by all held-out
    pairs and by those that were resampled; ``share`` how many of all have one, with the ends of a
    90% interval: of each side an array of shape (3,).
    """

    best: Sides
    right: Sides
    none: Sides
    priors: Sides
    share: Sides

    @property
    def prior(self) -> Sides:
        """How many entities like it have a partner."""
        return Sides(*(priors.mean(axis=0) for priors in self.priors))


class Before(NamedTuple):
    """What an earlier look at more entities tells of a look at some of these and at new ones.

    ``usual`` is what spoke for best candidates then, see :func:`usual_of`; ``share``
    (n_replicates,) how many entities had a partner; ``is_new`` (n,) who was not there: of each
    side.
    """

    usual: Sides
    share: Sides
    is_new: Sides


def usual_of(candidates: Candidates) -> Sides | None:
    """Return what speaks for best candidates of either side, (2, 5) each; None without any."""
    if not len(candidates.rows):
        return None
    return Sides(candidates.usual(), candidates.T.usual())


def judge(
    calibration: Calibration,
    candidates: Candidates,
    has: Sides,
    usual: Sides | None = None,
    before: Before | None = None,
) -> Judgement:
    """Say of all entities of both sides whether they have a partner, and whether it is the best.

    Parameters
    ----------
    calibration : Calibration
    candidates : Candidates of shape (n, m)
    has : Sides of bool arrays of shapes (n, n_channels) and (m, n_channels)
        Which channels say something of an entity. How many have a partner is estimated for each
        group of entities with the same channels: emoji may all have one, words without an image
        few.
    usual : Sides, optional
        By what candidates are measured; by default by these.
    before : Before, optional
        Where these are not all: new entities are then a group of their own, and those that were
        there are what both are measured by.

    Notes
    -----
    How many entities have a partner is found without pairs: it is the share under which the
    chances, corrected by it, have that share as their mean (Saerens et al., 2002). Known pairs say
    what entities with and without a partner look like, not how many there are of each.

    References
    ----------
    M. Saerens, P. Latinne, C. Decaestecker, "Adjusting the outputs of a classifier to new a priori
    probabilities", Neural Computation 2002.
    """
    measures = (None, None) if usual is None else usual
    parts = [(None, None)] * 2 if before is None else [*zip(*before[1:], strict=True)]
    sides = zip((candidates, candidates.T), has, (0, 1), measures, parts, strict=True)
    judged = [_judge_side(calibration, *side) for side in sides]
    return Judgement(*(Sides(*both) for both in zip(*judged, strict=True)))


def confidences(
    calibration: Calibration,
    candidates: Candidates,
    has: Sides,
    priors: Sides,
    entries: np.ndarray,
) -> np.ndarray:
    """Return the probability that candidates are right, float64 (n_entries,).

    The mean over resampled pairs is less sure than any of them; with few held-out pairs that is
    nearer the truth (emoji pair, 57 pairs, half of the partners taken out: recall at an ordered
    precision of .95 .59 for .57; synthetic, share .19: calibration error .041 for .043).
    """
    found = replicates(calibration, candidates, has, priors, entries)
    return np.asarray(found.mean(axis=0, dtype=np.float64))


def replicates(
    calibration: Calibration,
    candidates: Candidates,
    has: Sides,
    priors: Sides,
    entries: np.ndarray,
    usual: Sides | None = None,
) -> np.ndarray:
    """Return the probability that candidates are right, float32 (n_replicates, n_entries).

    The first row is by all held-out pairs, the others by those that were resampled. Both ends of a
    pair tell of it; of what they say the mean is taken, in log odds.
    """
    if not calibration.is_learnt or not len(entries):
        return np.exp(candidates.logs[entries]).astype(np.float32)[None]
    odds = np.zeros((len(calibration.weights), len(entries)))
    for side, seen in enumerate((candidates, candidates.T)):
        measure = None if usual is None else usual[side]
        rows, evidence = seen.rows[entries], seen.relative_evidence(entries, measure)
        coverage = has[side][rows].mean(axis=1)
        for k, prior in enumerate(priors[side][:, rows]):
            outcomes = calibration.outcomes(evidence, coverage, side, k)
            odds[k] += _logits(_corrected(outcomes, prior)[:, RIGHT]) / 2
    return np.asarray(expit(odds), np.float32)


def judge_rest(
    calibration: Calibration,
    candidates: Candidates,
    has: np.ndarray,
    prior: np.ndarray,
    others: Candidates,
) -> tuple[np.ndarray, np.ndarray]:
    """Say of some left entities how sure their best candidate is, while others do not compete.

    Parameters
    ----------
    calibration : Calibration
    candidates : Candidates of shape (n, m)
        Of these entities alone.
    has : bool ndarray of shape (n, n_channels)
    prior : ndarray of shape (n,)
        How many entities like each have a partner.
    others : Candidates
        Of all entities: what their best ones look like is the measure.

    Returns
    -------
    entries : int64 ndarray of shape (n_with_any,)
        Of those that have a candidate the best one.
    right : float64 ndarray of shape (n_with_any,)
    """
    entries = candidates.best()
    entries = entries[entries >= 0]
    if not calibration.is_learnt or not len(others.rows):
        return entries, np.exp(candidates.logs[entries])
    rows = candidates.rows[entries]
    evidence = candidates.relative_evidence(entries, others.usual())
    outcomes = calibration.outcomes(evidence, has[rows].mean(axis=1), 0)
    return entries, _corrected(outcomes, prior[rows])[:, RIGHT]


def _judge_side(
    calibration: Calibration,
    candidates: Candidates,
    channels: np.ndarray,
    side: int,
    usual: np.ndarray | None,
    before: tuple[Any, Any],
) -> tuple[np.ndarray, ...]:
    entries = candidates.best()
    has = entries >= 0
    best = np.full(len(has), -1)
    best[has] = candidates.columns[entries[has]]
    if not calibration.is_learnt or not has.any():
        chances = np.exp(candidates.logs)
        sums = np.minimum(np.bincount(candidates.rows, chances, len(has)), 1)
        right = np.zeros(len(has))
        right[has] = chances[entries[has]]
        share = sums.mean() if len(sums) else 0.0
        return best, right, 1 - sums, sums[None], np.array([share, 0, 1])
    shares, is_new = before
    kinds = channels if is_new is None else np.column_stack([channels, is_new])
    evidence = candidates.relative_evidence(entries[has], usual)
    coverage = channels[has].mean(axis=1)
    groups = np.unique(kinds, axis=0, return_inverse=True)[1].reshape(-1)

    def outcomes(replicate: int) -> np.ndarray:
        # Who has no candidate tells nothing of a partner: as likely as not, it only is not found.
        found = np.tile([0.5, 0.5, 0], (len(has), 1))
        found[has] = calibration.outcomes(evidence, coverage, side, replicate)
        return found

    starts = [None] * len(calibration.weights) if shares is None else shares
    every = np.stack([_priors(outcomes(k), groups, start) for k, start in enumerate(starts)])
    found = np.mean([_corrected(outcomes(k), prior) for k, prior in enumerate(every)], axis=0)
    share = _interval(calibration, every.mean(axis=1), side)
    return best, found[:, RIGHT], found[:, NONE], every, share


def _interval(calibration: Calibration, shares: np.ndarray, side: int) -> np.ndarray:
    """Return a share with the ends of its 90% interval.

    Resampled pairs tell how much the regression varies, not how often it errs on pairs it has not
    seen: 30 pairs told apart without an error may still have 5% of errors. How far a share is off
    for that is what it would be by counting entities over a threshold, with the rates of Agresti
    and Coull's interval. The former alone held the truth on 5 of 54 sides of synthetic graphs.
    """
    share, n = shares.mean(), calibration.n_pairs
    rates = calibration.rates[side]
    adjusted = (rates * n + 2) / (n + 4)
    variances = adjusted * (1 - adjusted) / (n + 4)
    apart = max(rates[1] - rates[0], _LEAST_APART)
    by_rates = (np.array([1 - share, share]) ** 2 @ variances) / apart**2
    deviation = np.sqrt(by_rates + np.var(shares))
    return np.clip([share, share - 1.645 * deviation, share + 1.645 * deviation], 0, 1)


def _priors(outcomes: np.ndarray, groups: np.ndarray, known: float | None = None) -> np.ndarray:
    """Share of entities with a partner among those of the same group, by entity.

    ``known`` is that among all, where these are not all.
    """
    has = 1 - outcomes[:, NONE]
    overall = _share(has, 0.5, 0) if known is None else known
    result = np.empty(len(has))
    for group in np.unique(groups):
        rows = groups == group
        result[rows] = _share(has[rows], overall, _BELIEF)
    return result


def _share(has: np.ndarray, start: float, belief: float) -> float:
    """Share with a partner, from chances that take half to have one; EM."""
    share = start
    for _ in range(_EM_STEPS):
        with_, without = has * share, (1 - has) * (1 - share)
        found = (with_ / (with_ + without)).sum() + belief * start
        before, share = share, float(np.clip(found / (len(has) + belief), _LEAST, 1 - _LEAST))
        if abs(share - before) < _EM_END:
            break
    return share


def _corrected(outcomes: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Chances of outcomes where this share of the entities has a partner, not half of them."""
    found = outcomes * np.column_stack([1 - prior, prior, prior])
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def _places(pair: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Give pairs numbers by what they look like: the order of rows must not matter."""
    pairs, at = np.unique(pair, return_inverse=True)
    looks = np.zeros((len(pairs), given.shape[1]))
    np.add.at(looks, at, given)
    return np.asarray(np.argsort(np.lexsort(looks.round(6).T))[at])


def _regression(given: np.ndarray, outcome: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return weights of the outcomes, (3, n_columns + 1); of one that never occurs: no chance."""
    rows = weight > 0
    model = LogisticRegression(C=1.0, max_iter=500).fit(given[rows], outcome[rows], weight[rows])
    result = np.zeros((3, given.shape[1] + 1))
    result[:, -1] = -100.0
    found = np.column_stack([model.coef_, model.intercept_])
    if len(found) == 1:  # of two outcomes only the second one's odds are told
        found = np.concatenate([np.zeros_like(found), found])
    result[model.classes_] = found
    return result


def _given(evidence: np.ndarray, coverage: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Return what a calibration looks at, (n, 12).

    FB15K-DB15K by propagated labels and values, half of the partners taken out, ECE of matches
    without coverage .11, with it .07, and with its products with the evidence .06.
    """
    return np.column_stack([evidence, side, coverage, evidence * coverage[:, None]])


def _logits(chances: np.ndarray) -> np.ndarray:
    return np.asarray(logit(np.clip(chances, _LEAST, 1 - _LEAST)))
