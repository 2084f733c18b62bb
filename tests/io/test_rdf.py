import datetime
import gzip
import json
from pathlib import Path

import pytest

from ibmea_sklearn.io import read_graph, read_mmkg, read_rdf
from ibmea_sklearn.io._values import XSD

pytest.importorskip("pyoxigraph")

TURTLE = """
@prefix x: <http://x/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> .
@prefix schema: <https://schema.org/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
x:Lyon a x:City ;
    x:in x:France ;
    rdfs:label "Lyon"@fr ;
    x:name "Lyon" ;
    x:population 522250 ;
    x:since "1312-04-10"^^xsd:date ;
    foaf:depiction <pictures/lyon%20old.png> ;
    schema:image "pictures/lyon.png" , <https://pictures.example/lyon.png> .
x:France x:has [ x:area 1.5e0 ] .
"""
XML = """<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="http://x/">
  <rdf:Description rdf:about="http://x/Lyon"><x:in rdf:resource="http://x/France"/>
    <foaf:depiction xmlns:foaf="http://xmlns.com/foaf/0.1/" rdf:resource="lyon.png"/>
  </rdf:Description>
</rdf:RDF>
"""


@pytest.fixture
def turtle(tmp_path):
    path = tmp_path / "cities.ttl"
    path.write_text(TURTLE)
    return path


def _attributes(kg, entity):
    rows = kg.attribute_triples[:, 0] == kg.entity_index([entity])[0]
    names = kg.attribute_names[kg.attribute_triples[rows, 1]]
    values = zip(kg.attribute_values[rows], kg.attribute_datatypes[rows], strict=True)
    return dict(zip(names, values, strict=True))


LABELLED = """
@prefix foaf: <http://xmlns.com/foaf/0.1/> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
<http://x/a> rdfs:label "Eins"@de , "one"@en-GB ; skos:prefLabel "1" ; skos:altLabel 1 .
<http://x/b> foaf:name "two" ; <http://schema.org/name> "zwei" ; <https://schema.org/name> "deux" ;
    <http://x/called> "2"@mis ; rdfs:label <http://x/a> .
"""


def test_names(tmp_path):
    (tmp_path / "g.ttl").write_text(LABELLED)
    kg = read_rdf(tmp_path)
    rows = zip(kg.names.entities.tolist(), *kg.names[1:], strict=True)
    a, b = kg.entity_index(["http://x/a", "http://x/b"]).tolist()
    assert sorted(map(str, rows)) == sorted(
        map(str, [(a, "Eins", "de"), (a, "one", "en-gb"), (a, "1", None)]
            + [(b, n, None) for n in ("two", "zwei", "deux")])
    )  # fmt: skip
    assert kg.attribute_names.tolist() == ["http://x/called"]
    assert kg.relation_names.tolist() == ["http://www.w3.org/2000/01/rdf-schema#label"]


def test_predicates_of_names(tmp_path):
    (tmp_path / "g.ttl").write_text(LABELLED)
    own = read_rdf(tmp_path, names=["http://x/called"])
    assert [part.tolist() for part in own.names[1:]] == [["2"], ["mis"]]
    assert "http://x/called" not in own.attribute_names and own.n_attributes == 6
    none = read_rdf(tmp_path, names=())
    assert not len(none.names.values) and none.n_attributes == 7
    with pytest.raises(TypeError, match=r"Pass \['http://x/called'\]"):
        read_rdf(tmp_path, names="http://x/called")


def test_turtle(turtle):
    kg = read_rdf(turtle)
    assert kg.name == "cities"
    assert kg.n_entities == 4 and len(kg.relation_triples) == 3
    attributes = _attributes(kg, "http://x/Lyon")
    assert (kg.names.values.tolist(), kg.names.languages.tolist()) == (["Lyon"], ["fr"])
    assert attributes["http://x/name"] == ("Lyon", None)
    assert attributes["http://x/population"] == (522250, XSD + "integer")
    assert attributes["http://x/since"] == (datetime.date(1312, 4, 10), XSD + "date")


def test_pictures(turtle):
    kg = read_rdf(turtle)
    folder = turtle.parent / "pictures"
    assert kg.images.values.tolist() == [str(folder / "lyon old.png"), str(folder / "lyon.png")]
    remote = _attributes(kg, "http://x/Lyon")["https://schema.org/image"]
    assert remote == ("https://pictures.example/lyon.png", XSD + "anyURI")


def test_pictures_by_file_iri_in_ntriples(tmp_path):
    picture = (tmp_path / "a b.png").as_uri()
    path = tmp_path / "x.nt"
    path.write_text(f"<http://x/a> <http://schema.org/image> <{picture}> .\n")
    assert read_rdf(path).images.values.tolist() == [str(tmp_path / "a b.png")]


def test_a_blank_node_is_no_picture(tmp_path):
    path = tmp_path / "x.ttl"
    path.write_text('<http://x/a> <http://schema.org/image> [ <http://x/caption> "a" ] .')
    kg = read_rdf(path)
    assert "image" not in kg.modalities and len(kg.relation_triples) == 1


def test_where_a_file_lies_is_no_part_of_a_name(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "g.ttl").write_text("<a> <http://x/r> <#b> .")
    one, two = (read_rdf(tmp_path / folder / "g.ttl") for folder in ("one", "two"))
    assert one.entity_ids.tolist() == two.entity_ids.tolist() == ["a", "g.ttl#b"]


