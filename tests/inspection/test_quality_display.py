"""The picture of how good an alignment is expected to be."""

import numpy as np
import pandas as pd
import pytest

from ibmea_sklearn.inspection import QualityDisplay
from ibmea_sklearn.inspection.quality_display import _largest_kinds

pytest.importorskip("matplotlib", reason="drawing needs the extra [plot]").use("Agg")


def test_it_draws_what_is_told(propagated):
    quality = propagated.quality()
    display = QualityDisplay.from_aligner(propagated)
    for shown in (display, QualityDisplay.from_quality(quality)):
        np.testing.assert_array_equal(
            shown.line_.get_xydata(), quality.curve[["recall", "precision"]]
        )
        curve, bins, evidence = shown.axes_
        heights = [bar.get_height() for bar in bins.patches]
        assert sum(heights) == pytest.approx(quality.n_matches)
        shares = [bar.get_width() for bar in evidence.patches]
        np.testing.assert_allclose(shares, quality.evidence["share_without"])
        shown.figure_.canvas.draw()


def test_where_nothing_is_calibrated_it_says_so(propagated):
    assert not propagated.calibration_.is_learnt
    texts = QualityDisplay.from_aligner(propagated).axes_[0].get_legend().get_texts()
    assert texts[0].get_text() == "not calibrated: anything"


def test_it_draws_on_given_axes(propagated):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    axes = pyplot.subplots(1, 3)[1]
    assert QualityDisplay.from_aligner(propagated, "assignment", 5, axes=axes).axes_ == tuple(axes)


def test_many_kinds_of_evidence_are_added_up():
    rows = [("left", f"k{i}", 10 - i, 5.0, 5 / (10 - i)) for i in range(8)]
    columns = ["side", "evidence", "n_entities", "n_without", "share_without"]
    shown = _largest_kinds(pd.DataFrame(rows, columns=columns))
    assert shown["evidence"].tolist()[-2:] == ["k4", "3 other kinds"]
    assert shown.iloc[-1].tolist() == ["left", "3 other kinds", 12, 15.0, 1.25]


def test_wrong_input(propagated):
    with pytest.raises(TypeError, match=r"Expected what aligner.quality\(\) returns; found str"):
        QualityDisplay.from_quality("quality")
    with pytest.raises(TypeError, match="Expected a fitted aligner"):
        QualityDisplay.from_aligner(3)
    with pytest.raises(ValueError, match="Expected 3 axes; found 2"):
        QualityDisplay.from_aligner(propagated, axes=[None, None])
    with pytest.raises(ValueError, match="method"):
        QualityDisplay.from_aligner(propagated, "best")
