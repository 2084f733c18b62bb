"""Graphs of networkx and triples of PyKEEN, there and back."""

import importlib.util
import sys
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn.io import from_networkx, from_pykeen, to_networkx, to_pykeen

needs_pykeen = pytest.mark.skipif(
    importlib.util.find_spec("pykeen") is None,
    reason="PyKEEN is heavy: install the extra [pykeen] to run what needs it",
)


@pytest.fixture
def kg():
    return KnowledgeGraph(
        [
            ("Lyon", "located in", "France"),
            ("Lyon", "twinned with", "Turin"),
            ("Lyon", "located in", "Europe"),
            ("Paris", "capital of", "France"),
            ("Paris", "located in", "France"),
        ],
        {
            "Paris": {"population": 2102650, "name": ["Paris", "Lutetia"]},
            "Lyon": {"point": [(45.76, 4.84)]},
        },
        entities=["alone", "Paris"],
        name="cities",
    )


def same_graphs(one, two):
    """Compare ids, triples and values, as names: numbers of relations may differ."""
    assert one.entity_ids.tolist() == two.entity_ids.tolist()
    assert one.name == two.name
    for table in (named_triples, named_values):
        assert sorted(map(repr, table(one))) == sorted(map(repr, table(two)))
    return True


def named_triples(kg):
    heads, relations, tails = kg.relation_triples.T
    names = kg.entity_ids[heads], kg.relation_names[relations], kg.entity_ids[tails]
    return zip(*names, strict=True)


def named_values(kg):
    owners, attributes = kg.attribute_triples.T
    names = kg.entity_ids[owners], kg.attribute_names[attributes]
    return zip(*names, kg.attribute_values, strict=True)


def test_networkx_there_and_back(kg):
    graph = to_networkx(kg)
    assert isinstance(graph, nx.MultiDiGraph) and graph.name == "cities"
    assert list(graph) == kg.entity_ids.tolist()
    assert set(graph["Paris"]["France"]) == {"capital of", "located in"}
    assert graph.nodes["Paris"] == {"population": 2102650, "name": ["Paris", "Lutetia"]}
    assert same_graphs(from_networkx(graph), kg)
    assert same_graphs(from_networkx(graph, relation=None), kg)
    assert from_networkx(graph, name="other").name == "other"


def test_networkx_knows_the_same_neighbours_and_components(kg):
    graph = to_networkx(kg)
    assert set(nx.all_neighbors(graph, "France")) == {"Lyon", "Paris"}
    assert nx.number_weakly_connected_components(graph) == 2


ids = st.one_of(
    st.lists(st.text(min_size=1, max_size=3), min_size=1, max_size=6, unique=True),
    st.lists(st.integers(0, 99), min_size=1, max_size=6, unique=True),
)


@given(st.data(), ids)
def test_any_graph_comes_back(data, entities):
    chosen, names = st.sampled_from(entities), st.sampled_from(["r", "s", "relation"])
    triples = data.draw(st.lists(st.tuples(chosen, names, chosen), max_size=8))
    values = st.one_of(st.integers(), st.text(), st.none(), st.tuples(st.integers()))
    said = data.draw(st.lists(st.tuples(chosen, names, values), max_size=6))
    kg = KnowledgeGraph(triples, said, entities=entities)
    assert same_graphs(from_networkx(to_networkx(kg)), kg)


def test_names_come_back(kg):
    rows = [("Lyon", "Lyon", None), ("Paris", "Parigi", "it"), ("Lyon", "Lione", "it")]
    named = kg.with_names(rows)
    graph = to_networkx(named)
    assert graph.nodes["Lyon"]["names"] == ["Lyon", ("Lione", "it")]
    assert graph.nodes["Paris"]["names"] == [("Parigi", "it")]
    assert "names" not in graph.nodes["France"]
    back = from_networkx(graph)
    assert same_graphs(back, named)
    owners, names, languages = back.names
    found = zip(back.entity_ids[owners], names, languages, strict=True)
    assert sorted(found, key=str) == sorted(rows, key=str)
    assert graph.nodes["Paris"]["names"], "the graph that was given has changed"


