"""JSON-LD: what is read, and small files that would end the process if the parser had them."""

import gzip
import json

import pytest

from ibmea_sklearn.io import read_alignment, read_graph, read_rdf, recognise_format

pytest.importorskip("pyoxigraph")

# The first lines of what JSON-LD exporters write: a context, and a graph of nodes.
SAMPLE = """{
  "@context": {
    "schema": "http://schema.org/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "name": "schema:name",
    "born": {"@id": "schema:birthDate", "@type": "xsd:date"},
    "place": {"@id": "schema:birthPlace", "@type": "@id"},
    "image": {"@id": "schema:image", "@type": "@id"}
  },
  "@graph": [
    {"@id": "http://x/Ada", "@type": "schema:Person", "born": "1815-12-10", "place": "http://x/London",
     "name": [{"@value": "Ada Lovelace", "@language": "en"}, "Countess"], "image": "ada.png",
     "schema:address": {"schema:postalCode": "SW1"}},
    {"@id": "http://x/London", "schema:population": 8799800, "name": "London"}
  ]
}
"""


@pytest.fixture
def write(tmp_path):
    def write(content, name="g.jsonld"):
        text = content if isinstance(content, str) else json.dumps(content)
        data = text.encode()
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return tmp_path / name

    return write


@pytest.mark.parametrize("name", ["g.jsonld", "g.jsonld.gz"])
def test_graph(write, tmp_path, name):
    path = write(SAMPLE, name)
    assert recognise_format(path) == recognise_format(tmp_path) == "RDF"
    kg = read_graph(path)
    assert kg.entity_ids.tolist() == [
        "http://x/Ada", "http://schema.org/Person", "http://x/London", "_:anonymous0",
    ]  # fmt: skip
    values = dict(
        zip(kg.attribute_names[kg.attribute_triples[:, 1]], kg.attribute_values, strict=True)
    )
    assert values["http://schema.org/population"] == 8799800
    assert str(values["http://schema.org/birthDate"]) == "1815-12-10"
    assert sorted(kg.names.values) == ["Ada Lovelace", "Countess", "London"]
    assert "en" in kg.names.languages
    assert kg.images.values.tolist() == [str(tmp_path / "ada.png")]


def test_nodes_without_an_id_have_one_name_at_each_reading(write):
    path = write({"@id": "http://x/a", "http://x/p": [{"http://x/q": i} for i in range(5)]})
    ids = read_rdf(path).entity_ids.tolist()
    assert ids == read_rdf(path).entity_ids.tolist()
    assert set(ids) == {"http://x/a", *(f"_:anonymous{i}" for i in range(5))}


def test_named_graphs_are_one(write):
    graphs = [
        {"@id": f"http://x/g{i}", "@graph": {"@id": f"http://x/{i}", "http://x/p": i}}
        for i in range(2)
    ]
    assert len(read_rdf(write(graphs)).attribute_values) == 2


def test_links(write):
    same = "http://www.w3.org/2002/07/owl#sameAs"
    path = write({"@id": "http://x/a", same: {"@id": "http://y/a"}})
    table = read_alignment(path)
    assert table[["source", "target"]].to_numpy().tolist() == [["http://x/a", "http://y/a"]]


def chain(n, make=lambda name: f"{name}:x"):
    terms = {f"a{i}": make(f"a{i + 1}") for i in range(n)} | {f"a{n}": "http://x/"}
    return {"@context": terms, "@id": "http://x/a", "a0": 1}


CASES = {
    "deep lists": ("[" * 100_000 + "]" * 100_000, r"line 1: expected values nested at most 500 de"),
    "deep nodes": ('{"http://x/p":\n' * 600 + "{}" + "}" * 600, "line 501: expected values nested"),
    "deep in gzip": ("[" * 600 + "]" * 600, "values nested at most 500"),
    "prefixes": (chain(100_000), "terms of a context made of others at most 500 times"),
    "objects": (chain(100_000, lambda name: {"@id": f"{name}:x"}), "terms of a context made"),
    "types": (
        chain(100_000, lambda name: {"@id": "http://x/", "@type": name}),
        "terms of a context made of others",
    ),
    "a long circle": (
        {"@context": {f"a{i}": f"a{(i + 1) % 1000}:x" for i in range(1000)}},
        "terms of a context made of others",
    ),
    "remote": (
        {"@context": "https://schema.org/"},
        "found the address 'https://schema.org/'",
    ),
    "remote of many": ({"@context": [{}, "http://s/"]}, "found the address 'http://s/'"),
    "imported": ({"@context": {"@import": "http://s/"}}, "found the address 'http://s/'"),
    "scoped": ({"@context": {"p": {"@context": "http://s/"}}}, "found the address 'http://s/'"),
    "a file": ({"@context": "file:///etc/passwd"}, "found the address 'file:///etc/passwd'"),
    "no JSON": ('{"@id": "x",\n}', r"g.jsonld, line 2: expected JSON-LD; found: .*property name"),
    "empty": ("", "line 1: expected JSON-LD; found: Expecting value"),
    "digits": ("[" + "1" * 5000 + "]", "expected JSON-LD; found: Exceeds the limit"),
    "no triples": ("[]", "Expected triples in .*g.jsonld; found none"),
    "wrong keyword": ({"@id": 3}, "g.jsonld.*: expected JSON-LD; found"),
    "circle": ({"@context": {"a": "b:x", "b": "a:x"}, "a": 1}, "found: Cyclic IRI mapping"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_beyond_bounds_is_refused(write, name):
    content, message = CASES[name]
    with pytest.raises(ValueError, match=message):
        read_rdf(write(content, "g.jsonld.gz" if "gzip" in name else "g.jsonld"))


def test_no_utf_8(tmp_path):
    path = tmp_path / "g.jsonld"
    path.write_bytes('{"@id": "é"}'.encode("latin1"))
    with pytest.raises(ValueError, match="Expected UTF-8 text in .*g.jsonld; found byte 0xe9"):
        read_rdf(path)


def test_large_contexts_are_read(write):
    """As long as their terms stand for themselves: that of schema.org has 2,800."""
    terms = {f"t{i}": f"s:{i}" for i in range(5000)} | {"s": "http://x/"}
    assert len(read_rdf(write({"@context": terms, "t7": 1})).attribute_values) == 1
    assert len(read_rdf(write(chain(450))).attribute_values) == 1


def test_brackets_in_texts_are_none(write):
    content = {"@id": "http://x/a", "http://x/p": "[{" * 1000 + '\\"['}
    assert read_rdf(write(content)).attribute_values.tolist() == ["[{" * 1000 + '\\"[']


def test_what_a_json_literal_holds_is_no_context(write):
    value = {"@type": "@json", "@value": {"@context": "http://s/"}}
    assert len(read_rdf(write({"@id": "http://x/a", "http://x/p": value})).attribute_values) == 1
