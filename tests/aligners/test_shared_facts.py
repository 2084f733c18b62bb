"""Facts that agree by relations that mean the same: the vectors, and the channel in a fit."""

import collections
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibmea_sklearn import KnowledgeGraph, PropagationAligner, Rounds
from ibmea_sklearn.aligners._shared_facts import SharedFacts
from ibmea_sklearn.channels import channels as of_channels
from ibmea_sklearn.channels import search
from ibmea_sklearn.datasets import make_mmkg_pair

N = 30
EVERY = np.arange(N)
NAMES = ("in", "by"), ("inverse of in", "par")
# Wide enough for random sums to be near what they stand for.
WIDE = 1 << 16


def rows_of(side, names):
    """Facts i -> 7 i + 1 by the one relation, i -> 3 i + 2 by the other, turned if it says so."""
    told = []
    for name, step, shift in zip(names, (7, 3), (1, 2), strict=True):
        ends = [(i, (step * i + shift) % N) for i in range(N)]
        told += [(f"{side}{i}", name, f"{side}{j}") for i, j in ends if i != j]
    return [(t, n, h) if n.startswith("inverse") else (h, n, t) for h, n, t in told]


@pytest.fixture(scope="module")
def graphs():
    return [
        KnowledgeGraph(rows_of(side, told), entities=[f"{side}{i}" for i in range(N)])
        for side, told in zip("ab", NAMES, strict=True)
    ]


@pytest.fixture(scope="module")
def known():
    return np.column_stack([EVERY, EVERY + N])[:25]


def naive(graphs, relations, known, exponent):
    """Sum over pairs of facts whose ends are a known pair, by loops; then cosines with a doubt."""
    partner = dict(known.tolist())
    told = [facts_of(kg, shift) for kg, shift in zip(graphs, (0, N), strict=True)]
    counts = [collections.Counter(fact[1:] for fact in facts) for facts in told]
    rows = list(zip(*relations, strict=True))
    total = np.zeros((N, N))
    norms = np.zeros(N), np.zeros(N)
    for source, target, turned, confidence in rows:
        for (a, r, d, y), (b, r2, d2, y2) in itertools.product(*told):
            if (r, r2) == (source, target) and (d ^ turned) == d2 and partner.get(y) == y2:
                weights = counts[0][r, d, y] ** -exponent, counts[1][r2, d2, y2] ** -exponent
                total[a, b - N] += confidence * weights[0] * weights[1]
        for side, name in enumerate((source, target)):
            for e, r, d, y in told[side]:
                if r == name and y in known[:, side].tolist():
                    weight = counts[side][r, d, y] ** -exponent
                    norms[side][e - N * side] += confidence * weight**2
    return total / np.sqrt(np.outer(norms[0] + 1, norms[1] + 1))


def facts_of(kg, shift):
    names = kg.relation_names.tolist()
    facts = []
    for h, r, t in kg.relation_triples.tolist():
        facts += [(h + shift, names[r], True, t + shift), (t + shift, names[r], False, h + shift)]
    return facts


def cosines(rows):
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    left, right = np.split(rows / np.where(length > 0, length, 1), 2)
    return left @ right.T


@pytest.mark.parametrize("exponent", [0.0, 0.5])
def test_cosines_are_those_of_a_loop_over_facts(graphs, known, exponent):
    facts = SharedFacts(*graphs, width=WIDE, hub_exponent=exponent)
    found = cosines(facts(known))
    assert set(zip(*facts.relations[:3], strict=True)) == {
        ("in", "inverse of in", True),
        ("by", "par", False),
    }
    wanted = naive(graphs, facts.relations, known, exponent)
    assert (np.abs(found - wanted) < 0.05).mean() > 0.99  # facts meet by chance in some columns
    assert (found.argmax(axis=1) == EVERY).mean() > 0.9


def test_no_fact_is_shared_by_relations_that_mean_something_else(known):
    names = ("in", "by"), ("x", "y")
    other = [(h, n, f"b{(int(t[1:]) * 11 + 5) % N}") for h, n, t in rows_of("b", names[1])]
    kg1 = KnowledgeGraph(rows_of("a", names[0]), entities=[f"a{i}" for i in range(N)])
    kg2 = KnowledgeGraph(other, entities=[f"b{i}" for i in range(N)])
    assert not SharedFacts(kg1, kg2, width=64)(known).any()


@pytest.mark.parametrize("n_known", [0, 1])
def test_of_too_few_known_pairs_nothing_is_told(graphs, known, n_known):
    assert not SharedFacts(*graphs, width=64)(known[:n_known]).any()


