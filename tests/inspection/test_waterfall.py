"""A pair's similarity as bars that add up."""

import numpy as np
import pandas as pd
import pytest

from ibmea_sklearn import PrecomputedAligner
from ibmea_sklearn.inspection import WaterfallDisplay

pytest.importorskip("matplotlib", reason="drawing needs the extra [plot]").use("Agg")


def bars_of(display):
    return [(bar.get_x(), bar.get_width()) for bar in display.bars_]


@pytest.mark.parametrize("of", ["trained", "propagated"])
def test_bars_of_every_pair_add_up_to_the_total(of, request, noisy_pair):
    """Modalities are missing in some of them."""
    aligner = request.getfixturevalue(of)
    for pair in noisy_pair.links[40:60]:
        explanation = aligner.explain(*pair)
        display = WaterfallDisplay(explanation.channels, explanation.similarity)
        *parts, total = display.steps[["start", "contribution"]].values.tolist()
        end = 0.0
        for start, width in parts:
            assert start == pytest.approx(end, abs=1e-12)
            end = start + width
        assert end == pytest.approx(explanation.similarity, abs=1e-4)
        assert total == [0.0, explanation.similarity]
        # What is weighed tells all of it: nothing is left over.
        assert "not told by channel" not in set(display.steps["channel"])


def test_it_draws_the_steps(trained, noisy_pair):
    explanation = trained.explain(*noisy_pair.links[50])
    display = explanation.plot()
    np.testing.assert_allclose(bars_of(display), display.steps[["start", "contribution"]])
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == display.steps["label"].tolist() and labels[-1] == "fused similarity"
    display.figure_.canvas.draw()
    assert explanation.plot(display.ax_).ax_ is display.ax_


def test_without_weights_one_bar_says_so(noisy_pair):
    random = np.random.default_rng(0)
    kg1, kg2, links = noisy_pair.kg1, noisy_pair.kg2, noisy_pair.links
    vectors = [random.normal(size=(kg.n_entities, 6)) for kg in (kg1, kg2)]
    aligner = PrecomputedAligner(*vectors, random_state=0).fit(kg1, kg2, links[:40])
    explanation = aligner.explain(*links[50])
    explanation.channels["contribution"] = np.nan
    steps = explanation.plot().steps
    assert steps["channel"].tolist() == ["not told by channel", "fused similarity"]
    assert steps["contribution"].tolist() == [explanation.similarity] * 2


def table(*rows):
    return pd.DataFrame(rows, columns=["channel", "similarity", "weight", "contribution"])


def test_a_missing_modality_is_named_and_a_rest_is_shown():
    given = table(
        ("fused", 0.7, np.nan, np.nan), ("image", np.nan, 0.5, 0.0), ("graph", -0.4, 0.5, -0.2)
    )
    steps = WaterfallDisplay(given, 0.3).steps
    assert steps["label"].tolist() == [
        "image\nmissing", "graph\ncosine -0.40, weight 0.50", "not told by channel",
        "fused similarity",
    ]  # fmt: skip
    np.testing.assert_allclose(steps["start"], [0, 0, -0.2, 0])
    np.testing.assert_allclose(steps["contribution"], [0, -0.2, 0.5, 0.3])


def test_the_order_of_channels_says_nothing():
    given = table(("image", 0.5, 0.5, 0.1), ("graph", 0.9, 0.5, 0.4))
    one, two = (WaterfallDisplay(t, 0.5).steps for t in (given, given[::-1]))
    pd.testing.assert_frame_equal(one, two)


def test_wrong_input():
    good = table(("graph", 0.9, 1.0, 0.9))
    with pytest.raises(ValueError, match="found none called weight"):
        WaterfallDisplay(good.drop(columns="weight"), 0.9)
    with pytest.raises(ValueError, match="Expected a finite similarity; found nan"):
        WaterfallDisplay(good, np.nan)
    with pytest.raises(AttributeError):
        WaterfallDisplay(good, 0.9).plot("ax")
