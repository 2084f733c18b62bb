"""Weights of channels and modalities."""

import numpy as np
import pytest
from matplotlib import pyplot

from ibmea_sklearn.inspection import WeightsDisplay


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


def test_wrong_input(trained, propagated):
    with pytest.raises(ValueError, match="Expected kind to be 'channels' or 'fusion'; found 'all'"):
        WeightsDisplay.from_aligner(trained, "all")
    with pytest.raises(ValueError, match="with fusion_weights_; found PropagationAligner"):
        WeightsDisplay.from_aligner(propagated, "fusion")
    with pytest.raises(ValueError, match="a weight of one channel or modality at least"):
        WeightsDisplay({})
