"""PARIS: its equations against naive loops, and what it finds."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from ibmea_sklearn import BaseAligner, KnowledgeGraph, PARISAligner
from ibmea_sklearn.aligners import _paris as paris
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.graph import Sides

pytestmark = pytest.mark.filterwarnings("ignore:Confidences are not calibrated")


@pytest.fixture(scope="module")
def pair():
    kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    return SimpleNamespace(kg1=kg1, kg2=kg2, links=links)


def random_graph(seed: int, letter: str) -> KnowledgeGraph:
    random = np.random.default_rng(seed)
    ends = random.integers(0, 5, (9, 2))
    said = random.integers(0, 4, (6, 2))
    return KnowledgeGraph(
        [(f"{letter}{h}", f"r{i % 2}", f"{letter}{t}") for i, (h, t) in enumerate(ends.tolist())],
        [(f"{letter}{e}", f"a{i % 2}", f"text {v}") for i, (e, v) in enumerate(said)],
        entities=[f"{letter}{i}" for i in range(5)],
    )


def random_case(seed: int):
    """Two graphs, probabilities of their objects, and of their relations either way."""
    random = np.random.default_rng(seed)
    graphs = random_graph(seed, "a"), random_graph(seed + 1, "b")
    read = [paris.read_values(kg) for kg in graphs]
    sides = tuple(paris.statements(kg, v) for kg, v in zip(graphs, read, strict=True))
    entities = random.random((5, 5)) * (random.random((5, 5)) < 0.5)
    values = paris.equal_values(*read, 0.0)
    objects = sparse.csr_array(sparse.block_diag([sparse.csr_array(entities), values]))
    return sides, objects


def triples(side: paris.Statements) -> list[tuple[int, int, int]]:
    return list(
        zip(side.subjects.tolist(), side.relations.tolist(), side.objects.tolist(), strict=True)
    )


def naive_inverse_functionality(side: paris.Statements, relation: int) -> float:
    """Harmonic mean, over the objects, of one over their number of subjects."""
    objects = [y for _, r, y in triples(side) if r == relation]
    local = [1 / objects.count(y) for y in set(objects)]
    return len(local) / sum(1 / f for f in local) if local else 0.0


@given(st.integers(0, 10_000))
def test_inverse_functionality_is_a_harmonic_mean(seed):
    side = random_case(seed)[0][0]
    expected = [naive_inverse_functionality(side, r) for r in range(side.n_relations)]
    np.testing.assert_allclose(side.inverse_functionality(), expected)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_equivalences_equal_the_naive_loop(seed):
    sides, objects = random_case(seed)
    included = (
        paris.inclusion(sides, objects, 0.1, 1.0),
        paris.inclusion(sides[::-1], sparse.csr_array(objects.T), 0.1, 1.0),
    )
    one, two = (side.inverse_functionality() for side in sides)
    same = objects.toarray()
    expected = np.ones((5, 5))
    for (x, r, y), (x2, r2, y2) in itertools.product(*map(triples, sides)):
        there, back = (
            i.of(*np.array(k)[:, None])[0]
            for i, k in zip(included, ((r, r2), (r2, r)), strict=True)
        )
        expected[x, x2] *= 1 - back * one[r] * same[y, y2]
        expected[x, x2] *= 1 - there * two[r2] * same[y, y2]
    found = paris.equivalences(sides, objects, included, 0.0)
    np.testing.assert_allclose(found.toarray(), 1 - expected, atol=1e-7)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 1.5]))
def test_inclusion_equals_the_naive_loop(seed, belief):
    (one, two), objects = random_case(seed)
    same, other = objects.toarray(), set(triples(two))
    held = np.zeros((one.n_relations, two.n_relations))
    seen = np.zeros(one.n_relations)
    everything = list(itertools.product(range(two.n_entities), range(two.n_objects)))
    for x, r, y in triples(one):
        chances = {(x2, y2): same[x, x2] * same[y, y2] for x2, y2 in everything}
        seen[r] += 1 - np.prod([1 - p for p in chances.values()])
        for r2 in range(two.n_relations):
            kept = [1 - p for (x2, y2), p in chances.items() if (x2, r2, y2) in other]
            held[r, r2] += 1 - np.prod(kept)
    found = paris.inclusion((one, two), objects, 0.1, belief)
    for r, r2 in np.ndindex(held.shape):
        expected = (held[r, r2] + belief * 0.1) / (seen[r] + belief) if seen[r] else 0.1
        assert found.of(np.array([r]), np.array([r2]))[0] == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("most", [1, 20])
def test_blocks_change_nothing(monkeypatch, most):
    sides, objects = random_case(7)
    included = tuple(paris.Inclusion.unknown((s.n_relations, s.n_relations), 0.1) for s in sides)
    whole = paris.equivalences(sides, objects, included, 0.0)
    relations = paris.inclusion(sides, objects, 0.1, 1.0)
    monkeypatch.setattr(paris, "_BLOCK", most)
    cut = paris.equivalences(sides, objects, included, 0.0)
    np.testing.assert_allclose(cut.toarray(), whole.toarray())
    again = paris.inclusion(sides, objects, 0.1, 1.0)
    np.testing.assert_allclose(again.found.toarray(), relations.found.toarray())


@pytest.mark.parametrize(
    ("one", "two", "tolerance", "chance"),
    [
        (100, 100, 0.0, 1.0),
        (100, 100.01, 0.0, 0.0),
        (0, 0, 0.01, 1.0),
        (100, 99.5, 0.01, 0.5),
        (-100, -99.5, 0.01, 0.5),
        (99, 100, 0.01, 0.0),
        (100, -100, 0.5, 0.0),
        ("2001-01", "2001-01-01", 0.0, 1.0),
        ("New  York", "new york", 0.0, 1.0),
        ("York", "New York", 0.9, 0.0),
    ],
)
def test_values_that_are_equal(one, two, tolerance, chance):
    read = [paris.read_values(KnowledgeGraph([], [("e", "a", v)])) for v in (one, two)]
    for sides in (read, read[::-1]):
        assert paris.equal_values(*sides, tolerance).toarray().item() == pytest.approx(chance)


def test_names_are_values_without_accents():
    one, two = (KnowledgeGraph(names={"e": name}) for name in ("Kraków", "krakow"))
    assert PARISAligner(verbose=0).fit(one, two).predict(["e"]).tolist() == ["e"]


def test_best_of_equal_ones_share_the_probability():
    chances = sparse.csr_array([[0.8, 0.8, 0.1], [0.0, 0.9, 0.2], [0.3, 0.0, 0.0]])
    found = paris.assigned(chances, 0.1, mutual=False).toarray()
    np.testing.assert_allclose(found, [[0.4, 0.4, 0], [0, 0.9, 0], [0.3, 0, 0]])
    found = paris.assigned(chances, 0.1, mutual=True).toarray()
    np.testing.assert_allclose(found, [[0.4, 0, 0], [0, 0.9, 0], [0, 0, 0]])


@given(st.integers(0, 10_000))
def test_exclusive_equals_the_naive_loop(seed):
    random = np.random.default_rng(seed)
    chances = np.where(random.random((4, 6)) < 0.5, random.random((4, 6)), 0.0)
    odds = chances / (1 - chances)
    found = paris.exclusive(sparse.csr_array(chances)).toarray()
    for i, j in np.ndindex(odds.shape):
        expected = odds[i, j] / (1 + odds[i].sum() + odds[:, j].sum() - odds[i, j])
        assert found[i, j] == pytest.approx(expected, abs=1e-9)
    assert max(found.sum(axis=0).max(), found.sum(axis=1).max()) <= 1 + 1e-9


def test_exclusive_tells_certain_ones_from_more_certain_ones():
    certain = sparse.csr_array([[1 - 1e-14, 1 - 1e-11], [0.5, 1.0]])
    found = paris.exclusive(certain).toarray()
    assert found[0, 0] > 0.99 and found[1, 1] > 0.99 and found[0, 1] < 0.01
    assert paris.exclusive(sparse.csr_array((2, 3))).nnz == 0


# The aligner


def test_finds_partners_without_seeds(pair):
    aligner = PARISAligner(verbose=0).fit(pair.kg1, pair.kg2)
    assert aligner.score(pair.links) > 0.95
    assert aligner.rounds_[-1]["changed"] <= 0.01
    table = aligner.align()
    truth = dict(pair.links.tolist())
    assert np.mean([truth.get(s) == t for s, t in table[["source", "target"]].to_numpy()]) > 0.95


def test_tells_what_it_has_gone_by(pair):
    seeds = pair.links[:10]
    aligner = PARISAligner(verbose=0, max_iterations=2).fit(pair.kg1, pair.kg2, seeds)
    assert aligner.modalities_ == ["graph", "value"]
    first, second = aligner.rounds_
    assert first["n_pairs"] == 10 and second["n_pairs"] == 10 + first["n_found"]
    named = [kg.with_names({kg.entity_ids[0]: "Lyon"}) for kg in (pair.kg1, pair.kg2)]
    assert aligner.fit(*named, seeds).modalities_ == ["graph", "value", "name"]
    assert aligner.fit(named[0], pair.kg2, seeds).modalities_ == ["graph", "value"]


def test_cosines_are_the_probabilities(pair):
    aligner = PARISAligner(verbose=0, max_iterations=1).fit(pair.kg1, pair.kg2, pair.links[:10])
    left, right = aligner.embeddings_["fused"]
    chances = (left @ right.T).toarray()
    assert chances.min() >= 0 and chances.max() <= 1 + 1e-6
    for side in (left, right):
        lengths = np.sqrt(side.power(2).sum(axis=1))
        np.testing.assert_allclose(lengths[lengths > 0], 1, atol=1e-6)
    seeds = aligner.seed_indices_
    np.testing.assert_allclose(chances[tuple(seeds.T)], 1)
    assert np.count_nonzero(chances[seeds[:, 0]]) == np.count_nonzero(chances[:, seeds[:, 1]]) == 10


def test_confidence_is_the_probability(pair):
    """Sinkhorn's is 1 for a lone candidate, however improbable."""
    aligner = PARISAligner(verbose=0, max_iterations=1).fit(pair.kg1, pair.kg2)
    left, right = aligner.embeddings_["fused"]
    table = aligner.align()
    rows, columns = pair.kg1.entity_index(table["source"]), pair.kg2.entity_index(table["target"])
    chances = (left @ right.T).toarray()[rows, columns]
    np.testing.assert_allclose(table["confidence"], chances, atol=1e-6)
    np.testing.assert_allclose(table["score"], chances, atol=1e-6)
    assert table["confidence"].min() < 0.9
    none = aligner.candidates(table["source"], k=1)["p_none"]
    assert none.between(0, 1).all() and (none > 0.05).any()


