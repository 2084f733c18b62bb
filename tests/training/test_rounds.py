from __future__ import annotations

import numpy as np
import pytest
from tiny import nan_from, tiny_net

from ibmea_sklearn.training import LastGoodWeights, train_in_rounds

SEEDS = np.array([[0, 6], [1, 7]])


def finder(*found):
    found = iter(found)
    return lambda: np.array(next(found), np.int64).reshape(-1, 2)


def run(net, epochs, find, first=None):
    known = []
    for pairs in train_in_rounds(net, SEEDS, epochs, find, first):
        assert len(net.module_.trained_on) == sum(epochs[: len(known)])  # before it is trained
        known.append(net.module_.known.tolist())
        assert pairs.tolist() == known[-1]
    return known


def test_pairs_that_are_not_found_again_are_dropped():
    net = tiny_net()
    known = run(net, [2, 1, 3, 1], finder([[2, 8], [3, 9]], [[3, 9]], []))
    seeds = SEEDS.tolist()
    assert known == [seeds, [*seeds, [2, 8], [3, 9]], [*seeds, [3, 9]], seeds]
    # Trained on just these, for as many epochs as were asked for.
    expected = [k for k, n in zip(known, [2, 1, 3, 1], strict=True) for _ in range(n)]
    assert net.module_.trained_on == expected
    assert net.history[:, "n_seeds"] == [len(k) for k in expected]


def test_pairs_are_looked_for_after_a_round_not_before():
    net = tiny_net()
    trained_when_asked = []

    def find():
        trained_when_asked.append(len(net.history))
        return np.empty((0, 2), np.int64)

    run(net, [2, 3, 1], find)
    assert trained_when_asked == [2, 5]


def test_one_round_looks_for_nothing():
    assert run(tiny_net(), [3], finder()) == [SEEDS.tolist()]


def test_the_first_round_may_have_further_pairs():
    net = tiny_net()
    known = run(net, [2, 1], finder([[3, 9]]), first=np.array([[2, 8]]))
    seeds = SEEDS.tolist()
    assert known == [[*seeds, [2, 8]], [*seeds, [3, 9]]]  # which are dropped like others
    assert net.module_.trained_on == [known[0], known[0], known[1]]
    nothing = np.empty((0, 2), np.int64)
    assert run(tiny_net(), [1], finder(), first=nothing) == [seeds]


def test_the_optimiser_keeps_its_moments():
    net = tiny_net()
    run(net, [2, 3], finder([[2, 8]]))
    (state,) = net.optimizer_.state.values()
    assert state["step"] == 5


def test_a_stop_ends_all_rounds():
    net = tiny_net(nan_from(2), callbacks=[LastGoodWeights()])
    assert len(run(net, [3, 3], finder())) == 1
    assert net.stopped_ and len(net.history) == 2


def test_an_interrupt_ends_all_rounds():
    def spoil(n_calls):
        if n_calls == 3:
            raise KeyboardInterrupt
        return 1.0

    net = tiny_net(spoil)
    with pytest.raises(KeyboardInterrupt):
        run(net, [2, 2], finder([[2, 8]]))
    assert net.module_.known.tolist() == [*SEEDS.tolist(), [2, 8]]
