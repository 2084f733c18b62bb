"""Graphs that grow after a fit: who is new is answered, and nothing that was there moves."""

from __future__ import annotations

import copy
import pickle
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from aligner_checks import dense
from sklearn.exceptions import NotFittedError

from ibmea_sklearn import (
    BaseAligner,
    IBMEAAligner,
    KnowledgeGraph,
    ModalityFeaturizer,
    PARISAligner,
    PrecomputedAligner,
    PropagationAligner,
    SeedPairs,
    TMEAAligner,
)
from ibmea_sklearn.channels import search
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.graph import Sides

SMALL = {"random_state": 0, "verbose": 0, "device": "cpu"}
LABELS = {"propagation__n_components": 256, "propagation__label_width": 128}
BRIEF = {**LABELS, "training__max_epochs": 8, "rounds__n_rounds": 1}
GRAPH_ALONE = {**SMALL, **LABELS, "modalities": ["graph"]}
ALIGNERS = {
    "propagation": (PropagationAligner, LABELS),
    "propagation, all sent": (PropagationAligner, {**LABELS, "diffused": "all"}),
    "ibmea": (IBMEAAligner, BRIEF),
    "tmea": (TMEAAligner, {**BRIEF, "training__max_epochs": 2, "triples__min_steps": 10}),
    "paris": (PARISAligner, {}),
    "precomputed": (PrecomputedAligner, {}),
}
# A second way to propagate, and a second network, of which a test below asks what is its own.
RUN_APART = "propagation, all sent", "tmea"


def made(name: str, world: SimpleNamespace, **more) -> BaseAligner:
    """Return an aligner that is not fitted."""
    kind, params = ALIGNERS[name]
    needed = {}
    if kind is PrecomputedAligner:
        graphs = zip(("left", "right"), (world.kg1, world.kg2), strict=True)
        needed = {
            side: pd.DataFrame(kg.features["image"].values, kg.entity_ids) for side, kg in graphs
        }
    known = kind._get_param_names()
    own = {n: v for n, v in SMALL.items() if n in known}
    return kind(**needed).set_params(**own, **params, **more)


@pytest.fixture(scope="module")
def world():
    """Graphs, the same without a tenth of the linked entities, seeds, and the late pairs."""
    kg1, kg2, links = make_mmkg_pair(
        150,
        n_dangling=10,
        structural_overlap=0.5,
        image_noise=1.5,
        name_noise=0.7,
        missing_modalities={"image": 0.2},
        random_state=0,
    )
    late, seeds, rest = links[:15], links[15:65], links[65:]
    before = [kg.without(side) for kg, side in zip((kg1, kg2), late.T, strict=True)]
    return SimpleNamespace(
        kg1=kg1, kg2=kg2, before=before, late=late, seeds=seeds, test=np.concatenate([late, rest])
    )


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=pytest.mark.slow) if name in RUN_APART else name
        for name in ALIGNERS
    ],
)
def fitted(request, world):
    """An aligner before its graphs grow, and once more after that."""
    aligner = made(request.param, world).fit(*world.before, world.seeds)
    found = SimpleNamespace(name=request.param, aligner=aligner, matches=aligner.align())
    found.extended = new(found).extend(world.kg1, world.kg2)
    return found


def new(fitted) -> BaseAligner:
    """Return one more of the fitted aligner, with all that is kept in memory."""
    aligner = object.__new__(type(fitted.aligner))
    aligner.__dict__.update(fitted.aligner.__dict__)
    return aligner


def shuffled(kg: KnowledgeGraph, seed: int) -> KnowledgeGraph:
    """Return the same graph with its entities and all else in another order."""
    order = np.random.default_rng(seed).permutation(kg.n_entities)
    triples = kg.relation_triples[np.random.default_rng(seed).permutation(len(kg.relation_triples))]
    heads, relations, tails = triples.T
    owners, attributes = kg.attribute_triples.T
    ids = kg.entity_ids
    return KnowledgeGraph(
        np.column_stack([ids[heads], kg.relation_names[relations], ids[tails]]),
        list(zip(ids[owners], kg.attribute_names[attributes], kg.attribute_values, strict=True)),
        names=pd.DataFrame({"entity": ids[kg.names.entities], "name": kg.names.values}),
        features={m: (f.values[order], f.mask[order]) for m, f in kg.features.items()},
        entities=ids[order],
    )