def test_questions_and_many_to_one_matches_have_that_probability_as_well(pair):
    aligner = PARISAligner(verbose=0).fit(pair.kg1, pair.kg2, pair.links[:20])
    ours = aligner.align().set_index(["source", "target"])["confidence"]
    for other in (aligner.questions(10), aligner.align(cardinality="many")):
        theirs = other.set_index(["source", "target"])["confidence"]
        both = ours.index.intersection(theirs.index)
        assert len(both)
        np.testing.assert_allclose(theirs[both], ours[both], atol=1e-6)


def test_answers_transpose_when_the_graphs_swap(pair):
    there = PARISAligner(verbose=0).fit(pair.kg1, pair.kg2, pair.links[:5])
    back = PARISAligner(verbose=0).fit(pair.kg2, pair.kg1, pair.links[:5, ::-1])
    one, two = (a.embeddings_["fused"] for a in (there, back))
    np.testing.assert_allclose(
        (one[0] @ one[1].T).toarray(), (two[0] @ two[1].T).toarray().T, atol=1e-6
    )


def test_answers_do_not_depend_on_the_order_of_rows(pair):
    random = np.random.default_rng(0)
    kg = pair.kg2
    heads, relations, tails = random.permutation(kg.relation_triples).T
    order = random.permutation(len(kg.attribute_values))
    owners, attributes = kg.attribute_triples[order].T
    shuffled = KnowledgeGraph(
        {"h": kg.entity_ids[heads], "r": kg.relation_names[relations], "t": kg.entity_ids[tails]},
        {
            "e": kg.entity_ids[owners],
            "a": kg.attribute_names[attributes],
            "v": kg.attribute_values[order],
        },
        entities=random.permutation(kg.entity_ids),
    )
    plain = pair.kg2.with_names(None)
    one, two = (PARISAligner(verbose=0).fit(pair.kg1, kg).align() for kg in (plain, shuffled))
    key = ["source", "target"]
    one, two = (t.sort_values(key, ignore_index=True) for t in (one, two))
    assert one[key].equals(two[key])
    np.testing.assert_allclose(one["confidence"], two["confidence"], atol=1e-5)


