"""Curves of Hits@k."""

import sys

import numpy as np
import pytest
from matplotlib import pyplot
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

from ibmea_sklearn import PropagationAligner, SeedPairs
from ibmea_sklearn.inspection import HitsAtKDisplay
from ibmea_sklearn.metrics import hits_at_k, mean_reciprocal_rank


def labels_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("modality", ["fused", "image"])
def test_shows_the_ranks_of_an_aligner(trained, noisy_pair, modality, reverse):
    pairs = noisy_pair.links[40:]
    display = HitsAtKDisplay.from_aligner(trained, pairs, modality, reverse=reverse, max_k=20)
    ranks = trained.rank(pairs, modality, reverse)
    assert ranks.max() > 1
    np.testing.assert_allclose(display.hits, [hits_at_k(ranks, k) for k in range(1, 21)])
    np.testing.assert_array_equal(display.line_.get_xydata(), np.c_[display.k, display.hits])
    mrr = mean_reciprocal_rank(ranks)
    expected = f"IBMEAAligner: Hits@1 {hits_at_k(ranks, 1):.3f}, MRR {mrr:.3f}"
    assert labels_of(display.ax_) == [expected]


def test_a_tie_is_no_hit():
    assert HitsAtKDisplay([1.5, 2, 7], max_k=3).hits.tolist() == [0, 2 / 3, 2 / 3]


def test_several_aligners_in_one_picture(trained, propagated, noisy_pair):
    view = SeedPairs(noisy_pair.kg1, noisy_pair.kg2, noisy_pair.links[40:])
    _, ax = pyplot.subplots()
    for aligner, name in ((trained, "one"), (propagated, "two")):
        display = HitsAtKDisplay.from_aligner(aligner, view, name=name, ax=ax)
        assert display.ax_ is ax and display.figure_ is ax.figure
    short = HitsAtKDisplay.from_ranks([1, 2], max_k=5, ax=ax, linestyle=":")
    assert [label.partition(":")[0] for label in labels_of(ax)[:2]] == ["one", "two"]
    assert labels_of(ax)[2].startswith("Hits@1 0.500")
    assert len({line.get_color() for line in ax.lines}) == 3
    assert short.line_.get_linestyle() == ":" and ax.get_xlim()[1] > 100
    assert HitsAtKDisplay.from_ranks([1, 2], color="red", ax=ax).line_.get_color() == "red"


def test_a_search_shows_its_best(noisy_pair):
    aligner = PropagationAligner.from_preset(
        propagation__n_components=32, rounds__n_rounds=1, random_state=0, verbose=0
    )
    train = SeedPairs(noisy_pair.kg1, noisy_pair.kg2, noisy_pair.links[:40])
    search = GridSearchCV(aligner, {"propagation__label_width": [8, 16]}, cv=2).fit(train)
    display = HitsAtKDisplay.from_aligner(search, noisy_pair.links[40:])
    best = search.best_estimator_.rank(noisy_pair.links[40:])
    np.testing.assert_array_equal(display.ranks, best)


def test_wrong_input(trained, noisy_pair):
    with pytest.raises(ValueError, match="max_k to be an integer of at least 2; found 1"):
        HitsAtKDisplay([1, 2], max_k=1)
    with pytest.raises(ValueError, match="found 0.5 at position 1"):
        HitsAtKDisplay([1, 0.5])
    with pytest.raises(ValueError, match="Did you mean 'image'"):
        HitsAtKDisplay.from_aligner(trained, noisy_pair.links[40:], "imag")
    with pytest.raises(NotFittedError):
        HitsAtKDisplay.from_aligner(PropagationAligner(), noisy_pair.links)
    with pytest.raises(TypeError, match="Expected a fitted aligner, .*; found dict"):
        HitsAtKDisplay.from_aligner({}, noisy_pair.links)


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    display = HitsAtKDisplay([1, 2])
    with pytest.raises(ImportError, match=r"Drawing a curve of Hits@k needs .*\[plot\]'"):
        display.plot()
