"""Merged graphs as RDF, as tables, and in networkx."""

import csv
import datetime
import math

import numpy as np
import pandas as pd
import pytest

from ibmea_sklearn import KnowledgeGraph, merge
from ibmea_sklearn.io import read_graph, read_rdf
from ibmea_sklearn.merging._rdf import literal

X, Y = "http://x.org/", "http://y.org/"


@pytest.fixture
def merged():
    kg1 = KnowledgeGraph(
        [(X + "Lyon", X + "in", X + "France")],
        [(X + "Lyon", X + "population", 522250, None), (X + "Lyon", X + "motto", 'a "b"\n', "@fr")],
        names={X + "Lyon": [("Lyon", "fr")]},
        texts={X + "Lyon": "a city"},
        name="one",
    )
    kg2 = KnowledgeGraph(
        [(Y + "Q456", X + "in", Y + "Q142"), (Y + "Q90", X + "in", Y + "Q142")],
        [(Y + "Q456", X + "population", 500000, None)],
        names={Y + "Q456": [("Lyon", "fr"), "Lione"]},
        name="two",
    )
    return merge(kg1, kg2, [(X + "Lyon", Y + "Q456"), (X + "France", Y + "Q142")], values="left")


@pytest.mark.parametrize("name", ["m.nt", "m.ttl", "m.nq"])
def test_rdf_comes_back(merged, tmp_path, name, what_is_said):
    pytest.importorskip("pyoxigraph")
    merged.write(tmp_path / name)
    old, new = what_is_said(merged.graph), what_is_said(read_rdf(tmp_path / name))
    for what in ("entities", "relations", "names"):
        assert new[what] == old[what]
    integer = "http://www.w3.org/2001/XMLSchema#integer"
    comment = "http://www.w3.org/2000/01/rdf-schema#comment"
    assert sorted(new["attributes"]) == sorted(
        [
            (X + "Lyon", X + "population", "522250", integer),
            (X + "Lyon", X + "motto", repr('a "b"\n'), "@fr"),
            (X + "Lyon", comment, "'a city'", None),
        ]
    )


def test_the_graph_of_each_source_comes_back_from_quads(merged, tmp_path):
    pytest.importorskip("pyoxigraph")
    merged.write(tmp_path / "m.nq")
    left, right, called = (
        read_rdf(tmp_path / "m.nq", graph=f"urn:ibmea:graph:{part}")
        for part in ("left", "right", "links")
    )
    assert set(left.entity_ids) == {X + "Lyon", X + "France"}
    assert set(right.entity_ids) == {X + "Lyon", X + "France", Y + "Q90"}
    assert left.attribute_names.size and not right.attribute_names.size
    assert set(called.entity_ids) > {Y + "Q456", Y + "Q142"}
    with pytest.raises(ValueError, match="graph urn:x in .*; found urn:ibmea:graph:left, urn:ibme"):
        read_rdf(tmp_path / "m.nq", graph="urn:x")


def test_quads_have_a_graph_for_each_source(merged, tmp_path):
    oxigraph = pytest.importorskip("pyoxigraph")
    merged.write(tmp_path / "m.nq")
    found = {}
    for quad in oxigraph.parse(path=str(tmp_path / "m.nq")):
        parts = (quad.subject.value, quad.predicate.value.rpartition("/")[2], quad.object.value)
        found.setdefault(quad.graph_name.value.rpartition(":")[2], set()).add(parts)
    both = {(X + "Lyon", "in", X + "France"), (X + "Lyon", "rdf-schema#label", "Lyon")}
    assert both == found["left"] & found["right"]
    assert (Y + "Q90", "in", X + "France") in found["right"] - found["left"]
    # A value that was dropped is not in the merged graph, and in none of its parts.
    assert not [row for row in found["right"] if row[1] == "population"]
    assert found["links"] == {
        (X + "Lyon", "owl#sameAs", Y + "Q456"),
        (X + "France", "owl#sameAs", Y + "Q142"),
    }


def test_tables_come_back_with_their_provenance(merged, tmp_path, what_is_said):
    merged.write(tmp_path / "m")
    assert what_is_said(read_graph(tmp_path / "m")) == what_is_said(merged.graph)
    inside = tmp_path / "m" / "provenance"
    assert {path.stem for path in inside.iterdir()} == {
        "entities", "relation_triples", "attribute_triples", "images", "texts", "names",
        "conflicts",
    }  # fmt: skip
    table = pd.read_csv(inside / "attribute_triples.csv")
    assert table.loc[table["fact"] < 0, "original_value"].tolist() == ["500000"]
    conflicts = pd.read_csv(inside / "conflicts.csv")
    assert conflicts[["left", "right", "kept"]].values.tolist() == [[522250, 500000, 522250]]


