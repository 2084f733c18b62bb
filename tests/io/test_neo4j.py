"""Samples in the exact form of what Neo4j's manuals show, and faults in them."""

import datetime
import shutil
import warnings
from pathlib import Path

import pytest

from ibmea_sklearn.io import read_graph, read_neo4j, read_pair, recognise_format

SAMPLES = Path(__file__).parent / "data" / "neo4j"


def values_of(kg):
    """Attribute values, by entity and attribute."""
    found = {}
    for (entity, attribute), value in zip(kg.attribute_triples, kg.attribute_values, strict=True):
        key = kg.entity_ids[entity], kg.attribute_names[attribute]
        found.setdefault(key, []).append(value)
    return found


def triples_of(kg):
    return [
        (kg.entity_ids[h], kg.relation_names[r], kg.entity_ids[t])
        for h, r, t in kg.relation_triples
    ]


@pytest.fixture
def folder(tmp_path):
    """Write files to a folder."""

    def write(**files):
        for name, text in files.items():
            (tmp_path / f"{name}.csv").write_text(text)
        return tmp_path

    return write


@pytest.mark.filterwarnings("ignore:Properties of relationships")
def test_sample_of_neo4j_admin():
    kg = read_neo4j(SAMPLES / "admin")
    assert kg.name == "admin"
    assert sorted(kg.entity_ids) == [
        "Actor-ID:carrieanne", "Actor-ID:keanu", "Actor-ID:laurence",
        "Movie-ID:tt0133093", "Movie-ID:tt0234215", "Movie-ID:tt0242653",
    ]  # fmt: skip
    assert ("Actor-ID:keanu", "ACTED_IN", "Movie-ID:tt0234215") in triples_of(kg)
    assert len(kg.relation_triples) == 4
    values = values_of(kg)
    assert values["Movie-ID:tt0234215", ":LABEL"] == ["Movie", "Sequel"]
    assert values["Movie-ID:tt0234215", "year"] == [2003]
    assert values["Actor-ID:keanu", "born"] == [datetime.date(1964, 9, 2)]
    assert values["Actor-ID:keanu", "aliases"] == ["Neo", 'Mr "A"']
    assert values["Actor-ID:keanu", "retired"] == [False]
    assert not {attribute for _, attribute in values} & {"note", "name", "title"}
    assert sorted(kg.names.values)[:2] == ["Carrie-Anne Moss", "Keanu Reeves"]
    assert "http://www.w3.org/2001/XMLSchema#integer" in kg.attribute_datatypes


@pytest.mark.filterwarnings("ignore:Properties of relationships")
def test_sample_of_apoc():
    kg = read_neo4j(SAMPLES / "apoc")
    assert kg.name == "movies" and kg.entity_ids.tolist() == ["188", "189", "190"]
    assert triples_of(kg) == [("189", "ACTED_IN", "188"), ("190", "DIRECTED", "188")]
    values = values_of(kg)
    assert values["190", ":LABEL"] == ["Director", "Person"]
    assert values["190", "kids"] == ["a", "b", "c"]
    assert values["189", "born"] == [1964]
    assert sorted(kg.names.values) == ["Keanu Reeves", 'Lana "L." Wachowski', "The Matrix"]
    assert ("189", "released") not in values and ("189", "roles") not in values


@pytest.mark.filterwarnings("ignore:Properties of relationships")
@pytest.mark.parametrize("name", ["admin", "apoc", "apoc/movies.csv"])
def test_recognised(name):
    assert recognise_format(SAMPLES / name) == "Neo4j CSV"
    assert read_graph(SAMPLES / name).n_entities == read_neo4j(SAMPLES / name).n_entities


@pytest.mark.filterwarnings("ignore:Properties of relationships")
def test_pair_of_exports(tmp_path):
    shutil.copytree(SAMPLES / "admin", tmp_path / "kg1")
    shutil.copyfile(SAMPLES / "apoc" / "movies.csv", tmp_path / "kg2.csv")
    (tmp_path / "links.csv").write_text("left,right\nMovie-ID:tt0133093,188\n")
    _, kg2, links = read_pair(tmp_path)
    assert links.tolist() == [["Movie-ID:tt0133093", "188"]] and kg2.n_entities == 3


@pytest.mark.parametrize("name, properties", [("admin", "role"), ("apoc", "roles")])
def test_properties_of_relationships_are_told(name, properties):
    with pytest.warns(UserWarning, match=rf"left out, since a triple has none: {properties}\."):
        read_neo4j(SAMPLES / name)


