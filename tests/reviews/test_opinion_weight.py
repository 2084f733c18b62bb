"""What opinions are worth: by known pairs alone, with little where little is known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn import AlignmentWarning, KnowledgeGraph, PropagationAligner, review
from ibmea_sklearn.io import VerdictFile, write_verdicts
from ibmea_sklearn.reviews import OpinionWeight, known_pairs

WHY = "semapv:BackgroundKnowledgeBasedMatching"
GOOD = OpinionWeight([[45, 3, 2], [2, 46, 2]])


def table(rows, **more):
    return pd.DataFrame(rows, columns=["source", "target", "verdict"], dtype=object).assign(**more)


MATCHES = pd.DataFrame(
    {"source": ["a", "b", "c", "d"], "target": ["w", "x", "y", "z"], "confidence": [0.6] * 4}
)
SAID = table(
    [("a", "w", "different"), ("b", "x", "same"), ("c", "y", "unsure"), ("e", "v", "same")],
    author="tiny",
    mapping_justification=WHY,
)


def test_counts_are_of_known_pairs_alone():
    known = table([("a", "w", "same"), ("b", "x", "different"), ("b", "q", "same"),
                   ("c", None, "none"), ("c", "y", "unsure")])  # fmt: skip
    assert OpinionWeight.learn(SAID, known).counts.tolist() == [[0, 1, 0], [1, 0, 0]]


def test_confidences_follow_by_bayes_rule():
    weighed = GOOD.weigh(MATCHES, SAID)
    assert weighed["confidence"].is_monotonic_decreasing
    weighed = weighed.set_index("source").loc[["b", "c", "d", "a"]]
    assert weighed["opinion"].tolist() == ["same", "unsure", "", "different"]
    exact = [0.6 * p / (0.6 * p + 0.4 * q) for p, q in ((46 / 53, 3 / 53), (4 / 53, 47 / 53))]
    found = weighed["confidence"].to_numpy()
    np.testing.assert_allclose(found[[0, 3]], exact, atol=0.02)
    assert found[2] == 0.6 and abs(found[1] - 0.6) < 0.05


def test_it_equals_a_naive_loop():
    random = np.random.default_rng(0)
    right = random.dirichlet([46, 4, 3], 400)
    wrong = random.dirichlet([3, 47, 3], 400)
    odds = [0.6 / 0.4 * p[0] / q[0] for p, q in zip(right, wrong, strict=True)]
    expected = np.mean([o / (1 + o) for o in odds])
    assert GOOD.weigh(MATCHES, SAID)["confidence"][0] == pytest.approx(expected)


counts = st.lists(st.integers(0, 200), min_size=3, max_size=3)


@given(counts.filter(lambda n: sum(n) >= 10))
def test_who_answers_right_and_wrong_pairs_alike_counts_for_little(n):
    weighed = OpinionWeight([n, n]).weigh(MATCHES, SAID)
    assert (weighed["confidence"] - 0.6).abs().max() < 0.12


@given(st.integers(10, 3000), st.integers(10, 3000))
def test_no_opinion_makes_a_match_certain(n_same, n_different):
    perfect = OpinionWeight([[n_same, 0, 0], [0, n_different, 0]])
    confidence = perfect.weigh(MATCHES.assign(confidence=[0, 1, 0.5, 1]), SAID)["confidence"]
    assert ((confidence >= 0) & (confidence <= 1)).all()
    moved = perfect.weigh(MATCHES, SAID)["confidence"]
    assert moved.max() < 1 and moved.min() > 0


def test_the_more_is_known_the_more_an_opinion_counts():
    found = [OpinionWeight(np.array([[9, 1, 0], [1, 9, 0]]) * k).weigh(MATCHES, SAID)["confidence"]
             for k in (1, 5, 50)]  # fmt: skip
    assert found[0][0] < found[1][0] < found[2][0] and found[0][3] > found[1][3] > found[2][3]
    widths = [OpinionWeight(np.array([[9, 1, 0], [1, 9, 0]]) * k).to_frame() for k in (1, 5, 50)]
    spans = [float(np.log(w["high"][0] / w["low"][0])) for w in widths]
    assert spans[0] > spans[1] > spans[2]


def test_it_says_what_it_rests_on():
    assert str(GOOD).startswith("'same' multiplies the odds by 1")
    assert str(GOOD).endswith(
        "By known pairs: 50 that are the same, 50 that are not; 90% intervals."
    )
    frame = GOOD.to_frame()
    assert frame["n_same"].tolist() == [45, 3, 2] and frame["n_different"].tolist() == [2, 46, 2]
    assert (frame["low"] < frame["ratio"]).all() and (frame["ratio"] < frame["high"]).all()


def test_too_few_known_pairs_change_nothing_and_say_so():
    few = OpinionWeight([[9, 0, 0], [0, 50, 0]])
    assert not few.is_learnt
    with pytest.warns(
        AlignmentWarning, match="count for nothing; known pairs: 9 that are the same"
    ):
        weighed = few.weigh(MATCHES, SAID)
    assert weighed["confidence"].tolist() == [0.6] * 4
    assert "same" in weighed["opinion"].tolist()


def test_known_pairs_are_the_seeds_that_are_most_easily_confused():
    seeds = [("a", "w"), ("b", "x"), ("c", "y")]
    rows = [("a", "w", 1.0), ("a", "x", 0.2), ("b", "w", 0.9), ("b", "x", 1.0), ("c", "y", 1.0),
            ("c", "v", 0.5), ("c", "u", 0.5), ("q", "u", 0.99)]  # fmt: skip
    others = pd.DataFrame(rows, columns=["source", "target", "score"])
    expected = [["b", "x", "same"], ["b", "w", "different"],
                ["c", "y", "same"], ["c", "u", "different"]]  # fmt: skip
    for given_ in (others, others.iloc[::-1]):
        assert known_pairs(seeds, given_, n=2).values.tolist() == expected
    assert len(known_pairs(seeds, others)) == 6


# -- Opinions are not the truth --------------------------------------------------------------------


def test_opinions_are_not_learnt_from_opinions():
    with pytest.raises(ValueError, match="Expected verdicts of a person; found 4 of 4 rows"):
        OpinionWeight.learn(SAID, SAID)


def kg(ids):
    return KnowledgeGraph([(ids[0], "r", other) for other in ids[1:]])


TAKERS = {
    "fit": lambda path: PropagationAligner(verbose=0).fit(
        kg("abce"), kg("wxyv"), [("a", "w")], SAID
    ),
    "write_verdicts": lambda path: write_verdicts(SAID, path),
    "review": lambda path: review(MATCHES[:3], kg("abc"), kg("wxy"), None, verdicts=SAID),
}


@pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)
def test_who_takes_verdicts_takes_no_opinions(take, tmp_path):
    with pytest.raises(ValueError, match="OpinionWeight of ibmea_sklearn.reviews weighs it"):
        take(tmp_path / "v.tsv")
    assert not list(tmp_path.iterdir())


def test_a_file_of_verdicts_takes_no_opinions(tmp_path):
    with VerdictFile(tmp_path / "v.sssom.tsv") as file:
        with pytest.raises(ValueError, match="Expected verdicts of a person"):
            file.give(SAID.to_dict("records"))
        assert len(file.table()) == 0


# -- Wrong inputs ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given_",
    [[[1, 2], [3, 4]], [[1, 2, 3]], [[1, 2, 3], [1, 2, -3]], [[0.5, 1, 1], [1, 1, 1]], "many"],
    ids=str,
)
def test_counts_are_counts(given_):
    with pytest.raises(ValueError, match=r"Expected counts of shape \(2, 3\)"):
        OpinionWeight(given_)


def test_opinions_of_two_models_are_not_one():
    both = SAID.assign(author=["tiny", "large", "tiny", "tiny"])
    with pytest.raises(ValueError, match="of one model; found those of large, tiny"):
        GOOD.weigh(MATCHES, both)


@pytest.mark.parametrize(
    ("matches", "opinions", "message"),
    [
        (MATCHES[["source", "target"]], SAID, "matches as a table with the columns .*confidence"),
        (MATCHES, SAID[["source"]], "opinions as a table with the columns"),
        (MATCHES, None, "opinions as a table .*; found NoneType"),
        (MATCHES.assign(confidence=2.0), SAID, "confidences from 0 to 1"),
        (MATCHES.assign(confidence=np.nan), SAID, "confidences from 0 to 1"),
    ],
)
def test_tables_that_do_not_fit_are_told(matches, opinions, message):
    with pytest.raises(ValueError, match=message):
        GOOD.weigh(matches, opinions)
    with pytest.raises(ValueError, match="n to be an integer of at least 1; found 0"):
        known_pairs([], pd.DataFrame(columns=["source", "target", "score"]), 0)