def test_tables_replace_those_of_an_earlier_merge(merged, tmp_path):
    small = merge(*(KnowledgeGraph(entities=["a"]),) * 2, [("a", "a")])
    merged.write(tmp_path / "m")
    small.write(tmp_path / "m")
    assert read_graph(tmp_path / "m").entity_ids.tolist() == ["a"]
    assert len(pd.read_csv(tmp_path / "m" / "provenance" / "relation_triples.csv")) == 0


def test_networkx_edges_say_where_they_are_from(merged):
    pytest.importorskip("networkx")
    edges = merged.to_networkx().edges(data="source")
    assert sorted(edges) == [
        (X + "Lyon", X + "France", "both"),
        (Y + "Q90", X + "France", "right"),
    ]


def test_what_rdf_can_not_hold_is_counted(tmp_path):
    kg = KnowledgeGraph(
        attribute_triples=[("a", "v", None)], images={"a": [b"png", str(tmp_path / "1 2.png")]}
    )
    with pytest.warns(UserWarning, match="2 facts are not in the RDF file"):
        merge(kg, kg, [("a", "a")]).write(tmp_path / "m.nt")
    assert (tmp_path / "m.nt").read_text().count("1%202.png") == 1


def test_a_file_of_another_kind_is_refused(merged, tmp_path):
    with pytest.raises(
        ValueError, match=r"ends in \.nq, \.nt, \.ttl, or a folder.*found 'm\.json'"
    ):
        merged.write(tmp_path / "m.json")
    assert not list(tmp_path.iterdir())


def test_a_lone_surrogate_leaves_the_file_that_is_there(tmp_path):
    kg = KnowledgeGraph(attribute_triples=[("a", "v", "\ud800")])
    (tmp_path / "m.nt").write_text("good")
    with pytest.raises(ValueError, match="lone surrogate"):
        merge(kg, kg, [("a", "a")]).write(tmp_path / "m.nt")
    assert (tmp_path / "m.nt").read_text() == "good"


@pytest.mark.parametrize(
    ("value", "datatype", "text"),
    [
        ("a\tb\x01", None, '"a\\tb\\u0001"'),
        (True, None, '"true"^^<http://www.w3.org/2001/XMLSchema#boolean>'),
        (np.float64(2.5), None, '"2.5"^^<http://www.w3.org/2001/XMLSchema#double>'),
        (math.inf, None, '"INF"^^<http://www.w3.org/2001/XMLSchema#double>'),
        (datetime.date(1912, 9, 11), None, '"1912-09-11"^^<http://www.w3.org/2001/XMLSchema#date>'),
        (1912, "http://x.org/year", '"1912"^^<http://x.org/year>'),
        ("Rom", "@de", '"Rom"@de'),
        ("Rom", "@no language", '"Rom"'),
        (None, None, None),
    ],
)
def test_literals(value, datatype, text):
    assert literal(value, datatype) == text


def test_tables_without_formulas(tmp_path):
    live = ["=1+1", "+x", "-y", "@z"]
    kg1, kg2 = (
        KnowledgeGraph([(a, b, a) for a in live for b in live], {live[0]: {live[1]: word}})
        for word in ("=a", "=b")
    )
    merged = merge(kg1, kg2, [(e, e) for e in live[:2]])
    folder = tmp_path / "out"
    for is_escaped in (False, True):
        merged.write(folder, escape_formulas=is_escaped)
        cells = [
            cell
            for path in folder.rglob("*.csv")
            for row in csv.reader(path.read_text(encoding="utf8").splitlines())
            for cell in row
        ]
        begin = {cell[0] for cell in cells if cell and not is_number(cell)}
        assert bool(begin & set("=+-@")) != is_escaped
        assert set(read_graph(folder).entity_ids) == set(merged.graph.entity_ids)
    with pytest.raises(ValueError, match="for CSV and TSV only; found it for '.nq'"):
        merged.write(tmp_path / "out.nq", escape_formulas=True)


def is_number(text):
    return text.lstrip("-").replace(".", "").isdigit()