def test_an_entity_that_many_share_is_passed_over():
    kg1, kg2 = (
        KnowledgeGraph([(f"{c}{i}", "in", f"{c}hub") for i in range(3)], names={f"{c}hub": "hub"})
        for c in "ab"
    )
    aligners = [PARISAligner(verbose=0, max_pairs=n).fit(kg1, kg2) for n in (8, 9, None)]
    few, some, every = (a.embeddings_["fused"].left.toarray() for a in aligners)
    assert np.count_nonzero(few.any(axis=1)) == 1  # the hub, by its name
    np.testing.assert_array_equal(some, every)
    assert some.any(axis=1).all()


def test_paper_preset_is_the_published_form():
    aligner = PARISAligner.from_preset("paper")
    assert (aligner.assignment, aligner.belief, aligner.tolerance) == ("best", 0.0, 0.0)
    assert aligner.max_pairs is None
    assert aligner.get_params()["matching__method"] == "cosine"


def test_paper_preset_finds_partners(pair):
    aligner = PARISAligner.from_preset("paper", verbose=0).fit(pair.kg1, pair.kg2, pair.links[:20])
    assert aligner.score(pair.links[20:]) > 0.5


def test_nothing_to_start_from_is_an_error():
    ring = [(f"e{i}", "r", f"e{i + 1}") for i in range(4)]
    with pytest.raises(ValueError, match="at least one seed, or a value or name.*with_names"):
        PARISAligner(verbose=0).fit(KnowledgeGraph(ring), KnowledgeGraph(ring))
    with pytest.raises(ValueError, match="in both graphs; found 8 and 0 statements"):
        PARISAligner(verbose=0).fit(
            KnowledgeGraph(ring), KnowledgeGraph(entities=["x"]), [("e0", "x")]
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [("threshold", 0), ("tolerance", 1), ("assignment", "mutually"), ("max_pairs", 0)],
)
def test_parameters_out_of_range(pair, name, value):
    with pytest.raises(ValueError, match=f"Expected {name}.*found"):
        PARISAligner(verbose=0, **{name: value}).fit(pair.kg1, pair.kg2)


