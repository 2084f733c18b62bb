"""Heat maps of searches."""

import warnings

import numpy as np
import pytest
from matplotlib import pyplot
from sklearn.decomposition import PCA
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.pipeline import make_pipeline

from ibmea_sklearn import ModalityFeaturizer, PropagationAligner, SeedPairs
from ibmea_sklearn.inspection import SearchHeatmapDisplay
from ibmea_sklearn.metrics._scorers import SCORERS


@pytest.fixture(scope="module")
def view(noisy_pair):
    return SeedPairs(noisy_pair.kg1, noisy_pair.kg2, noisy_pair.links[:40])


def aligner():
    return PropagationAligner.from_preset(
        propagation__n_components=32, rounds__n_rounds=1, random_state=0, verbose=0
    )


class Search:
    """Results as a search has them."""

    refit = True

    def __init__(self, params, scores, **more):
        scores = np.asarray(scores, float)
        spread = {"std_test_score": scores / 10}
        self.cv_results_ = {"params": params, "mean_test_score": scores, **spread, **more}


GRID = [{"a": a, "b": b} for a in (0.1, 0.01) for b in ("x", "y", "z")]


def test_cells_are_the_scores_of_a_grid_search(view):
    grid = {"propagation__label_width": [16, 8, 32], "propagation__hub_exponent": [0.25, 0.0]}
    search = GridSearchCV(aligner(), grid, cv=2).fit(view)
    display = SearchHeatmapDisplay.from_search(search, x="label_width")
    assert display.x == ("propagation__label_width", [8, 16, 32])
    assert display.y == ("propagation__hub_exponent", [0.0, 0.25])
    for params, mean in zip(
        search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
    ):
        row = display.y.values.index(params["propagation__hub_exponent"])
        column = display.x.values.index(params["propagation__label_width"])
        assert display.scores[row, column] == mean
    assert display.scores[display.best] == search.best_score_
    np.testing.assert_array_equal(display.image_.get_array(), display.scores)
    assert [text.get_text() for text in display.ax_.get_xticklabels()] == ["8", "16", "32"]
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("label_width", "hub_exponent")


def test_in_a_pipeline_with_several_metrics(view):
    pipeline = make_pipeline(ModalityFeaturizer(image="drop", value="drop"), aligner())
    grid = {
        "propagationaligner__propagation__label_width": [8, 16],
        "propagationaligner__propagation__hub_exponent": [0.0, 0.25],
    }
    scoring = {name: SCORERS[name] for name in ("hits@1", "mrr")}
    search = GridSearchCV(pipeline, grid, cv=2, scoring=scoring, refit="mrr").fit(view)
    display = SearchHeatmapDisplay.from_search(search, "hub_exponent", "label_width")
    assert display.metric == "mrr" and display.scores.max() == search.best_score_
    assert display.ax_.get_xlabel() == "hub_exponent"
    hits = SearchHeatmapDisplay.from_search(search, metric="hits@1")
    assert hits.scores.max() == search.cv_results_["mean_test_hits@1"].max()
    search.refit = False
    with pytest.raises(ValueError, match="one of 'hits@1', 'mrr'; found None"):
        SearchHeatmapDisplay.from_search(search)


def test_halving_shows_the_last_step_of_each(view):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = HalvingGridSearchCV(
            aligner(),
            {"propagation__label_width": [8, 16], "propagation__hub_exponent": [0.0, 0.25]},
            cv=2,
            min_resources=20,
            factor=2,
            random_state=0,
        ).fit(view)
    display = SearchHeatmapDisplay.from_search(search)
    results = search.cv_results_
    assert max(results["iter"]) == 1 and len(results["iter"]) == 4 + 2
    for params in results["params"][:4]:
        rows = [i for i, p in enumerate(results["params"]) if p == params]
        last = max(rows, key=lambda i: results["iter"][i])
        row = display.y.values.index(params[display.y.name])
        column = display.x.values.index(params[display.x.name])
        assert display.scores[row, column] == results["mean_test_score"][last]


def test_the_best_over_further_parameters_is_shown():
    params = [{**p, "c": c} for p in GRID for c in (1, 2)]
    display = SearchHeatmapDisplay.from_search(Search(params, np.arange(12) % 7), "b", "a")
    scores = (np.arange(12) % 7).reshape(2, 3, 2).max(2)
    np.testing.assert_array_equal(display.scores, scores[::-1])  # .01 stands before .1
    np.testing.assert_allclose(display.deviations, display.scores / 10)


def test_what_was_not_tried_or_failed_has_a_dash():
    scores = [0.9, np.nan, 0.5, 0.6]
    display = SearchHeatmapDisplay.from_search(Search(GRID[:2] + GRID[4:], scores), "a", "b")
    assert np.isnan(display.scores).sum() == 3 and display.best == (0, 1)
    texts = [text.get_text() for text in display.ax_.texts]
    assert texts.count("–") == 3 and "0.900\n±0.090" in texts


def test_values_that_are_estimators():
    params = [{"image": i, "b": b} for i in (PCA(2), PCA(3)) for b in (1, 2)]
    display = SearchHeatmapDisplay.from_search(Search(params, range(4)), "b", "image")
    labels = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert labels == ["PCA(n_components=2)", "PCA(n_components=3)"]
    np.testing.assert_array_equal(display.scores, [[0, 1], [2, 3]])


def test_numbers_are_dark_on_light_and_light_on_dark():
    display = SearchHeatmapDisplay.from_search(Search(GRID, range(6)), "b", "a")
    colours = {text.get_text().split("\n")[0]: text.get_color() for text in display.ax_.texts}
    assert colours["0.000"] == "white" and colours["5.000"] == "black"


def test_on_given_axes():
    figure, ax = pyplot.subplots()
    display = SearchHeatmapDisplay.from_search(Search(GRID, range(6)), ax=ax, cmap="gray")
    assert display.ax_ is ax and display.figure_ is figure
    assert display.image_.get_cmap().name == "gray"


@pytest.mark.parametrize(
    ("params", "options", "message"),
    [
        (GRID[:3], {}, "Expected two parameters that vary, .*; found b. Of one"),
        ([{**p, "c": i} for i, p in enumerate(GRID)], {}, "found a, b, c"),
        ([{**p, "c": i} for i, p in enumerate(GRID)], {"x": "a"}, "found b, c beside a"),
        (GRID, {"x": "a", "y": "a"}, "two different parameters; found 'a' twice"),
        (GRID, {"x": "q"}, "a parameter of the search, of a, b; found 'q'"),
        (GRID, {"metric": "mrr"}, "metric to be one of 'score'; found 'mrr'"),
    ],
)
def test_wrong_parameters(params, options, message):
    with pytest.raises(ValueError, match=message):
        SearchHeatmapDisplay.from_search(Search(params, range(len(params))), **options)


def test_wrong_input():
    with pytest.raises(ValueError, match="found none: did all fits fail"):
        SearchHeatmapDisplay.from_search(Search(GRID, [np.nan] * 6))
    with pytest.raises(TypeError, match="a fitted search with cv_results_, .*; found PCA"):
        SearchHeatmapDisplay.from_search(PCA())
    with pytest.raises(ValueError, match=r"scores of shape \(1, 2\); found \(2, 2\)"):
        SearchHeatmapDisplay(np.eye(2), np.eye(2), ("a", [1, 2]), ("b", [1]))