@pytest.mark.parametrize("suffix", [".rdf", ".xml", ".owl"])
def test_xml(tmp_path, suffix):
    (tmp_path / f"g{suffix}").write_text(XML)
    kg = read_rdf(tmp_path / f"g{suffix}")
    assert kg.entity_ids.tolist() == ["http://x/Lyon", "http://x/France"]
    assert kg.images.values.tolist() == [str(tmp_path / "lyon.png")]


def test_gzip(tmp_path, turtle):
    (tmp_path / "g.ttl.gz").write_bytes(gzip.compress(TURTLE.encode()))
    packed = read_rdf(tmp_path / "g.ttl.gz", name="packed")
    assert packed.name == "packed"
    assert packed.relation_triples.tolist() == read_rdf(turtle).relation_triples.tolist()


def test_several_files_keep_their_blank_nodes_apart(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.nt").write_text("_:x <http://x/in> <http://x/France> .\n")
    assert read_rdf(tmp_path / "a.nt").entity_ids.tolist() == ["_:x", "http://x/France"]
    assert read_rdf([tmp_path / "a.nt", tmp_path / "b.nt"]).n_entities == 3
    assert read_rdf(tmp_path).n_entities == 3


def test_sample_of_real_triples(tmp_path):
    # Those of MMKG are N-Triples, but for some IRIs with quotes in them.
    samples = Path(__file__).parent / "data" / "mmkg"
    for name in ("EntityTriples", "NumericalTriples"):
        (tmp_path / f"{name}.nt").symlink_to(samples / "DB15K" / f"DB15K_{name}.txt")
    kg = read_rdf(tmp_path)
    _, db15k, _ = read_mmkg(samples)
    assert sorted(kg.entity_ids) == sorted(db15k.entity_ids)
    assert len(kg.relation_triples) == len(db15k.relation_triples) == 4
    assert sorted(map(str, kg.attribute_values)) == sorted(map(str, db15k.attribute_values))


def test_real_file(data_home, real_pair, tmp_path):
    # The triples of DB15K are N-Triples, but for some IRIs with quotes in them.
    path = data_home / "mmkg" / "DB15K" / "DB15K_EntityTriples.txt"
    (tmp_path / "db15k.nt").symlink_to(path)
    kg = read_rdf(tmp_path / "db15k.nt")
    _, db15k, _ = real_pair("mmkg")
    # Two of the triples point at pictures on the web.
    assert len(db15k.relation_triples) == 89197
    assert (len(kg.relation_triples), len(kg.attribute_triples)) == (89195, 2)
    assert set(kg.entity_ids) <= set(db15k.entity_ids)


@pytest.mark.parametrize(
    "name, data, message",
    [
        ("g.nt", b"<http://a> <http://b> <http://c> .\nnonsense\n", "g.nt, line 2: expected N-Tri"),
        ("g.ttl", b"<http://a> <http://b> .\n", "g.ttl, line 1: expected Turtle; found: "),
        ("g.rdf", b"<rdf", "g.rdf, line 1: expected RDF/XML; found: unclosed token"),
        ("g.nt", b'<http://a> <http://b> "\xff" .\n', "line 1: .*Invalid UTF-8.* Save it as UTF-8"),
        ("g.nt", b"", "Expected triples in .*g.nt; found none"),
        ("g.nt.gz", b"not packed", "Expected a whole gzip file"),
        ("g.json", b"{}", r"Expected an RDF file \(.nt, .nq, .ttl"),
    ],
)
def test_bad_files(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=message):
        read_rdf(tmp_path / name)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"found none\. The folder has: an empty folder"):
        read_rdf(tmp_path / "g.nt")


QUADS = """<http://x/a> <http://x/p> <http://x/b> <http://x/one> .
<http://x/a> <http://x/p> <http://x/b> <http://x/two> .
<http://x/a> <http://x/p> <http://x/b> .
_:b0 <http://x/p> "v" <http://x/two> .
"""


def test_quads_say_each_fact_once(tmp_path):
    (tmp_path / "g.nq").write_text(QUADS)
    kg = read_graph(tmp_path / "g.nq")
    assert (len(kg.relation_triples), len(kg.attribute_triples)) == (1, 1)
    assert kg.entity_ids.tolist() == ["http://x/a", "http://x/b", "_:b0"]
    assert read_rdf(tmp_path / "g.nq", graph="http://x/one").n_entities == 2


def test_a_named_graph_of_json_ld(tmp_path):
    said = {"@id": "http://x/g", "@graph": {"@id": "http://x/a", "http://x/p": "v"}}
    (tmp_path / "g.jsonld").write_text(json.dumps([said, {"@id": "http://x/b", "http://x/p": "w"}]))
    assert read_rdf(tmp_path / "g.jsonld", graph="http://x/g").entity_ids.tolist() == ["http://x/a"]
    assert read_rdf(tmp_path / "g.jsonld").n_entities == 2


@pytest.mark.parametrize(
    ("name", "text", "graph", "message"),
    [
        ("g.nt", QUADS[:45], "http://x/one", "Expected graph with .nq or .jsonld only"),
        ("g.nq", QUADS, "http://x/on", "found http://x/one, http://x/two, the default graph"),
        ("g.nq", "<http://x/a> <http://x/p> .\n", None, "line 1: expected N-Quads"),
        ("g.nq", "", None, "Expected triples in"),
        ("g.nq", QUADS.split("\n")[0] + " more\n", None, "line 1: expected N-Quads"),
    ],
)
def test_wrong_quads(tmp_path, name, text, graph, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_rdf(tmp_path / name, graph=graph)
