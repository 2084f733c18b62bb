"""A bound on memory, for aligners that train a network: the same is found, and it is kept."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from ibmea_sklearn import (
    Bottleneck,
    EVAAligner,
    FeatureEncoding,
    GCNAlignAligner,
    GraphEncoding,
    IBMEAAligner,
    LabelPropagation,
    MCLEAAligner,
    MEAformerAligner,
    SeedPairs,
    TMEAAligner,
)
from ibmea_sklearn._utils.columns import is_stored
from ibmea_sklearn.aligners import _memory
from ibmea_sklearn.datasets import make_mmkg_pair

pytestmark = pytest.mark.usefixtures("few_bytes")

SEEDS = 400
# Beside what counts for any fit. Of 180 entities 6 MB of arrays, 1 MB of float16.
ARRAYS, MEMORY, FILES = (int(_memory._FIXED) + n for n in (500_000_000, 2_000_000, 300_000))


@pytest.fixture(scope="module")
def pair():
    """So noisy that an aligner makes mistakes."""
    return make_mmkg_pair(
        1500, structural_overlap=0.5, image_noise=1.5, n_dangling=100, random_state=0
    )


@pytest.fixture(scope="module")
def fitted(pair):
    """Return fits by their bound, each made once."""
    kg1, kg2, links = pair
    kept = {}

    def fit(limit):
        if limit not in kept:
            made = IBMEAAligner(
                modalities=["graph", "image"],
                propagation=LabelPropagation(512, label_width=128),
                memory_limit=limit,
                random_state=0,
                verbose=0,
            )
            made.set_params(training__max_epochs=2, rounds__schema=False)
            kept[limit] = made.fit(kg1, kg2, links[:SEEDS])
        return kept[limit]

    return fit


def test_as_many_first_hits_as_without_a_bound(fitted, pair):
    links = pair[2][SEEDS:]
    free, bound = fitted(ARRAYS), fitted(FILES)
    assert not is_stored(free.embeddings_["fused"].left)
    assert 0.5 < free.score(links) < 0.99
    assert abs(free.score(links) - bound.score(links)) < 0.005
    assert (free.predict(links[:, 0]) == bound.predict(links[:, 0])).mean() > 0.97
    one, two = (a.align().set_index("source")["target"] for a in (free, bound))
    assert (one == two.reindex(one.index)).mean() > 0.97


def test_nothing_of_a_network_stays_as_an_array(fitted):
    free, bound = fitted(ARRAYS), fitted(FILES)
    kept = {**bound.embeddings_, **{f"variance of {m}": v for m, v in bound.variances_.items()}}
    assert {"graph", "image", "variance of graph", "fused"} < kept.keys()
    for name, sides in kept.items():
        assert all(map(is_stored, sides)), name
        assert all(c._file is not None for side in sides for c, _ in side.parts), name
    for kind in ("embeddings_", "variances_"):
        sides = (getattr(aligner, kind)["image"] for aligner in (free, bound))
        for one, two in zip(*sides, strict=True):
            np.testing.assert_allclose(two, one, atol=0.05 * np.abs(one).max())


def test_a_saved_one_answers_the_same(fitted, pair, tmp_path):
    aligner, links = fitted(FILES), pair[2][SEEDS:]
    aligner.save(tmp_path / "aligner.safetensors")
    again = IBMEAAligner.load(tmp_path / "aligner.safetensors")
    assert again.memory_limit == FILES
    # Lengths are computed anew, so that a tie may come or go.
    assert np.abs(again.rank(links) - aligner.rank(links)).max() <= 0.5
    np.testing.assert_array_equal(again.variances_["graph"].left, aligner.variances_["graph"].left)


def small(kind, limit, pair, **options):
    made = kind(memory_limit=limit, random_state=0, verbose=0)
    names = made.get_params(deep=True)
    few = {"training__max_epochs": 2, "rounds__n_rounds": 2, "propagation__n_components": 128}
    made.set_params(**{name: n for name, n in few.items() if name in names}, **options)
    return made.fit(pair.kg1, pair.kg2, pair.links[:40])


FORMS = {
    "drawn": {"bottleneck": Bottleneck(draw="always"), "graph": GraphEncoding(start="learned")},
    "fused": {"bottleneck": Bottleneck("fused")},
    "one channel": {"features": FeatureEncoding(similarity="fused")},
    "candidates": {"matching__search": "blocked"},
    "few": {"modalities": ["graph", "image"]},
}


@pytest.mark.filterwarnings("ignore:No pair joined")
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        *((IBMEAAligner, form) for form in FORMS),
        (TMEAAligner, "few"),
        *((kind, None) for kind in (EVAAligner, GCNAlignAligner, MCLEAAligner, MEAformerAligner)),
    ],
)
def test_each_network_is_kept_within_a_bound(kind, options, hard_pair):
    options = dict(FORMS.get(options, {}))
    free, bound = (small(kind, limit, hard_pair, **options) for limit in (ARRAYS, FILES))
    assert free.embeddings_.keys() == bound.embeddings_.keys()
    for name, sides in bound.embeddings_.items():
        assert all(map(is_stored, sides)), name
        assert [s.shape for s in sides] == [s.shape for s in free.embeddings_[name]], name
    for mine, other in zip(free.fusion_weights_, bound.fusion_weights_, strict=True):
        assert mine.shape == other.shape and np.isfinite(other).all()
    links = hard_pair.links[40:]
    assert abs(free.score(links) - bound.score(links)) < 0.15  # of 40 entities


@pytest.mark.filterwarnings("ignore:No pair joined")
@pytest.mark.parametrize(
    "kind",
    [IBMEAAligner, TMEAAligner, EVAAligner, GCNAlignAligner, MCLEAAligner, MEAformerAligner],
)
def test_no_network_says_more_than_a_bound_counts(kind, hard_pair):
    aligner = small(kind, None, hard_pair, **FORMS["few"])
    counted = aligner._network_sizes(aligner.modalities_).width
    made = sum(v.left.shape[1] for m, v in aligner.embeddings_.items() if m in ("graph", "image"))
    assert made <= counted <= 2 * made + 200


@pytest.mark.parametrize(
    ("batch_size", "reach", "expected"),
    [
        (10, 0, 20),
        (10, 1, 20 * 11),  # ten edges of each
        (10, 2, 3200),  # more than half: all
        (10, None, 3200),
        (None, 0, 3200),
    ],
)
def test_a_step_takes_what_is_within_reach_of_its_pairs(pair, batch_size, reach, expected):
    kg1, kg2, links = pair
    aligner = IBMEAAligner().set_params(training__batch_size=batch_size)
    X = SeedPairs(kg1, kg2, links[:9])
    assert _memory._rows_of_step(aligner, X, reach) == pytest.approx(expected, rel=0.02)


def image_only(limit, pair, **options):
    return small(IBMEAAligner, limit, pair, modalities=["graph", "image"], **options)


def test_float16_in_memory_comes_before_files(hard_pair):
    aligner = image_only(MEMORY, hard_pair)
    for sides in (*aligner.embeddings_.values(), *aligner.variances_.values()):
        assert all(c._file is None for side in sides for c, _ in side.parts)


def test_it_can_be_extended(hard_pair):
    kg1, kg2, links = hard_pair.kg1, hard_pair.kg2, hard_pair.links
    before = [kg.without(late) for kg, late in zip((kg1, kg2), links[70:].T, strict=True)]
    part = SimpleNamespace(kg1=before[0], kg2=before[1], links=links)
    free, bound = (image_only(limit, part).extend(kg1, kg2) for limit in (ARRAYS, FILES))
    assert abs(free.score(links[40:]) - bound.score(links[40:])) < 0.15
    for name, sides in free.variances_.items():
        assert [s.shape for s in sides] == [s.shape for s in bound.variances_[name]]


def test_it_answers_what_an_aligner_is_asked(hard_pair):
    aligner, links = image_only(FILES, hard_pair), hard_pair.links
    assert len(aligner.candidates(links[40:, 0], k=3)) == 3 * len(links[40:])
    assert aligner.explain(*links[40]).to_frame()["kind"].eq("channel").any()
    assert len(aligner.embeddings_frame(links[:9, 0], modality="graph")) == 9
    assert aligner.quality().n_matches == len(aligner.align())
    assert (aligner.rank(links[40:], modality="image") >= 1).all()


def test_a_network_that_is_ruined_still_stops_the_training(hard_pair):
    with pytest.warns(ConvergenceWarning, match="not finite in epoch 2 of 4"):
        aligner = image_only(FILES, hard_pair, training__learning_rate=1e30)
    assert np.isfinite(aligner.embeddings_["graph"].left).all()


def test_what_the_bound_changes_is_said_once(hard_pair, capsys):
    made = IBMEAAligner(memory_limit=FILES, modalities=["graph", "image"], random_state=0)
    made.set_params(training__max_epochs=1, rounds__n_rounds=1)
    made.fit(hard_pair.kg1, hard_pair.kg2, hard_pair.links[:40])
    assert " ".join(capsys.readouterr().out.split()).count(f"memory_limit={FILES}: ") == 1


def test_a_bound_below_what_training_takes_says_how_to_lower_that(hard_pair, monkeypatch):
    monkeypatch.undo()  # count all
    with pytest.raises(ValueError, match="of at least about .* lower training__batch_size"):
        image_only("100MB", hard_pair)


@pytest.mark.parametrize("wrong", ["8 giga", 8, -1])
def test_wrong_bounds_are_told(hard_pair, wrong):
    with pytest.raises(ValueError, match="Expected memory_limit to be a size"):
        image_only(wrong, hard_pair)
