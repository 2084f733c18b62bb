"""The picture of a comparison: a panel for each pair, a dot for each seed."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from ibmea_sklearn.inspection import ComparisonDisplay

RUNS = pd.DataFrame(
    [
        ("zh-en", "a", 0, 0.7), ("zh-en", "a", 1, 0.74), ("zh-en", "b", 0, np.nan),
        ("ja-en", "a", 0, 0.6), ("ja-en", "b", 0, 0.5),
    ],
    columns=["dataset", "aligner", "seed", "hits@1"],
)  # fmt: skip


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_panels_bars_and_dots():
    display = ComparisonDisplay(RUNS, names_alone={"ja-en": 0.4}).plot()
    assert [ax.get_title(loc="left") for ax in display.axes_] == ["zh-en", "ja-en"]
    first, second = display.axes_
    assert [bar.get_width() for bar in first.patches] == pytest.approx([0.72, 0])
    assert first.lines[0].get_xdata()[:2].tolist() == [0.7, 0.74]
    assert [text.get_text() for text in first.texts] == ["0.720", "failed"]
    assert len(first.lines) == 1 and second.lines[1].get_xdata() == [0.4, 0.4]
    assert second.get_xlabel() == "Hits@1"


def test_axes_of_a_user():
    _, axes = plt.subplots(2)
    assert ComparisonDisplay(RUNS).plot(axes).axes_ == tuple(axes)
    with pytest.raises(ValueError, match="Expected 2 axes, .* found 1"):
        ComparisonDisplay(RUNS).plot(axes[:1])


@pytest.mark.parametrize("runs", [RUNS.drop(columns="seed"), RUNS[:0]])
def test_runs_that_are_none(runs):
    with pytest.raises(ValueError, match="Expected runs with the columns"):
        ComparisonDisplay(runs)


@pytest.mark.parametrize("thing", [RUNS, None, "comparison"])
def test_no_comparison(thing):
    with pytest.raises(TypeError, match="Expected what compare"):
        ComparisonDisplay.from_comparison(thing)
