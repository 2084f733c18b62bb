from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tiny import Scripted, all_of, nan_from, tiny_net

from ibmea_sklearn.training.callbacks import HeldOutScore, LastGoodWeights

PAIRS = np.array([[i, i + 6] for i in range(6)])


def weights_after(n_epochs):
    return tiny_net().partial_fit(all_of(PAIRS), epochs=n_epochs).module_.vectors


# Loss that is not finite


@pytest.mark.parametrize(("failed", "kept"), [(1, 0), (2, 0), (3, 1), (5, 3)])
def test_goes_back_to_the_last_weights_whose_loss_was_finite(failed, kept):
    """The step of epoch 4 may be what ruined the weights: only the loss of epoch 5 tells."""
    guard = LastGoodWeights()
    net = tiny_net(nan_from(failed), callbacks=[guard]).partial_fit(all_of(PAIRS), epochs=9)
    assert net.stopped_ and len(net.history) == failed
    assert dict(net.callbacks_)["LastGoodWeights"].failed_epoch_ == failed
    assert torch.equal(net.module_.vectors, weights_after(kept))


def test_infinite_loss_counts_too():
    net = tiny_net(lambda n: math.inf if n == 2 else 1.0, callbacks=[LastGoodWeights()])
    net.partial_fit(all_of(PAIRS), epochs=9)
    assert len(net.history) == 2 and torch.isfinite(net.module_.vectors).all()


def test_weights_ruined_by_the_last_step():
    guard = LastGoodWeights()
    net = tiny_net(callbacks=[guard]).partial_fit(all_of(PAIRS), epochs=3)
    assert guard.failed_epoch_ is None and not net.stopped_
    assert torch.equal(net.module_.vectors, weights_after(3))
    guard.go_back(net)
    assert guard.failed_epoch_ == 3
    assert torch.equal(net.module_.vectors, weights_after(2))


# Scores on held-out pairs


def scored(scores, interval=1, patience=None, epochs=9, **kwargs):
    scores = iter(scores)
    callback = HeldOutScore(lambda: next(scores), Scripted(), interval, patience)
    net = tiny_net(callbacks=[callback], **kwargs).partial_fit(all_of(PAIRS), epochs=epochs)
    return net, callback


def test_restores_the_best_weights():
    net, callback = scored([0.1, 0.5, 0.4, 0.5, 0.2], epochs=5)
    assert torch.equal(net.module_.vectors, weights_after(5))
    callback.restore(net)
    assert callback.best_epoch_ == 2 and callback.best_score_ == 0.5  # the first of equals
    assert torch.equal(net.module_.vectors, weights_after(2))
    assert net.history[:, "validation_hits@1"] == [0.1, 0.5, 0.4, 0.5, 0.2]


def test_restores_the_pairs_that_were_found():
    scores = iter([0.9, 0.1])
    search = Scripted([PAIRS[2:4], PAIRS[4:]])
    callback = HeldOutScore(lambda: next(scores), search, 1, None)
    net = tiny_net(callbacks=[callback])
    for _ in range(2):
        search.find(lambda known: {})
        net.partial_fit(all_of(search.known), epochs=1)
    callback.restore(net)
    assert search.found.tolist() == PAIRS[2:4].tolist()
    assert search.known.tolist() == PAIRS[:4].tolist()


def test_scores_after_some_epochs_by_another_name():
    scores = iter([0.1, 0.3, 0.2])
    callback = HeldOutScore(lambda: next(scores), Scripted(), 2, None, "mrr", after=3)
    net = tiny_net(callbacks=[callback]).partial_fit(all_of(PAIRS), epochs=9)
    told = {row["epoch"]: row["validation_mrr"] for row in net.history if "validation_mrr" in row}
    assert told == {5: 0.1, 7: 0.3, 9: 0.2} and callback.best_epoch_ == 7


def test_scores_every_few_epochs_in_evaluation_mode():
    modes = []
    callback = HeldOutScore(lambda: modes.append(net.module_.training) or 0.5, Scripted(), 3, None)
    net = tiny_net(callbacks=[callback])
    net.partial_fit(all_of(PAIRS), epochs=7)
    assert [row["epoch"] for row in net.history if "validation_hits@1" in row] == [3, 6]
    assert modes == [False, False]
    # Training goes on in training mode, or dropout would stay off.
    net.partial_fit(all_of(PAIRS), epochs=1)
    assert net.module_.training


@pytest.mark.parametrize(
    ("scores", "patience", "n_epochs", "best"),
    [
        ([0.5, 0.4, 0.3, 0.9], 2, 3, 1),
        ([0.5, 0.4, 0.6, 0.5, 0.5, 0.9], 2, 5, 3),
        ([0.5, 0.5, 0.9], 1, 2, 1),
        ([0.5, 0.4, 0.3, 0.9], None, 4, 4),
    ],
)
def test_patience(scores, patience, n_epochs, best):
    net, callback = scored(scores, patience=patience, epochs=len(scores))
    assert len(net.history) == n_epochs and net.stopped_ == (n_epochs < len(scores))
    assert callback.best_epoch_ == best


def test_patience_counts_scores_not_epochs():
    net, _ = scored([0.5, 0.4, 0.3], interval=2, patience=2, epochs=20)
    assert len(net.history) == 6


def test_nan_is_never_the_best():
    net, callback = scored([math.nan, 0.1, math.nan], epochs=3)
    assert callback.best_epoch_ == 2
    net, callback = scored([math.nan, math.nan], patience=2)
    assert callback.best_epoch_ is None and net.stopped_
    callback.restore(net)  # nothing to restore
    assert torch.equal(net.module_.vectors, weights_after(2))
