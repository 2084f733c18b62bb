from __future__ import annotations

import numpy as np
import pytest
from tiny import nan_from, tiny_net

from ibmea_sklearn.training import LastGoodWeights, TrainingRounds

SEEDS = np.array([[0, 6], [1, 7]])


def finder(*found):
    found = iter(found)
    return lambda: np.array(next(found), np.int64).reshape(-1, 2)


def run(net, epochs, find, first=None):
    rounds, known = TrainingRounds(SEEDS, epochs, find), []
    if first is not None:
        rounds.join(first)
    for pairs in rounds.train(net):
        assert len(net.module_.trained_on) == sum(epochs[: len(known)])  # before it is trained
        assert rounds.n_round == len(known)
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


def test_an_epoch_may_go_through_something_else():
    net, seen = tiny_net(), []

    def take_up(known):
        seen.append((known.tolist(), net.module_.known.tolist()))
        return known[:1]

    rounds = TrainingRounds(SEEDS, [2, 1], finder([[2, 8]]), take_up)
    known = [pairs.tolist() for pairs in rounds.train(net)]
    assert seen == [(k, k) for k in known]
    assert net.module_.trained_on == [[SEEDS[0].tolist()]] * 3
    assert net.history[:, "n_seeds"] == [2, 2, 3]


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


@pytest.mark.parametrize("n_done", [0, 1, 2, 3, 4])
def test_goes_on_in_the_round_and_at_the_epoch_that_was_reached(n_done):
    found = [[[2, 8]], [[3, 9]], []]
    whole = tiny_net()
    run(whole, [2, 1, 2], finder(*found[1:]), first=np.array(found[0]))
    n_round = [0, 0, 0, 1, 2][n_done]  # a round is over when the next one begins
    rounds = TrainingRounds(SEEDS, [2, 1, 2], finder(*found[n_round + 1 :]))
    known = np.array([*SEEDS.tolist(), *found[n_round]])
    rounds.load_state_dict({"n_round": n_round, "known": known})
    net = tiny_net()
    for pairs in whole.module_.trained_on[:n_done]:
        net.partial_fit(np.array(pairs), epochs=1)
    assert [k.tolist() for k in rounds.train(net)][0] == known.tolist()
    assert net.module_.trained_on == whole.module_.trained_on
    assert rounds.state_dict()["n_round"] == 2
