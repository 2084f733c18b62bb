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