def test_names_under_another_attribute_or_none():
    graph = nx.DiGraph()
    graph.add_node("a", label=("Ann", "en"), names=3)
    kg = from_networkx(graph, names="label")
    assert (kg.names.values.tolist(), kg.names.languages.tolist()) == (["Ann"], ["en"])
    assert list(named_values(kg)) == [("a", "names", 3)]
    kg = from_networkx(graph, names=None)
    assert kg.attribute_names.tolist() == ["label", "names"] and not len(kg.names.values)


@pytest.mark.parametrize("found", [3, ["a", None], ("a", "b", "c"), [("a", 1)], {"en": "a"}])
def test_an_attribute_of_names_that_are_none(found):
    graph = nx.DiGraph()
    graph.add_node("a", names=found)
    with pytest.raises(ValueError, match=r"'names' of nodes to hold names.* at 'a'.*names=None"):
        from_networkx(graph)


def test_names_and_an_attribute_that_is_called_so(kg):
    kg = KnowledgeGraph(attribute_triples=[("a", "names", 3)], names=[("a", "Ann")], name="x")
    with pytest.raises(ValueError, match="no attribute that is called 'names'.* in 'x'. Rename"):
        to_networkx(kg)
    assert to_networkx(kg.with_names(None)).nodes["a"] == {"names": 3}


@pytest.mark.parametrize("kind", [nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph])
def test_every_kind_of_graph(kind):
    graph = kind()
    graph.add_edge(1, 2, label="knows")
    graph.add_node(3, age=7)
    kg = from_networkx(graph, relation="label")
    assert list(named_triples(kg)) == [(1, "knows", 2)]
    assert list(named_values(kg)) == [(3, "age", 7)]


def test_features_fit_what_comes_back(kg):
    with_features = kg.with_features(image={"Lyon": [1.0, 2.0]})
    back = from_networkx(to_networkx(with_features)).with_features(**with_features.features)
    lyon = back.entity_index(["Lyon"])[0]
    assert back.features["image"].values[lyon].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("edge", "options", "message"),
    [
        ({"label": "knows"}, {}, r"attribute 'relation'; found one from 1 to 2 with \['label'\]"),
        ({}, {"relation": "label"}, "attribute 'label'; found one from 1 to 2 with no attribute"),
        ({}, {"relation": None}, "Expected a multigraph with relation=None, .* found a DiGraph"),
    ],
)
def test_edges_without_a_relation(edge, options, message):
    graph = nx.DiGraph()
    graph.add_edge(1, 2, **edge)
    with pytest.raises(ValueError, match=message):
        from_networkx(graph, **options)


def test_what_is_no_graph():
    with pytest.raises(TypeError, match="Expected a graph of networkx; found list"):
        from_networkx([(1, 2)])
    graph = nx.DiGraph()
    graph.add_edge((0, 0), (0, 1), relation="right of")
    with pytest.raises(ValueError, match=r"Expected an entity id .* found \(0, 0\)"):
        from_networkx(graph)
    with pytest.raises(ValueError, match="has no entity"):
        from_networkx(nx.DiGraph())


def test_without_networkx(kg, monkeypatch):
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(ImportError, match=r"needs the package 'networkx'.*\[networkx\]'"):
        to_networkx(kg)


@needs_pykeen
def test_pykeen_there_and_back(kg):
    factory = to_pykeen(kg, create_inverse_triples=True)
    np.testing.assert_array_equal(factory.mapped_triples, kg.relation_triples)
    assert factory.num_entities == kg.n_entities
    assert factory.entity_id_to_label[0] == "alone"
    back = from_pykeen(factory)
    assert list(named_triples(back)) == list(named_triples(kg))
    assert back.entity_ids.tolist() == kg.entity_ids.tolist() and back.name == "cities"
    assert from_pykeen(factory, name="other").name == "other"