@pytest.mark.parametrize("sep, suffix", [(";", "csv"), ("|", "csv"), ("\t", "csv"), ("\t", "tsv")])
def test_other_separators(tmp_path, sep, suffix):
    (tmp_path / f"n.{suffix}").write_text(f":ID{sep}tags:string[]\na{sep}x,y\n")
    kg = read_neo4j(tmp_path, array_delimiter=",")
    assert kg.entity_ids.tolist() == ["a"] and kg.attribute_values.tolist() == ["x", "y"]


def test_a_relationship_without_a_type_is_called_as_its_file(folder):
    kg = read_neo4j(folder(n=":ID\na\nb\n", KNOWS=":START_ID,:END_ID\na,b\n"))
    assert triples_of(kg) == [("a", "KNOWS", "b")]


def test_types_of_apoc(folder):
    """As its option useTypes writes them."""
    header = "_id:id,_labels:label,age:long,ok:boolean,_start:id,_end:id,_type:label"
    kg = read_neo4j(folder(g=f"{header}\n1,:A,42,true,,,\n,,,,1,1,SELF\n"))
    assert values_of(kg) == {("1", ":LABEL"): ["A"], ("1", "age"): [42], ("1", "ok"): [True]}
    assert triples_of(kg) == [("1", "SELF", "1")]


def test_which_properties_are_names_is_an_option(folder):
    path = folder(n=":ID,name,label\na,A,B\n")
    assert read_neo4j(path, names=["label"]).names.values.tolist() == ["B"]
    assert "name" in read_neo4j(path, names=()).attribute_names
    with pytest.raises(TypeError, match="Expected names as a sequence of properties; found 'name'"):
        read_neo4j(path, names="name")


NODES = ":ID,n:int\na,1\nb,2\n"
FAULTS = {
    "no nodes": ({"r": ":START_ID,:END_ID\na,b\n"}, "nodes among them; found no nodes in .*r.csv"),
    "none of it": ({"r": "head,relation,tail\na,b,c\n"}, "found no nodes in"),
    "unknown node": (
        {"n": NODES, "r": ":START_ID,:END_ID,:TYPE\na,b,X\na,c,X\n"},
        "r.csv, line 3: expected a relationship of nodes that are there, as 'c' is not; found 'a,c",
    ),
    "no type": ({"n": NODES, "r": ":START_ID,:END_ID,:TYPE\na,b,\n"}, "a relationship with a type"),
    "one id twice": (
        {"n": NODES + "a,3\n"},
        "n.csv, line 4: expected an id not yet used as 'a' is",
    ),
    "no id": ({"n": NODES + ",3\n"}, "n.csv, line 4: expected a node with an id"),
    "no number": ({"n": NODES + "c,3x\n"}, "n.csv, line 4: expected a value of n:int; found '3x'"),
    "no boolean": ({"n": ":ID,b:boolean\na,yes\n"}, "line 2: expected a value of b:boolean"),
    "in an array": (
        {"n": ":ID,b:int[]\na,1;x\n"},
        "line 2: expected a value of b:int; found '1;x'",
    ),
    "fields": (
        {"n": NODES + "c\n"},
        "n.csv, line 4: expected 2 fields, as in the header; found 'c'",
    ),
    "fields of a part": (
        {"n-header": ":ID,n:int\n", "n": "a,1\nb\n"},
        "n.csv, line 2: expected 2 fields, as in the header",
    ),
    "type": ({"n": ":ID,b:colour\na,x\n"}, "n.csv, line 1: expected one of the types int.* 'b:co"),
    "two ids": ({"n": "x:ID,y:ID\na,b\n"}, "n.csv, line 1: expected one column :ID; found"),
    "no end": ({"n": "_id,_labels,_start,_type\n1,:A,,\n"}, "line 1: expected one column _end"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults(folder, name):
    files, message = FAULTS[name]
    with pytest.raises(ValueError, match=message):
        read_neo4j(folder(**files))


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="Expected a file .*none.csv; found none"):
        read_neo4j(tmp_path / "none.csv")


def test_no_utf_8(tmp_path):
    (tmp_path / "n.csv").write_bytes(":ID,name\na,é\n".encode("latin1"))
    with pytest.raises(ValueError, match="Expected UTF-8 text in .*n.csv; found byte 0xe9"):
        read_neo4j(tmp_path)


def test_quoted_lines_count(folder):
    path = folder(n=':ID,text\na,"one\ntwo"\nb,\nb,\n')
    with pytest.raises(ValueError, match=r"n.csv, line 5: expected an id not yet used"):
        read_neo4j(path)


def test_other_tables_are_passed_over(folder):
    path = folder(n=NODES, notes="what,else\n1,2\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_neo4j(path).n_entities == 2
