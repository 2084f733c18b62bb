"""Similarities of true and false pairs; weights of channels and modalities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot
from sklearn.metrics import roc_auc_score

from ibmea_sklearn import SeedPairs
from ibmea_sklearn.inspection import SimilarityDisplay, WeightsDisplay
from ibmea_sklearn.inspection.channels import _no_fixed_point


def cosines(aligner, channel, pairs):
    left, right = aligner.embeddings_[channel]
    sources, targets = (
        aligner.kg1_.entity_index(pairs[:, 0]),
        aligner.kg2_.entity_index(pairs[:, 1]),
    )
    left, right = left[sources].astype(float), right[targets].astype(float)
    with np.errstate(invalid="ignore"):
        return (left * right).sum(1) / np.linalg.norm(left, axis=1) / np.linalg.norm(right, axis=1)


def test_true_pairs_are_those_given(trained, noisy_pair):
    pairs = noisy_pair.links[40:]
    display = SimilarityDisplay.from_aligner(trained, pairs)
    assert list(display.similarities)[0] == "fused"
    assert set(display.similarities) == set(trained.embeddings_)
    for channel, (true, false) in display.similarities.items():
        expected = cosines(trained, channel, pairs)
        expected = expected[np.isfinite(expected)]
        np.testing.assert_allclose(true, expected, atol=1e-6)
        assert len(false) == len(true)
        answers = np.repeat([1, 0], len(true))
        auc = roc_auc_score(answers, np.concatenate([true, false]))
        assert display.auc[channel] == pytest.approx(auc)
    # Some pairs lack an image on a side: they don't count there.
    assert len(display.similarities["image"].true) < len(pairs)


def test_nearest_false_pairs(trained, noisy_pair):
    pairs = noisy_pair.links[40:]
    display = SimilarityDisplay.from_aligner(trained, pairs, ["fused"], false="nearest")
    others = [
        max(cosines(trained, "fused", np.array([(source, t) for t in pairs[:, 1] if t != target])))
        for source, target in pairs
    ]
    np.testing.assert_allclose(display.similarities["fused"].false, others, atol=1e-5)
    at_random = SimilarityDisplay.from_aligner(trained, pairs, ["fused"])
    assert at_random.auc["fused"] > display.auc["fused"]


@given(st.integers(2, 30), st.integers(0, 5))
def test_no_true_pair_is_among_the_false(n, seed):
    others = _no_fixed_point(n, seed)
    assert sorted(others) == list(range(n)) and (others != np.arange(n)).all()


def test_rows_are_channels(propagated, noisy_pair):
    view = SeedPairs(noisy_pair.kg1, noisy_pair.kg2, noisy_pair.links[40:])
    _, ax = pyplot.subplots()
    display = SimilarityDisplay.from_aligner(propagated, view, ["frozen_propagation"], ax=ax)
    assert display.ax_ is ax
    (label,) = ax.get_yticklabels()
    auc = display.auc["frozen_propagation"]
    assert label.get_text() == f"propagation (untrained)\nAUC {auc:.3f}"
    same = SimilarityDisplay.from_aligner(propagated, view, ["frozen_propagation"])
    np.testing.assert_array_equal(*(d.similarities["frozen_propagation"] for d in (display, same)))


def test_a_channel_that_no_pair_has():
    display = SimilarityDisplay({"image": ([], []), "graph": ([0.9, 0.8], [0.1, 0.8])}).plot()
    assert np.isnan(display.auc["image"]) and display.auc["graph"] == 7 / 8
    assert SimilarityDisplay({"image": ([], [])}).plot().ax_.get_xlim()[0] < 0


def test_wrong_input(trained, noisy_pair):
    pairs = noisy_pair.links[40:]
    with pytest.raises(ValueError, match="found 'imge'. Did you mean 'image'"):
        SimilarityDisplay.from_aligner(trained, pairs, ["imge"])
    with pytest.raises(ValueError, match="false to be one of 'random', 'nearest'; found 'hard'"):
        SimilarityDisplay.from_aligner(trained, pairs, false="hard")
    with pytest.raises(ValueError, match="two pairs at least, to mix them up; found 1"):
        SimilarityDisplay.from_aligner(trained, pairs[:1])
    with pytest.raises(ValueError, match="similarities of one channel at least; found none"):
        SimilarityDisplay({})


def test_weights_of_the_channels(trained):
    display = WeightsDisplay.from_aligner(trained)
    expected = sorted(trained.channel_weights_.items(), key=lambda item: -item[1])
    assert [bar.get_width() for bar in display.bars_] == [weight for _, weight in expected]
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    names = [name.replace("frozen_", "") for name, _ in expected]
    assert [label.split()[0] for label in labels] == names
    assert [label.split()[-1] for label in labels] == [f"{weight:.3f}" for _, weight in expected]
    # The largest on top: rows count from there.
    assert display.ax_.yaxis_inverted() and sum(display.weights.values()) == pytest.approx(1)


def test_a_modality_has_one_colour_trained_or_not():
    display = WeightsDisplay({"image": 0.4, "frozen_image": 0.3, "graph": 0.2, "mine": 0.1}).plot()
    image, frozen, graph, mine = (bar.get_facecolor() for bar in display.bars_)
    assert image == frozen and len({image, graph, mine}) == 3


def test_weights_in_the_fused_vector(trained):
    display = WeightsDisplay.from_aligner(trained, "fusion")
    table = np.concatenate(trained.fusion_weights_)
    means = dict(zip(trained.modalities_, table.mean(axis=0), strict=True))
    assert display.weights == pytest.approx(means, rel=1e-5)
    # Images are absent of a fifth of the entities: there the weight is 0.
    low, high = display.ranges["image"]
    assert low == 0 < display.weights["image"] < high
    drawn = [line.get_xdata().tolist() for line in display.ax_.lines]
    assert [low, high] in drawn
    assert "percentile" in display.ax_.get_xlabel()


def test_on_given_axes(trained):
    _, ax = pyplot.subplots()
    display = WeightsDisplay.from_aligner(trained, ax=ax, color="red")
    assert display.ax_ is ax and display.figure_ is ax.figure
    assert {bar.get_facecolor() for bar in display.bars_} == {(1.0, 0.0, 0.0, 1.0)}


def test_weights_that_are_not_there(trained, propagated):
    with pytest.raises(ValueError, match="kind to be one of 'channels', 'fusion'; found 'all'"):
        WeightsDisplay.from_aligner(trained, "all")
    with pytest.raises(ValueError, match="with fusion_weights_; found PropagationAligner"):
        WeightsDisplay.from_aligner(propagated, "fusion")
    with pytest.raises(ValueError, match="a weight of one channel or modality at least"):
        WeightsDisplay({})
