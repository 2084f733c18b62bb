"""What is expected of matches, against a loop, and of what kinds of input there are."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ibmea_sklearn.graph import Sides
from ibmea_sklearn.inspection import AlignmentQuality
from ibmea_sklearn.inspection._expected import (
    by_confidence,
    by_evidence,
    curve_points,
    expected_at,
)
from ibmea_sklearn.inspection.quality import quality_of

CHANCES = st.one_of(st.floats(0, 1, width=32), st.sampled_from([0.0, 0.25, 0.5, 1.0]))


@st.composite
def replicates(draw, least=1):
    """Confidences by 4 sets of held-out pairs, descending in the mean."""
    n = draw(st.integers(least, 30))
    values = draw(npst.arrays(np.float32, (4, n), elements=CHANCES))
    return values[:, np.argsort(-mean_of(values), kind="stable")]


def mean_of(values):
    return values.mean(axis=0, dtype=np.float64)


def found(values, n=4, m=4, seed=0):
    """Matches of the first `n` entities of both sides, with one more that has none."""
    random = np.random.default_rng(seed)
    k = values.shape[1]
    none = Sides(random.random(n), random.random(m))
    judgement = SimpleNamespace(
        best=Sides(random.integers(-1, m, n), random.integers(-1, n, m)),
        right=Sides(1 - none.left, 1 - none.right),
        none=none,
        share=Sides(np.array([0.5, 0.4, 0.6]), np.array([0.5, 0.4, 0.6])),
    )
    pairs = np.column_stack([np.arange(k), np.arange(k)])
    return SimpleNamespace(
        pairs=pairs,
        replicates=values,
        confidence=mean_of(values),
        judgement=judgement,
        has=Sides(np.ones((n, 1), bool), np.ones((m, 1), bool)),
        n_expected=float((1 - none.left).sum()),
    )


def ids_of(n, m):
    return Sides(
        np.array([f"a{i}" for i in range(n)], object), np.array([f"b{i}" for i in range(m)], object)
    )


def quality(values, n=None, m=None, is_calibrated=True, seed=0):
    n, m = (values.shape[1] + 1 if side is None else side for side in (n, m))
    return quality_of(found(values, n, m, seed), ids_of(n, m), ["graph"], is_calibrated)


@settings(deadline=None, max_examples=60)
@given(replicates(), st.floats(0, 60))
def test_a_curve_equals_a_loop(values, n_partners):
    counts = np.arange(values.shape[1] + 1)
    table = expected_at(counts, values, n_partners, True)
    there = max(n_partners, float(mean_of(values).sum()))
    for k, row in zip(counts[1:], table[1:].itertuples(), strict=True):
        means = [sum(map(float, one[:k])) / k for one in values]
        precision = np.mean(means)
        right = precision * k
        low, high = np.quantile(means, [0.05, 0.95])
        assert row.precision == pytest.approx(precision)
        assert row.low == pytest.approx(min(low, precision))
        assert row.high == pytest.approx(max(high, precision))
        assert row.n_right == pytest.approx(right) and row.n_matches == k
        assert row.min_confidence == pytest.approx(mean_of(values)[k - 1])
        recall = right / there if there else 0
        assert row.recall == pytest.approx(recall)
        both = precision + recall
        f1 = 2 * precision * recall / both if both else 0
        assert row.f1 == pytest.approx(f1, abs=1e-9)
    assert np.isnan(table["precision"][0]) and table["recall"][0] == table["f1"][0] == 0


@settings(deadline=None, max_examples=60)
@given(replicates(), st.booleans())
def test_bands_hold_the_point_and_precision_falls(values, is_calibrated):
    told = quality(values, is_calibrated=is_calibrated)
    curve = told.curve
    assert (curve["low"] <= curve["precision"]).all() and (
        curve["precision"] <= curve["high"]
    ).all()
    assert (np.diff(curve["precision"]) <= 1e-12).all()
    assert (np.diff(curve["recall"]) >= -1e-12).all() and curve["recall"].max() <= 1 + 1e-12
    assert curve["f1"].max() == pytest.approx(told.cuts.loc["best F1", "f1"])
    full = expected_at(np.arange(values.shape[1] + 1), values, told.n_partners, True)
    assert told.cuts.loc["best F1", "f1"] == pytest.approx(full["f1"].max())
    if not is_calibrated:
        assert (curve["low"] == 0).all() and (curve["high"] == 1).all()
        assert "Not calibrated" in repr(told)


@given(replicates(), st.randoms())
@settings(deadline=None, max_examples=40)
def test_the_order_of_equally_sure_matches_says_nothing(values, random):
    order = list(range(values.shape[1]))
    random.shuffle(order)
    mixed = values[:, order]
    mixed = mixed[:, np.argsort(-mean_of(mixed), kind="stable")]
    for name in ("curve", "cuts", "bins"):
        one, two = (getattr(quality(given), name) for given in (values, mixed))
        pd.testing.assert_frame_equal(one, two)


def test_a_long_curve_keeps_its_ends_and_the_best_row():
    confidence = np.sort(np.random.default_rng(0).random(5000))[::-1]
    ends, best = curve_points(confidence, 700.0)
    assert len(ends) <= 200 and ends[0] == 1 and ends[-1] == 5000 and best in ends
    assert (np.diff(ends) > 0).all()
    f1 = np.cumsum(confidence) / (np.arange(1, 5001) + max(700, confidence.sum()))
    assert best == 1 + np.argmax(f1)


def test_points_are_where_the_confidence_changes():
    ends, best = curve_points(np.array([0.9, 0.9, 0.4, 0.1, 0.1, 0.1]), 2.0)
    assert ends.tolist() == [2, 3, 6] and best == 2


def test_matches_are_counted_by_confidence():
    confidence = np.array([1.0, 0.95, 0.9, 0.15, 0.0])
    table = by_confidence(confidence)
    assert table["n_matches"].tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0, 3]
    assert table["n_right"].tolist() == pytest.approx([0, 0.15, *[0] * 7, 2.85])


def test_kinds_of_evidence():
    """A trained and an untrained channel are of one modality; what all have is not named."""
    channels = ["graph", "image", "frozen_image", "name"]
    left = np.array([[1, 1, 0, 1], [1, 0, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0]], bool)
    right = np.array([[1, 0, 0, 1]], bool)
    none = Sides(np.array([0.1, 0.2, 0.5, 0.9]), np.array([0.3]))
    table = by_evidence(Sides(left, right), none, channels)
    assert table.values.tolist() == [
        ["left", "graph only", 2, 1.4, 0.7],
        ["left", "image", 1, 0.2, 0.2],
        ["left", "image + name", 1, 0.1, 0.1],
        ["right", "name", 1, 0.3, 0.3],
    ]
    # Where all have the same, it is named; where nothing tells of one, that is said.
    alike = by_evidence(Sides(left[2:], left[2:3]), Sides(none.left[2:], none.right), channels)
    assert alike["evidence"].unique().tolist() == ["graph"]
    left[3] = False
    table = by_evidence(Sides(left, right), none, channels)
    assert "nothing" in table["evidence"].tolist() and "graph" in table["evidence"].tolist()


def test_contested_matches_equal_a_loop():
    values = np.sort(np.random.default_rng(1).random((1, 20)), axis=1)[:, ::-1]
    given = found(values, 40, 45, seed=3)
    told = quality_of(given, ids_of(40, 45), ["graph"], True)
    partner = {int(s): int(t) for s, t in given.pairs}
    source_of = {t: s for s, t in partner.items()}
    expected, judged = set(), given.judgement
    for rival, best in enumerate(judged.best.left.tolist()):
        if best in source_of and partner.get(rival) != best and judged.none.left[rival] < 0.5:
            expected.add((f"a{source_of[best]}", f"b{best}", "left", f"a{rival}"))
    for rival, best in enumerate(judged.best.right.tolist()):
        if best in partner and source_of.get(rival) != best and judged.none.right[rival] < 0.5:
            expected.add((f"a{best}", f"b{partner[best]}", "right", f"b{rival}"))
    rows = told.contested[["source", "target", "side", "rival"]].itertuples(index=False, name=None)
    assert expected and set(rows) == expected and len(told.contested) == len(expected)
    assert told.n_contested == len({row[:2] for row in expected})
    assert told.contested["rival_probability"].is_monotonic_decreasing


@pytest.mark.parametrize("is_calibrated", [True, False])
@pytest.mark.parametrize(("n", "m"), [(0, 0), (3, 0), (0, 3), (3, 4)])
def test_no_match(n, m, is_calibrated):
    given = found(np.empty((4, 0), np.float32), 0, 0)
    given.judgement.none = Sides(np.full(n, 0.7), np.full(m, 0.2))
    given.judgement.right = given.judgement.none
    given.judgement.best = Sides(np.full(n, -1), np.full(m, -1))
    given.has, given.n_expected = Sides(*(np.ones((k, 1), bool) for k in (n, m))), 0.3 * n
    told = quality_of(given, ids_of(n, m), ["graph"], is_calibrated)
    assert told.n_matches == told.n_right == told.n_contested == len(told.curve) == 0
    assert told.cuts["precision"].isna().all() and (told.cuts[["recall", "f1"]] == 0).all(axis=None)
    assert len(told.evidence) == (n > 0) + (m > 0)
    assert "0 matches, of which 0 are expected to be right" in repr(told)
    assert told._repr_html_().count("<table") == 2 + bool(n or m)
    assert told.to_frame()["kind"].unique().tolist()[:3] == ["cut", "bin", "share"]


def test_it_prints_and_is_a_table():
    told = quality(np.array([[0.96, 0.5], [0.9, 0.4]]))
    assert isinstance(told, AlignmentQuality)
    text = repr(told)
    assert text.startswith("2 matches, of which 1 (1 to 1) are expected to be right.")
    for heading in ("Expected", "By confidence", "Without a partner", "Contested: "):
        assert f"\n{heading}" in text
    assert "confidence &gt;= 0.9" in told._repr_html_()
    table = told.to_frame().set_index(["kind", "of", "measure"])["value"]
    assert table["cut", "all", "precision"] == pytest.approx(0.69)
    assert table["bin", "0.9 to 1.0", "n_matches"] == 1
    assert table["share", "right", "high"] == 0.6
    assert table["evidence", "left: graph", "n_entities"] == 3
    with pytest.raises(AttributeError):
        told.is_calibrated = False
