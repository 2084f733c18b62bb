"""The permutation test finds what is there, and nothing where there is nothing."""

import numpy as np
import pytest
import sklearn
from sklearn import model_selection
from sklearn.base import BaseEstimator
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline

from ibmea_sklearn import KnowledgeGraph, ModalityFeaturizer, PropagationAligner, SeedPairs
from ibmea_sklearn.metrics import mean_rank_scorer, mean_reciprocal_rank_scorer
from ibmea_sklearn.model_selection import LinkKFold, permutation_test_score

ALIGNER = PropagationAligner.from_preset(
    modalities=["graph"],
    propagation__n_components=64,
    propagation__label_width=16,
    random_state=0,
    verbose=0,
)


class Recorder(BaseEstimator):
    """Scores by how many of its pairs are true ones, and keeps what it was given."""

    seen: list = []

    def fit(self, X, y=None):
        self.trained_on_ = X
        return self

    def score(self, X, y=None):
        Recorder.seen.append((self.trained_on_, X))
        return float(np.mean(X.indices[:, 0] == X.indices[:, 1]))


@pytest.fixture
def X():
    graphs = [KnowledgeGraph(entities=[f"{side}{i}" for i in range(30)]) for side in "ab"]
    return SeedPairs(*graphs, [(f"a{i}", f"b{i}") for i in range(30)])


def test_right_entities_are_permuted_on_both_sides_of_the_split(X, monkeypatch):
    monkeypatch.setattr(Recorder, "seen", [])
    score, permuted, _ = permutation_test_score(Recorder(), X, cv=KFold(2), n_permutations=3)
    assert score == 1 and permuted.shape == (3,) and (permuted < 0.5).all()
    assert len(Recorder.seen) == 2 * 4  # folds by the truth and each permutation
    for train, test in Recorder.seen:
        assert train.kg1 is X.kg1 and test.kg2 is X.kg2
        assert sorted([*train.sources, *test.sources]) == sorted(X.sources)
        assert sorted([*train.targets, *test.targets]) == sorted(X.targets)
    assert [(train.indices[:, 0] != train.indices[:, 1]).any() for train, _ in Recorder.seen] == [
        *[False] * 2,
        *[True] * 6,
    ]


def test_pvalue_counts_permutations_that_do_as_well(X):
    class Blind(Recorder):
        def score(self, X, y=None):
            return 0.5

    assert permutation_test_score(Blind(), X, cv=2, n_permutations=4)[2] == 1
    assert permutation_test_score(Recorder(), X, cv=2, n_permutations=4)[2] == 1 / 5


@pytest.mark.parametrize("in_pipeline", [False, True])
@pytest.mark.slow
def test_of_an_aligner(toy_pair, in_pipeline):
    X = SeedPairs(toy_pair.kg1, toy_pair.kg2, toy_pair.links)
    features = ModalityFeaturizer(value="drop", verbose=0)
    estimator = make_pipeline(features, ALIGNER) if in_pipeline else ALIGNER
    for scoring in (None, mean_rank_scorer):
        options = {"cv": LinkKFold(2), "scoring": scoring}
        score, permuted, pvalue = permutation_test_score(estimator, X, n_permutations=3, **options)
        assert score == np.mean(cross_val_score(estimator, X, **options))
        assert score > permuted.max() and pvalue == 1 / 4


def test_random_state_draws_the_permutations(X):
    one, two, other = (
        permutation_test_score(Recorder(), X, cv=2, n_permutations=5, random_state=seed)[1]
        for seed in (0, 0, 1)
    )
    assert one.tolist() == two.tolist() != other.tolist()


def test_with_metadata_routing(toy_pair):
    X = SeedPairs(toy_pair.kg1, toy_pair.kg2, toy_pair.links[:40])
    options = {"cv": 2, "n_permutations": 1, "scoring": mean_reciprocal_rank_scorer}
    expected = permutation_test_score(ALIGNER, X, **options)
    with sklearn.config_context(enable_metadata_routing=True):
        found = permutation_test_score(ALIGNER, X, **options)
    assert found[0] == expected[0] and found[1] == expected[1]


def test_graphs_with_ids_of_two_types(toy_pair):
    kg = KnowledgeGraph([(i, "r", (i * i + 1) % 20) for i in range(20)])
    other = KnowledgeGraph([(f"e{i}", "r", f"e{(i * i + 1) % 20}") for i in range(20)])
    X = SeedPairs(kg, other, [(i, f"e{i}") for i in range(20)])
    assert permutation_test_score(ALIGNER, X, cv=2, n_permutations=1)[0] > 0


def test_why_not_that_of_scikit_learn(X):
    """It permutes y, which says nothing to an aligner: a score that is perfect looks like luck."""
    found = model_selection.permutation_test_score(
        Recorder(), X, np.zeros(len(X)), cv=2, n_permutations=4
    )
    assert found[0] == 1 and found[2] == 1


@pytest.mark.parametrize("bad", [[("a0", "b0")], None, np.eye(2)])
def test_not_a_view(bad):
    with pytest.raises(TypeError, match=r"permutation_test_score expects a view.*Pass X = Seed"):
        permutation_test_score(Recorder(), bad)


def test_repeated_rows(X):
    with pytest.raises(ValueError, match="Expected each entity in at most one pair"):
        permutation_test_score(Recorder(), X[[0, 0, 1, 2]], cv=2)