def by_source(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values("source", ignore_index=True)


def matched_before(aligner, matches) -> pd.DataFrame:
    found = aligner.align()
    return found[found["source"].isin(matches["source"])]


# What becomes of new entities, and of the others


def test_new_entities_are_found_nearly_as_by_a_whole_fit(world, fitted):
    whole = made(fitted.name, world).fit(world.kg1, world.kg2, world.seeds)
    extended = fitted.extended
    late = np.arange(len(world.late))
    hits = [(a.rank(world.test)[late] == 1).mean() for a in (whole, extended)]
    assert hits[1] >= hits[0] - 0.1


def test_earlier_rows_stay_to_the_last_bit(world, fitted):
    if fitted.name == "paris":
        pytest.skip("its probabilities are those of all that is said")
    before, after = fitted.aligner, fitted.extended
    assert before.embeddings_.keys() == after.embeddings_.keys()
    for name, sides in before.embeddings_.items():
        for kg, grown, mine, now in zip(
            world.before, (world.kg1, world.kg2), sides, after.embeddings_[name], strict=True
        ):
            kept = dense(now)[grown.entity_index(kg.entity_ids)]
            np.testing.assert_array_equal(dense(mine), kept, err_msg=name)


def test_earlier_matches_stay(world, fitted):
    extended = fitted.extended
    kept = matched_before(extended, fitted.matches)
    pd.testing.assert_frame_equal(by_source(kept), by_source(fitted.matches))
    more = extended.align()
    assert more["source"].is_unique and more["target"].is_unique
    assert more["confidence"].is_monotonic_decreasing
    added = more[~more["source"].isin(fitted.matches["source"])]
    is_late = added["source"].isin(world.late[:, 0]) | added["target"].isin(world.late[:, 1])
    assert len(added) > 5 and is_late.all()


def test_an_earlier_match_comes_first_among_candidates(world, fitted):
    extended = fitted.extended
    sources, targets = (fitted.matches[c].to_numpy() for c in ("source", "target"))
    assert (extended.predict(sources) == targets).all()
    table = extended.candidates(sources, k=3)
    assert (table.loc[table["rank"] == 1, "target"].to_numpy() == targets).all()
    assert not table.duplicated(["source", "target"]).any()


def test_changes_are_what_a_search_among_all_finds(world, fitted):
    extended = fitted.extended
    told = extended.changes_
    extended = copy.copy(fitted.extended)
    extended.earlier_ = None
    anew = dict(extended.align()[["source", "target"]].to_numpy())
    before = dict(fitted.matches[["source", "target"]].to_numpy())
    expected = {s: anew.get(s) for s, t in before.items() if anew.get(s) != t}
    assert dict(zip(told["source"], told["new_target"], strict=True)) == expected
    assert dict(zip(told["source"], told["old_target"], strict=True)) == {
        s: before[s] for s in expected
    }
    assert told["new_confidence"].isna().equals(told["new_target"].isna())


def test_nothing_changes_where_nothing_was_extended(fitted):
    table = fitted.aligner.changes_
    assert len(table) == 0
    assert [*table] == [
        "source", "old_target", "new_target", "old_confidence", "new_confidence",
    ]  # fmt: skip


def test_the_order_of_rows_does_not_matter(world, fitted):
    one = fitted.extended
    two = new(fitted).extend(shuffled(world.kg1, 1), shuffled(world.kg2, 2))
    # Of PARIS a column is a right entity.
    for name in one.embeddings_ if fitted.name != "paris" else ():
        mine, other = (a.embeddings_frame(world.late[:, 0], modality=name) for a in (one, two))
        np.testing.assert_allclose(mine, other, rtol=1e-3, atol=2e-5, err_msg=name)
    tables = [by_source(a.align()) for a in (one, two)]
    pd.testing.assert_frame_equal(*tables, rtol=1e-2, atol=1e-3)
    np.testing.assert_allclose(one.rank(world.test), two.rank(world.test))


def test_extending_twice_is_nearly_extending_once(world, fitted):
    late = world.late[8:]
    between = [kg.without(side) for kg, side in zip((world.kg1, world.kg2), late.T, strict=True)]
    twice = new(fitted).extend(*between)
    matches = twice.align()
    twice.extend(world.kg1, world.kg2)
    kept = matched_before(twice, matches)
    pd.testing.assert_frame_equal(by_source(kept), by_source(matches))
    once = fitted.extended
    hits = [(a.rank(world.late) == 1).mean() for a in (once, twice)]
    assert abs(hits[0] - hits[1]) < 0.2


def test_graphs_that_have_not_grown_change_nothing(world, fitted):
    same = new(fitted).extend(*world.before)
    pd.testing.assert_frame_equal(by_source(same.align()), by_source(fitted.matches))
    assert len(same.changes_) == 0


def test_one_graph_alone_may_grow(world, fitted):
    extended = new(fitted).extend(world.kg1, world.before[1])
    kept = matched_before(extended, fitted.matches)
    pd.testing.assert_frame_equal(by_source(kept), by_source(fitted.matches))
    assert extended.embeddings_["fused"].left.shape[0] == world.kg1.n_entities
    assert set(world.late[:, 0]) & set(extended.unmatched(min_probability=0)["entity"])


def test_doubtful_matches_are_looked_for_anew(world, fitted):
    middle = float(fitted.matches["confidence"].median())
    sure = fitted.matches[fitted.matches["confidence"] >= middle]
    extended = new(fitted).extend(world.kg1, world.kg2, min_confidence=middle)
    found = extended.align()
    kept = found[found["source"].isin(sure["source"])]
    pd.testing.assert_frame_equal(by_source(kept), by_source(sure))
    assert found["source"].is_unique and found["target"].is_unique
    every = new(fitted).extend(world.kg1, world.kg2, min_confidence=1).align()
    assert len(every) > len(sure)
    for side in (0, 1):
        best = extended._matches().judgement.best[side]
        assert best.max() < len(extended._free(1 - side))


@pytest.mark.parametrize("least", [-0.1, 2, "high"])
def test_a_wrong_least_confidence_is_told(world, fitted, least):
    with pytest.raises(ValueError, match=r"min_confidence to be a number in \[0, 1\]"):
        new(fitted).extend(world.kg1, world.kg2, min_confidence=least)


def test_a_file_can_be_extended(world, fitted, tmp_path):
    if fitted.name == "precomputed":
        pytest.skip("a file holds no tables; of arrays there is a test of their own")
    fitted.aligner.save(tmp_path / "aligner.safetensors")
    loaded = BaseAligner.load(tmp_path / "aligner.safetensors").extend(world.kg1, world.kg2)
    expected = fitted.extended
    pd.testing.assert_frame_equal(loaded.align(), expected.align())


def test_what_was_extended_can_be_saved(world, fitted, tmp_path):
    if fitted.name == "precomputed":
        pytest.skip("a file holds no tables; of arrays there is a test of their own")
    late = world.late[8:]
    between = [kg.without(side) for kg, side in zip((world.kg1, world.kg2), late.T, strict=True)]
    extended = new(fitted).extend(*between)
    extended.save(tmp_path / "aligner.safetensors")
    loaded = BaseAligner.load(tmp_path / "aligner.safetensors")
    pd.testing.assert_frame_equal(loaded.align(), extended.align())
    one, two = (a.extend(world.kg1, world.kg2).align() for a in (loaded, extended))
    pd.testing.assert_frame_equal(one, two)


@pytest.mark.parametrize("asked", [{"method": "assignment"}, {"cardinality": "many"}], ids=str)
def test_other_matches_keep_the_earlier_ones_too(world, fitted, asked):
    extended = fitted.extended
    table = extended.align(**asked)
    kept = table[table["source"].isin(fitted.matches["source"])]
    pairs = [by_source(t)[["source", "target"]] for t in (kept, fitted.matches)]
    pd.testing.assert_frame_equal(*pairs)


def test_reports_tell_of_all_entities(world, fitted):
    extended = fitted.extended
    assert extended.quality().n_matches == len(extended.align())
    low, share, high = extended.matchable_share_[["low", "share", "high"]].to_numpy().T
    assert (low <= share).all() and (share <= high).all()
    free = extended.unmatched(min_probability=0)
    assert len(free) == world.kg1.n_entities - len(world.seeds)
    assert extended.explain(*world.late[0]).to_frame()["kind"].eq("channel").any()


def test_confidences_of_new_matches_are_calibrated():
    """By what evidence was usual in the fit: those that are left are no measure of it."""
    kg1, kg2, links = make_mmkg_pair(
        360, n_dangling=60, structural_overlap=0.3, image_dim=0, random_state=0
    )
    late = links[:60]
    before = [kg.without(side) for kg, side in zip((kg1, kg2), late.T, strict=True)]
    aligner = PropagationAligner().set_params(**GRAPH_ALONE)
    matches = aligner.fit(*before, links[200:]).align()
    share = aligner.matchable_share_
    more = aligner.extend(kg1, kg2).align()
    assert aligner.calibration_.is_learnt
    pd.testing.assert_frame_equal(by_source(matched_before(aligner, matches)), by_source(matches))
    added = more[~more["source"].isin(matches["source"])]
    partner = dict(links)
    right = [partner.get(s) == t for s, t in zip(added["source"], added["target"], strict=True)]
    assert len(added) > 30 and abs(added["confidence"].mean() - np.mean(right)) < 0.15
    now = aligner.matchable_share_
    assert (now["low"] <= now["share"]).all() and (now["share"] <= now["high"]).all()
    assert not share.equals(now)


@pytest.mark.parametrize("n_more", [0, 3])
def test_the_fit_may_have_left_nobody_to_match(n_more):
    """All that was there is a seed: the first matches are those of who came later."""
    kg1, kg2, links = make_mmkg_pair(160, structural_overlap=0.5, image_dim=0, random_state=0)
    before = [kg.without(late) for kg, late in zip((kg1, kg2), links[130:].T, strict=True)]
    aligner = PropagationAligner().set_params(**GRAPH_ALONE)
    aligner.fit(*before, links[: 130 - n_more])
    matches = aligner.align()
    assert len(matches) == n_more and aligner.calibration_.is_learnt
    found = aligner.extend(kg1, kg2).align()
    partner = dict(links)
    right = [partner[s] == t for s, t in zip(found["source"], found["target"], strict=True)]
    assert len(found) > 20 and np.mean(right) > 0.7
    assert found["confidence"].between(0, 1).all()
    shares = aligner.matchable_share_[["low", "share", "high"]].to_numpy()
    assert (np.diff(shares) >= 0).all() and aligner.quality().n_matches == len(found)
    assert len(aligner.candidates(links[130:, 0], 2)) == 60


def test_new_triples_of_earlier_entities_are_said_and_change_no_vector(world, capsys):
    aligner = PropagationAligner().set_params(**GRAPH_ALONE).fit(*world.before, world.seeds)
    (kg1, kg2), rows = world.before, aligner.embeddings_["fused"].left
    triples = np.concatenate([kg1.relation_triples, [[0, 0, 5], [1, 0, 7]]])
    matches = aligner.align()
    aligner.set_params(verbose=1).extend(kg1._with(relation_triples=triples), kg2)
    said = " ".join(capsys.readouterr().out.split())
    assert "0 and 0 entities are new; 4 earlier ones have further triples, and keep" in said
    np.testing.assert_array_equal(aligner.embeddings_["fused"].left, rows)
    pd.testing.assert_frame_equal(by_source(aligner.align()), by_source(matches))


@pytest.mark.filterwarnings("ignore::ibmea_sklearn.AlignmentWarning")
@pytest.mark.parametrize("n_seeds", [0, 20])
def test_featurizers_of_few_seeds_are_made_in_two_steps(world, tmp_path, monkeypatch, n_seeds):
    """Values are compared by pairs that all else has found first: both steps are kept."""
    monkeypatch.setattr(search, "FEW_SEEDS", 50)
    aligner = PropagationAligner().set_params(**SMALL, **LABELS)
    wrong = pd.DataFrame([(*world.test[[40, 41], [0, 1]], "different")])
    verdicts = wrong.set_axis(["source", "target", "verdict"], axis=1)
    aligner.fit(*world.before, world.seeds[:n_seeds], verdicts=verdicts)
    aligner.save(tmp_path / "aligner.safetensors")
    matches = aligner.align()
    late = aligner.extend(world.kg1, world.kg2).rank(world.late)
    assert {"value", "name"} < set(aligner.modalities_) and (late == 1).mean() > 0.6
    pd.testing.assert_frame_equal(by_source(matched_before(aligner, matches)), by_source(matches))
    loaded = BaseAligner.load(tmp_path / "aligner.safetensors").extend(world.kg1, world.kg2)
    pd.testing.assert_frame_equal(loaded.align(), aligner.align())


def test_a_fit_forgets_what_was_extended(world):
    params = {**GRAPH_ALONE, "modalities": ["graph", "name"]}  # whose featurizers are kept
    aligner = PropagationAligner().set_params(**params).fit(*world.before, world.seeds)
    aligner.extend(world.kg1, world.kg2).fit(world.kg1, world.kg2, world.seeds)
    assert aligner.earlier_ is None and len(aligner.changes_) == 0
    whole = PropagationAligner().set_params(**params)
    whole.fit(world.kg1, world.kg2, world.seeds)
    pd.testing.assert_frame_equal(aligner.align(), whole.align())


# Verdicts


def test_verdicts_stay(world):
    aligner = PropagationAligner().set_params(**GRAPH_ALONE)
    matches = aligner.fit(*world.before, world.seeds).align()
    (wrong, target), (lone, _) = matches[["source", "target"]].to_numpy()[:2]
    verdicts = pd.DataFrame(
        [(wrong, target, "different"), (lone, None, "none"), (*world.test[20], "same")],
        columns=["source", "target", "verdict"],
    )
    aligner.fit(*world.before, world.seeds, verdicts=verdicts)
    aligner.extend(shuffled(world.kg1, 3), world.kg2)
    found = dict(aligner.align()[["source", "target"]].to_numpy())
    assert lone not in found and found.get(wrong) != target
    assert aligner.unmatched()["entity"].iloc[0] == lone
    assert aligner.predict([world.test[20, 0]]).tolist() == [world.test[20, 1]]


# What is refused


def test_an_entity_that_is_gone_is_named(world, fitted):
    aligner, gone = new(fitted), world.test[30, 0]
    with pytest.raises(ValueError, match=f"all .* entities of the fit.*{gone!r}.*fit of its own"):
        aligner.extend(world.kg1.without([gone]), world.kg2)
    pd.testing.assert_frame_equal(aligner.align(), fitted.matches)


def without_row(kg: KnowledgeGraph, what: str) -> KnowledgeGraph:
    """Return a graph of which one statement is gone, or says something else."""
    table = getattr(kg, what)
    if what == "names":
        changed = kg.names.values.copy()
        changed[0] = "Nobody"
        return kg._with(names=kg.names._replace(values=changed))
    if what == "attribute_values":
        return kg._with(attribute_values=np.array(["other", *table[1:]], object))
    return kg._with(relation_triples=table[1:])


@pytest.mark.parametrize("what", ["relation_triples", "attribute_values", "names"])
def test_what_is_no_longer_said_is_named(world, fitted, what):
    # The first row of each is of an entity of the fit.
    kg = world.before[1]
    entity = {
        "relation_triples": kg.relation_triples[0, 0],
        "attribute_values": kg.attribute_triples[0, 0],
        "names": kg.names.entities[0],
    }[what]
    with pytest.raises(ValueError, match=f"second graph.* 1 .* gone.*{kg.entity_ids[entity]!r}"):
        new(fitted).extend(world.before[0], without_row(kg, what))


def test_an_aligner_of_an_earlier_version_says_so(world):
    aligner = PropagationAligner().set_params(**GRAPH_ALONE).fit(*world.before, world.seeds)
    del aligner.record_
    with pytest.raises(ValueError, match="kept what its fit knew.*files of earlier versions"):
        aligner.extend(world.kg1, world.kg2)


def test_an_aligner_that_is_not_fitted(world):
    with pytest.raises(NotFittedError):
        PropagationAligner().extend(world.kg1, world.kg2)


def test_a_view_is_no_graph(world, fitted):
    view = SeedPairs(world.kg1, world.kg2, world.seeds)
    with pytest.raises(TypeError, match="two KnowledgeGraph.*found SeedPairs.*view.kg1"):
        new(fitted).extend(view, None)


def test_features_of_a_pipeline_must_be_there(world):
    """The featurizers of a pipeline are its own: what it has made must come made."""
    view = SeedPairs(*world.before, world.seeds)
    featurizer = ModalityFeaturizer(verbose=0).fit(view)
    X = featurizer.transform(view)
    aligner = PropagationAligner().set_params(**SMALL, **LABELS).fit(X)
    with pytest.raises(ValueError, match="Expected .* features of .* columns.*none.*pipeline"):
        aligner.extend(world.kg1, world.kg2)
    assert aligner.kg1_ is X.kg1
    grown = featurizer.transform(SeedPairs(world.kg1, world.kg2, []))
    assert (aligner.extend(grown.kg1, grown.kg2).rank(world.late) == 1).mean() > 0.6


def test_an_aligner_without_the_method_says_so(world):
    class Images(BaseAligner):
        def fit_embeddings(self, X):
            return Sides(*(kg.features["image"].values for kg in (X.kg1, X.kg2)))

    class More(Images):
        def extend_embeddings(self, growth):
            graphs = growth.X.kg1, growth.X.kg2
            return Sides(
                *(kg.features["image"].values[n] for kg, n in zip(graphs, growth.new, strict=True))
            )

    with pytest.raises(TypeError, match="found Images, which has no method extend_embeddings"):
        Images().fit(*world.before, world.seeds).extend(world.kg1, world.kg2)
    extended = More().fit(*world.before, world.seeds).extend(world.kg1, world.kg2)
    np.testing.assert_array_equal(
        extended.embeddings_["fused"].left, world.kg1.features["image"].values
    )


def test_a_pickle_can_be_extended(world, fitted):
    aligner = pickle.loads(pickle.dumps(fitted.aligner))
    pd.testing.assert_frame_equal(
        aligner.extend(world.kg1, world.kg2).align(), fitted.extended.align()
    )


# Vectors from elsewhere


def test_arrays_of_the_grown_graphs_are_set_before(world, tmp_path):
    def arrays(*graphs):
        return dict(
            zip(("left", "right"), (kg.features["image"].values for kg in graphs), strict=True)
        )

    aligner = PrecomputedAligner(**arrays(*world.before), random_state=0)
    matches = aligner.fit(*world.before, world.seeds).align()
    with pytest.raises(ValueError, match=r"shape \(160, width\).*\(145, 32\).*set_params\(left="):
        aligner.extend(world.kg1, world.kg2)
    aligner.save(tmp_path / "aligner.safetensors")
    loaded = BaseAligner.load(tmp_path / "aligner.safetensors")
    loaded.set_params(**arrays(world.kg1, world.kg2)).extend(world.kg1, world.kg2)
    pd.testing.assert_frame_equal(by_source(matched_before(loaded, matches)), by_source(matches))
    narrow = {side: rows[:, :5] for side, rows in arrays(world.kg1, world.kg2).items()}
    with pytest.raises(ValueError, match="left of 32 columns, as in the fit; found 5"):
        aligner.set_params(**narrow).extend(world.kg1, world.kg2)


# Networks


@pytest.mark.parametrize(
    "params",
    [
        {"graph__start": "learned", "modalities": ["graph", "relation"]},
        {"graph__start": "propagation", "modalities": ["graph", "image"]},
        {"modalities": ["graph", "propagation", "image"], "features__scale": "unit"},
        {
            "features__similarity": "fused",
            "features__missing": "kept",
            "propagation": "drop",
            "modalities": ["graph", "image", "relation"],
        },
        {"bottleneck__of": "fused", "modalities": ["graph", "image"]},
    ],
    ids=str,
)
def test_encoders_of_any_kind_are_applied(world, tmp_path, params):
    own = {**BRIEF, "training__max_epochs": 2, **params}
    if "propagation" in params:
        own = {n: v for n, v in own.items() if not n.startswith("propagation__")}
    aligner = IBMEAAligner(random_state=0, verbose=0).set_params(**own)
    aligner.fit(*world.before, world.seeds).save(tmp_path / "aligner.safetensors")
    rows = aligner.variances_
    aligner.extend(world.kg1, world.kg2)
    assert aligner.network_.n_nodes == world.kg1.n_entities + world.kg2.n_entities
    for name, sides in rows.items():
        kept = aligner.variances_[name].left[world.kg1.entity_index(world.before[0].entity_ids)]
        np.testing.assert_array_equal(kept, sides.left)
    loaded = BaseAligner.load(tmp_path / "aligner.safetensors").extend(world.kg1, world.kg2)
    for name, sides in aligner.embeddings_.items():
        np.testing.assert_allclose(loaded.embeddings_[name].right, sides.right, atol=1e-5)


def test_a_network_sees_what_it_would_see_of_the_whole_graphs(world):
    """Only neighbours that are new tell a network's new rows from those of a fit on all."""
    aligner = IBMEAAligner(random_state=0, verbose=0).set_params(**BRIEF)
    aligner.fit(*world.before, world.seeds).extend(world.kg1, world.kg2)
    known = aligner.record_.known + np.array([0, world.kg1.n_entities])
    found = aligner.network_.vectors(torch.from_numpy(known))
    late = world.kg1.entity_index(world.late[:, 0])
    for name in aligner.modalities_:
        np.testing.assert_allclose(
            aligner.embeddings_[name].left[late], found[name][late], rtol=1e-4, atol=1e-5
        )


def test_new_entities_of_transe_stand_where_their_triples_say(world):
    aligner = TMEAAligner(random_state=0, verbose=0, modalities=["graph"]).set_params(**BRIEF)
    aligner.fit(*world.before, world.seeds).extend(world.kg1, world.kg2)
    transe = aligner.network_.knowledge.transe
    nodes, steps = (torch.nn.functional.normalize(w).detach() for w in transe.parameters())
    head, relation, tail = torch.tensor(world.kg1.relation_triples).T
    apart = (nodes[head] + steps[relation] - nodes[tail]).norm(dim=1).numpy()
    ends = world.kg1.relation_triples[:, [0, 2]]
    is_late = np.isin(ends, world.kg1.entity_index(world.late[:, 0])).any(axis=1)
    assert apart[is_late].mean() < 1.1 * apart[~is_late].mean()


def test_features_in_files_stay_there(world, tmp_path):
    def mapped(kg, name):
        np.save(tmp_path / name, kg.features["image"].values.astype(np.float16))
        values = np.load(tmp_path / name, mmap_mode="r")
        return kg.with_features(image=(values, kg.features["image"].mask))

    before = [mapped(kg, f"{i}.npy") for i, kg in enumerate(world.before)]
    after = [mapped(kg, f"grown {i}.npy") for i, kg in enumerate((world.kg1, world.kg2))]
    aligner = IBMEAAligner(random_state=0, verbose=0, modalities=["image", "graph"])
    aligner.set_params(**BRIEF).fit(*before, world.seeds).extend(*after)
    table = aligner.network_.tables["image"]
    assert all(isinstance(part, np.memmap) for part in table.parts)
    assert np.isfinite(aligner.embeddings_["image"].left).all()
