"""Training curves."""

import numpy as np
import pytest
from matplotlib import pyplot
from sklearn.pipeline import make_pipeline

from ibmea_sklearn.inspection import TrainingDisplay

HISTORY = [
    {"train_loss": 5.0, "nce_graph": 3.0, "kl_graph": 0.5, "hybrid": 1.5, "n_seeds": 10},
    {"train_loss": 4.0, "nce_graph": 2.0, "kl_graph": 0.5, "hybrid": 1.5, "n_seeds": 10},
    {"train_loss": 3.0, "nce_graph": 1.0, "n_seeds": 14, "validation_hits@1": 0.25},
]


def test_shows_the_history_of_an_aligner(trained):
    display = TrainingDisplay.from_aligner(trained)
    expected = {"hybrid", *(f"{k}_{m}" for k in ("nce", "kl") for m in trained.modalities_)}
    assert set(display.losses) == expected
    for name, values in display.losses.items():
        assert values.tolist() == [row[name] for row in trained.history_]
    assert display.rounds[:, 0].tolist() == [1, 4]
    labels = [t.get_text() for t in display.ax_.get_legend().get_texts()]
    assert labels == [*trained.modalities_, "fused"]
    assert len(display.axes_) == 2 and display.figure_ is display.ax_.figure


def test_a_validation_by_another_score_is_called_so():
    rows = [{"train_loss": 1.0, "nce_graph": 1.0, "validation_mrr": 0.5}] * 2
    display = TrainingDisplay.from_history(rows)
    assert display.validation.tolist() == [[1, 0.5], [2, 0.5]] and set(display.losses) == {
        "nce_graph"
    }
    assert display.axes_[-1].get_ylabel() == "Validation\nMRR"


def test_lines_are_the_losses():
    display = TrainingDisplay.from_history(HISTORY, best_epoch=3)
    contrast, divergence, validation = display.axes_
    drawn = {line.get_linestyle(): line.get_ydata() for line in contrast.lines[:2]}
    np.testing.assert_array_equal(drawn["-"], [3, 2, 1])
    np.testing.assert_array_equal(drawn["--"], [1.5, 1.5, np.nan])
    np.testing.assert_array_equal(divergence.lines[0].get_ydata(), [0.5, 0.5, np.nan])
    np.testing.assert_array_equal(validation.lines[0].get_xydata(), [[3, 0.25]])
    assert divergence.get_yscale() == "log" and contrast.get_yscale() == "linear"
    assert display.rounds.tolist() == [[1, 10], [3, 14]]
    assert [t.get_text() for t in contrast.texts] == ["pairs: 10", "14"]
    assert validation.get_legend().get_texts()[0].get_text() == "best: 3"


def test_many_rounds_have_few_labels():
    history = [{"nce_graph": 1.0, "n_seeds": 10 * i} for i in range(1, 13)]
    display = TrainingDisplay.from_history(history)
    assert len(display.rounds) == 12 and len(display.ax_.texts) == 4


def test_a_modality_has_one_colour(trained):
    display = TrainingDisplay.from_aligner(trained)
    by_panel = [{line.get_color() for line in ax.lines[:3]} for ax in display.axes_]
    assert by_panel[0] == by_panel[1] and len(by_panel[0]) == 3


def test_in_a_pipeline_and_on_given_axes(trained):
    _, axes = pyplot.subplots(2)
    display = TrainingDisplay.from_aligner(make_pipeline(trained), axes=axes)
    assert display.axes_.tolist() == axes.tolist()
    with pytest.raises(ValueError, match="Expected 2 axes, in a row; found"):
        TrainingDisplay.from_aligner(trained, axes=axes[0])


def test_losses_of_another_aligner():
    row = {"contrast_image": 2.0, "contrast_fused": 1.0, "imputation_image": 0.5, "triples": 3.0}
    display = TrainingDisplay.from_history([{**row, "n_seeds": 4, "dur": 0.1}] * 2)
    contrast, others = display.axes_
    assert len(contrast.lines) == len(others.lines) == 2
    labels = [t.get_text() for t in display.ax_.get_legend().get_texts()]
    assert labels == ["image", "fused", "imputation of image", "triples"]
    image, imputed = contrast.lines[0], others.lines[0]
    assert image.get_color() == imputed.get_color() != others.lines[1].get_color()
    assert image.get_linestyle() != imputed.get_linestyle()
    assert others.get_ylabel() == "Other parts"


def test_one_epoch():
    display = TrainingDisplay.from_history(HISTORY[:1])
    assert display.ax_.lines[0].get_marker() == "o"


def test_wrong_input(propagated, trained):
    with pytest.raises(ValueError, match="that was trained, with history_; found Propagation"):
        TrainingDisplay.from_aligner(propagated)
    with pytest.raises(ValueError, match="a history of one epoch at least; found none"):
        TrainingDisplay([])
    with pytest.raises(ValueError, match="losses such as 'nce_graph'; found epoch"):
        TrainingDisplay([{"epoch": 1, "dur": 0.5}])
    with pytest.raises(TypeError, match="Expected a fitted aligner, a Pipeline .*; found list"):
        TrainingDisplay.from_aligner(trained.history_)
