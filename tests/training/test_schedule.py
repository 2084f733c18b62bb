from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.training.trainer import warmup_cosine

rounds = st.lists(st.integers(1, 30), min_size=1, max_size=4)
shares = st.floats(0, 1)


@given(rounds, shares)
def test_factor_is_above_0_until_the_end_and_0_after_it(rounds, warmup):
    factor = warmup_cosine(rounds, warmup)
    factors = [factor(epoch) for epoch in range(sum(rounds))]
    assert all(0 < f <= 1 for f in factors)
    assert [factor(sum(rounds) + i) for i in (0, 1, 100)] == [0, 0, 0]


@given(rounds, shares)
def test_each_round_has_the_course_of_one_alone(rounds, warmup):
    factor = warmup_cosine(rounds, warmup)
    together = [factor(epoch) for epoch in range(sum(rounds))]
    alone = [warmup_cosine([n], warmup)(epoch) for n in rounds for epoch in range(n)]
    assert together == alone


def naive_cosine_with_warmup(step, n_warmup, n_steps):
    """What transformers' get_cosine_schedule_with_warmup says."""
    if step < n_warmup:
        return step / max(1, n_warmup)
    progress = (step - n_warmup) / max(1, n_steps - n_warmup)
    return max(0.0, 0.5 * (1 + math.cos(math.pi * 2 * 0.5 * progress)))


@pytest.mark.parametrize(
    ("n_epochs", "warmup", "stretch", "end"), [(1000, 0.2, 1.5, 0.324), (500, 0.8, 2.0, 0.935)]
)
def test_the_published_schedules(n_epochs, warmup, stretch, end):
    factor = warmup_cosine([n_epochs], warmup, stretch)
    found = [factor(epoch) for epoch in range(n_epochs)]
    n_warmup, n_steps = round(warmup * n_epochs), round(stretch * n_epochs)
    expected = [naive_cosine_with_warmup(i, n_warmup, n_steps) for i in range(n_epochs)]
    assert found == pytest.approx(expected, abs=1e-12)
    assert found[0] == 0 and found[-1] == pytest.approx(end, abs=1e-3)


@given(rounds, shares, st.floats(1, 10))
def test_a_stretched_course_never_falls_below_0(rounds, warmup, stretch):
    factor = warmup_cosine(rounds, warmup, stretch)
    assert all(0 <= factor(epoch) <= 1 for epoch in range(sum(rounds)))


@given(st.integers(1, 60), shares)
def test_rises_along_a_line_to_1_then_falls(n, warmup):
    factor = warmup_cosine([n], warmup)
    factors = [factor(epoch) for epoch in range(n)]
    n_warmup = math.ceil(warmup * n)
    assert factors[:n_warmup] == [(i + 1) / n_warmup for i in range(n_warmup)]
    falling = factors[n_warmup:]
    assert falling == sorted(falling, reverse=True)
    assert max(factors) == 1
    for i, value in enumerate(falling):
        half_cosine = (1 + math.cos(math.pi * i / len(falling))) / 2
        assert value == pytest.approx(half_cosine)