@needs_pykeen
def test_pykeen_without_labels(kg):
    core = pytest.importorskip("pykeen.triples").CoreTriplesFactory(
        kg.relation_triples.copy(), num_entities=9, num_relations=3, create_inverse_triples=True
    )
    back = from_pykeen(core)
    assert back.entity_ids.tolist() == list(range(9))
    assert list(named_triples(back)) == [tuple(triple) for triple in kg.relation_triples.tolist()]


@needs_pykeen
def test_pykeen_with_gaps_between_the_numbers():
    factory = pytest.importorskip("pykeen.triples").TriplesFactory(
        np.array([[0, 4, 7]]), entity_to_id={"a": 0, "c": 9, "b": 7}, relation_to_id={"r": 4}
    )
    back = from_pykeen(factory)
    assert back.entity_ids.tolist() == ["a", "b", "c"]
    assert list(named_triples(back)) == [("a", "r", "b")]


@needs_pykeen
def test_a_number_without_label():
    factory = pytest.importorskip("pykeen.triples").TriplesFactory(
        np.array([[0, 0, 1]]), entity_to_id={"a": 0, "c": 9}, relation_to_id={"r": 0}
    )
    with pytest.raises(ValueError, match="a label for each number .* found none for tail 1"):
        from_pykeen(factory)


@needs_pykeen
def test_vectors_of_a_pykeen_model_are_features(kg):
    models = pytest.importorskip("pykeen.models")
    model = models.TransE(triples_factory=to_pykeen(kg), embedding_dim=4, random_seed=0)
    vectors = model.entity_representations[0]().detach().numpy()
    assert kg.with_features(transe=vectors).features["transe"].values.shape == (kg.n_entities, 4)


@needs_pykeen
def test_a_data_set_of_pykeen_is_no_factory():
    with pytest.raises(TypeError, match="pass one of its factories, such as dataset.training"):
        from_pykeen(pytest.importorskip("pykeen.datasets").Nations())


def test_a_factory_in_the_form_of_pykeens():
    """Runs where PyKEEN is not installed: with the attributes that its factories have."""
    factory = SimpleNamespace(
        mapped_triples=torch.tensor([[0, 4, 7], [7, 4, 9]]),
        num_entities=10,
        num_relations=5,
        entity_id_to_label={0: "a", 9: "c", 7: "b"},
        relation_id_to_label={4: "r"},
        metadata={"name": "letters"},
    )
    kg = from_pykeen(factory)
    assert kg.name == "letters" and kg.entity_ids.tolist() == ["a", "b", "c"]
    assert list(named_triples(kg)) == [("a", "r", "b"), ("b", "r", "c")]
    factory.entity_id_to_label = {0: "a", 7: "b"}
    with pytest.raises(ValueError, match="a label for each number .* found none for tail 9"):
        from_pykeen(factory)
    factory.entity_id_to_label = factory.relation_id_to_label = factory.metadata = None
    bare = from_pykeen(factory)
    assert bare.entity_ids.tolist() == list(range(10)) and bare.name == ""
    assert list(named_triples(bare)) == [(0, 4, 7), (7, 4, 9)]


def test_no_triples_for_pykeen():
    with pytest.raises(ValueError, match="Expected a graph with relation triples, .*1 entities"):
        to_pykeen(KnowledgeGraph(entities=["a"]))
    with pytest.raises(TypeError, match="Expected a triples factory of PyKEEN; found list"):
        from_pykeen([("a", "r", "b")])


def test_without_pykeen(kg, monkeypatch):
    monkeypatch.setitem(sys.modules, "pykeen.triples", None)
    with pytest.raises(ImportError, match=r"needs the package 'pykeen'.*\[pykeen\]'"):
        to_pykeen(kg)
