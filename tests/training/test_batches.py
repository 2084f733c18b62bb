"""What the steps of an epoch look at."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.training import PairBatches, TripleBatches
from ibmea_sklearn.training.net import Step, as_they_are

TRIPLES = torch.arange(33).reshape(11, 3)
SEEDS, FOUND = torch.tensor([[0, 5], [1, 6], [2, 7]]), torch.tensor([[3, 8]])


def steps_of(batches):
    steps = list(batches)
    assert all(isinstance(step, Step) and nothing is None for step, nothing in steps)
    assert len(batches) == batches.n_steps == len(steps)
    return [step for step, _ in steps]


def triples_of(*args, **kwargs):
    return [s.inputs[0] for s in steps_of(TripleBatches(TRIPLES, SEEDS, FOUND, *args, **kwargs))]


def test_pairs_are_all_in_one_step():
    batches = PairBatches(SEEDS)
    (step,) = steps_of(batches)
    assert step.inputs == (SEEDS,) and len(step) == batches.n_known == 3
    assert as_they_are(batches, batch_size=7) is batches


@pytest.mark.parametrize(
    ("args", "sizes"),
    [((4,), [4, 4, 3]), ((11,), [11]), ((99,), [11]), ((99, 3), [4, 4, 3]), ((4, 99), [1] * 11)],
    ids=str,
)
def test_each_triple_once_in_even_parts(args, sizes):
    found = triples_of(*args)
    assert [len(rows) for rows in found] == sizes
    assert sorted(torch.cat(found).tolist()) == TRIPLES.tolist()


def test_another_order_each_time():
    torch.manual_seed(0)
    one, two = (torch.cat(triples_of(4)).tolist() for _ in range(2))
    assert one != two != TRIPLES.tolist()
    torch.manual_seed(0)
    assert torch.cat(triples_of(4)).tolist() == one


@given(n=st.integers(1, 11), n_with_pairs=st.integers(1, 15))
def test_steps_that_look_at_pairs_are_spread_evenly(n, n_with_pairs):
    steps = steps_of(TripleBatches(TRIPLES, SEEDS, FOUND, 99, n, n_with_pairs))
    looks = [step.inputs[1] is not None for step in steps]
    assert len(looks) == n and sum(looks) == min(n, n_with_pairs) and looks[0]
    places = [i for i, look in enumerate([*looks, True]) if look]
    gaps = [b - a for a, b in zip(places, places[1:], strict=False)]
    assert max(gaps) - min(gaps) <= 1
    for step, look in zip(steps, looks, strict=True):
        _, seeds, found, _ = step.inputs
        assert (seeds is SEEDS and found is FOUND) if look else (seeds is None and found is None)
        assert len(step) == len(step.inputs[0])


def test_all_steps_look_at_pairs_unless_it_is_said_how_many():
    steps = steps_of(TripleBatches(TRIPLES, SEEDS, FOUND, 4))
    assert all(step.inputs[1:] == (SEEDS, FOUND, None) for step in steps)
    assert TripleBatches(TRIPLES, SEEDS, FOUND, 4).n_known == 4


@pytest.mark.parametrize("n", [0, 2])
def test_pairs_that_are_different_come_with_those_that_are_known(n):
    different = FOUND.flip(0)[:n]
    (step,) = steps_of(PairBatches(SEEDS, different))
    steps = steps_of(TripleBatches(TRIPLES, SEEDS, FOUND, 4, different=different))
    given = [part.inputs[-1] for part in (step, *steps)]
    assert all((part is different) == bool(n) for part in given)


def test_without_triples_all_steps_look_at_pairs():
    batches = TripleBatches(None, SEEDS, FOUND, 3, 1, n_with_pairs=1)
    steps = steps_of(batches)
    assert len(steps) == 2 and batches.n_known == 4  # a step for each three pairs
    assert all(step.inputs == (None, SEEDS, FOUND, None) and len(step) == 1 for step in steps)