def test_says_what_it_finds(pair, capsys):
    PARISAligner(max_iterations=1).fit(pair.kg1, pair.kg2)
    assert "are the same; 100.0% of the" in capsys.readouterr().out


class Sparse(BaseAligner):
    """An author's aligner whose vectors are sparse, or those of one side."""

    def __init__(self, left=sparse.csr_array, bad=None):
        self.left, self.bad = left, bad

    def fit_embeddings(self, X):
        left, right = sparse.eye_array(X.kg1.n_entities, 90), sparse.eye_array(X.kg2.n_entities, 90)
        right = sparse.csr_array(right, dtype=np.float64)
        if self.bad is not None:
            right.data[2] = self.bad
        return Sides(self.left(left), right)


def test_sparse_embeddings_of_an_author(pair):
    assert Sparse().fit(pair.kg1, pair.kg2, pair.links[:2]).predict(pair.links[2:4, 0]).size == 2
    with pytest.raises(TypeError, match="both as arrays or both sparse; found ndarray and csr"):
        Sparse(lambda matrix: matrix.toarray()).fit(pair.kg1, pair.kg2, pair.links[:2])
    with pytest.raises(ValueError, match=f"in 1 rows, first in that of {pair.kg2.entity_ids[2]!r}"):
        Sparse(bad=np.nan).fit(pair.kg1, pair.kg2, pair.links[:2])
