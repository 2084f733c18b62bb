"""The reliability diagram of real alignments."""

import sys

import numpy as np
import pytest

from ibmea_sklearn import PropagationAligner, SeedPairs
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.inspection import ReliabilityDisplay
from ibmea_sklearn.metrics import expected_calibration_error

matplotlib = pytest.importorskip("matplotlib", reason="drawing needs the extra [plot]")
matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402


@pytest.fixture(autouse=True)
def close():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def pair():
    return make_mmkg_pair(200, structural_overlap=0.7, n_dangling=20, random_state=0)


@pytest.fixture(scope="module")
def aligner(pair):
    kg1, kg2, links = pair
    aligner = PropagationAligner.from_preset(
        modalities=["graph"],
        propagation__n_components=256,
        propagation__label_width=64,
        random_state=0,
        verbose=0,
    )
    return aligner.fit(kg1, kg2, links[:80])


def text_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize("method", ["mutual", "assignment"])
def test_shows_what_the_aligner_finds(aligner, pair, method):
    kg1, kg2, links = pair
    display = ReliabilityDisplay.from_aligner(aligner, links[80:], method)
    table, partner = aligner.align(method), dict(links[80:].tolist())
    taken = set(partner.values())
    rows = [r for r in table.itertuples() if r.source in partner or r.target in taken]
    is_right = [partner.get(row.source) == row.target for row in rows]
    confidence = [row.confidence for row in rows]
    # Both kinds, and entities that are in no link.
    assert 0 < sum(is_right) < len(is_right) < len(table)
    np.testing.assert_array_equal(display.is_right, is_right)
    np.testing.assert_array_equal(display.confidence, confidence)
    error = expected_calibration_error(is_right, confidence)
    assert display.calibration_error == error
    expected = f"PropagationAligner: ECE {error:.3f}, {len(rows)} pairs"
    assert text_of(display.ax_) == ["Perfectly calibrated", expected]
    view = ReliabilityDisplay.from_aligner(aligner, SeedPairs(kg1, kg2, links[80:]), method)
    np.testing.assert_array_equal(view.confidence, display.confidence)
    assert view.ax_ is not display.ax_


def test_points_are_the_bins(aligner, pair):
    display = ReliabilityDisplay.from_aligner(aligner, pair[2][80:], n_bins=4)
    edges = [0, 0.25, 0.5, 0.75, 1]
    expected = []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        rows = (display.confidence > low) & (display.confidence <= high)
        if rows.any():
            expected.append((display.confidence[rows].mean(), display.is_right[rows].mean()))
    np.testing.assert_allclose(display.line_.get_xydata(), expected)
    np.testing.assert_allclose(display.mean_confidence, [x for x, _ in expected])
    np.testing.assert_allclose(display.share_right, [y for _, y in expected])


def test_the_error_is_the_distance_of_the_points_from_the_diagonal():
    """Bins of the drawing and of the metric are the same, also at their edges."""
    rng = np.random.default_rng(0)
    confidence = rng.integers(0, 21, 300) / 20
    display = ReliabilityDisplay.from_predictions(rng.random(300) < 0.5, confidence)
    bins = np.maximum(np.ceil(confidence * 10 - 1e-9), 1)
    counts = np.unique(bins, return_counts=True)[1]
    distance = np.abs(display.share_right - display.mean_confidence)
    assert display.calibration_error == pytest.approx(np.average(distance, weights=counts))


def test_several_curves_share_the_axes(aligner, pair):
    _, ax = pyplot.subplots()
    one = ReliabilityDisplay.from_aligner(aligner, pair[2][80:], ax=ax, name="one", color="red")
    two = ReliabilityDisplay.from_predictions([True, False], [0.9, 0.1], ax=ax)
    assert one.ax_ is two.ax_ is ax and one.figure_ is ax.figure
    assert one.line_.get_color() == "red"
    diagonal, first, second = text_of(ax)
    assert first.startswith("one: ECE ") and second == "ECE 0.100, 2 pairs"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Mean confidence", "Share of right pairs")
    two.plot(name="again")
    assert two.ax_ is not ax and text_of(two.ax_)[1] == "again: ECE 0.100, 2 pairs"


@pytest.mark.parametrize("is_right", [True, False])
def test_all_alike(is_right):
    display = ReliabilityDisplay.from_predictions([is_right] * 3, [0.8, 0.8, 0.8])
    assert display.share_right.tolist() == [float(is_right)]


def test_it_can_be_saved(aligner, pair, tmp_path):
    display = ReliabilityDisplay.from_aligner(aligner, pair[2][80:])
    display.figure_.savefig(tmp_path / "diagram.png")
    assert (tmp_path / "diagram.png").read_bytes().startswith(b"\x89PNG")


def test_pairs_of_which_nothing_is_found(aligner, pair):
    with pytest.raises(ValueError, match="found none among 80. Pass true pairs that are no seeds"):
        ReliabilityDisplay.from_aligner(aligner, pair[2][:80])
    with pytest.raises(ValueError, match="found none among 0"):
        ReliabilityDisplay.from_aligner(aligner, pair[2][:0])
    with pytest.raises(ValueError, match=r"pairs of entity ids of shape \(n, 2\); found \(120,\)"):
        ReliabilityDisplay.from_aligner(aligner, pair[2][80:, 0])


@pytest.mark.parametrize("n_bins", [0, 1.5])
def test_bad_number_of_bins(n_bins):
    with pytest.raises(ValueError, match=f"n_bins to be an integer of at least 1; found {n_bins}"):
        ReliabilityDisplay([True], [0.5], n_bins=n_bins)


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    display = ReliabilityDisplay([True], [0.5])  # the numbers need none
    with pytest.raises(ImportError, match=r"Drawing .* needs the package 'matplotlib'.*\[plot\]'"):
        display.plot()