def test_an_entity_without_known_neighbours_has_a_row_of_zeros(known):
    rows = rows_of("a", ("in", "by")), rows_of("b", ("in", "by"))
    kg1, kg2 = (KnowledgeGraph(r, entities=[f"{s}{i}" for i in range(N)] + ["alone"])
                for s, r in zip("ab", rows, strict=True))  # fmt: skip
    found = SharedFacts(kg1, kg2, width=64)(known + np.array([0, 1]))
    assert not found[[N, 2 * N + 1]].any() and found[:N].any(axis=1).all()


@settings(max_examples=5)
@given(seed=st.integers(0, 99))
def test_the_order_of_facts_and_of_pairs_does_not_count(graphs, known, seed):
    random = np.random.default_rng(seed)
    shuffled = [
        KnowledgeGraph([rows[i] for i in random.permutation(len(rows))], entities=kg.entity_ids)
        for kg, rows in zip(graphs, map(rows_of, "ab", NAMES), strict=True)
    ]
    first = SharedFacts(*graphs, width=64)(known)
    again = SharedFacts(*shuffled, width=64)(random.permutation(known))
    np.testing.assert_allclose(again, first, atol=1e-6)


def test_left_entities_of_one_right_one_are_one_neighbour(graphs, known):
    both = np.vstack([known, [[26, N + 3]]])
    facts = SharedFacts(*graphs, width=WIDE)
    found = facts(both)
    assert np.isfinite(found).all() and len(facts.relations.sources) == 2


@pytest.fixture(scope="module")
def pair():
    return make_mmkg_pair(150, name_noise=0.5, random_state=0)


@pytest.fixture
def wanted(monkeypatch):
    """The channel counts, whatever the held-out seeds say."""
    real = of_channels.try_channel

    def helpful(*given):
        return real(*given)._replace(gains=np.ones(1))

    monkeypatch.setattr(of_channels, "try_channel", helpful)
    monkeypatch.setattr(search, "_CHOOSE", 10)


def fit(kg1, kg2, links, schema="auto"):
    how = Rounds(n_rounds=2, validation_fraction=0.2, schema=schema)
    aligner = PropagationAligner(
        modalities=["graph"], rounds=how, random_state=0, verbose=0
    ).set_params(propagation__n_components=256)
    return aligner.fit(kg1, kg2, links[:80])


@pytest.mark.filterwarnings("ignore")
def test_new_entities_get_the_rows_that_a_fit_by_the_same_relations_gives(pair, wanted, tmp_path):
    kg1, kg2, links = pair
    before = [kg.without(late) for kg, late in zip((kg1, kg2), links[140:].T, strict=True)]
    aligner = fit(*before, links)
    assert "frozen_schema" in aligner.channel_weights_
    aligner.save(tmp_path / "a.safetensors")
    grown = PropagationAligner.load(tmp_path / "a.safetensors").extend(kg1, kg2)
    facts = SharedFacts(kg1, kg2, width=128, random_state=grown.record_.seed)
    record = grown.record_
    rows = facts.rows(record.relations, record.known, record.codes)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    new = kg1.entity_index(links[140:, 0], "links")
    found = grown.embeddings_["frozen_schema"].left[new]
    np.testing.assert_allclose(found, rows[new], atol=1e-6)
    assert found.any() and (grown.rank(links[140:]) == 1).mean() > 0.5


@pytest.mark.filterwarnings("ignore")
def test_it_can_be_left_out(pair, wanted):
    assert "frozen_schema" not in fit(*pair, schema=False).channel_weights_


@pytest.mark.filterwarnings("ignore")
def test_without_held_out_seeds_nothing_says_that_it_helps(pair, wanted):
    aligner = fit(*pair).set_params(rounds__validation_fraction=0)
    assert [*aligner.fit(pair[0], pair[1], pair[2][:80]).channel_weights_] == ["frozen_propagation"]


@pytest.mark.parametrize("schema", [2, "yes", None])
def test_a_wrong_flag_is_told(pair, schema):
    with pytest.raises(ValueError, match="rounds__schema"):
        fit(*pair, schema=schema)


@pytest.mark.filterwarnings("ignore")
def test_features_of_that_name_are_refused(pair):
    kg1, kg2, links = pair
    graphs = [kg.with_features(schema=np.ones((kg.n_entities, 3))) for kg in (kg1, kg2)]
    aligner = PropagationAligner(modalities=["graph", "schema"], random_state=0, verbose=0)
    with pytest.raises(ValueError, match="other names than 'schema'.* rounds__schema=False"):
        aligner.fit(*graphs, links[:40])
