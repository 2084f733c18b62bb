"""Names of entities: every form, what is refused, what is left out, and that they stay."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ibmea_sklearn import KnowledgeGraph, SeedPairs

TRIPLES = [("Q90", "capital of", "Q142"), ("Q456", "in", "Q142")]
ROWS = [("Q90", "Paris", "fr"), ("Q90", "Lutetia", "la"), ("Q456", "Lyon", None)]


def said(kg):
    owners, names, languages = kg.names
    return list(zip(kg.entity_ids[owners].tolist(), names, languages, strict=True))


@pytest.mark.parametrize(
    "names",
    [
        {"Q90": [("Paris", "fr"), ("Lutetia", "la")], "Q456": "Lyon"},
        {"Q90": [(" Paris\n", "@fr"), ("Lutetia", " la"), ("Paris", "fr")], "Q456": ["Lyon"]},
        {"Q90": [("Paris", "fr"), ("Lutetia", "la")], "Q456": ("Lyon", None)},
        ROWS,
        ROWS + ROWS,
        pd.DataFrame(ROWS, columns=["a", "b", "c"]),
        pd.DataFrame([*ROWS[:2], ("Q456", "Lyon", np.nan)]),
        pl.DataFrame(ROWS, schema=["a", "b", "c"], orient="row"),
        [*ROWS[:2], ("Q456", "Lyon", "")],
    ],
)
@pytest.mark.parametrize("later", [False, True])
def test_names_of_any_form(names, later):
    kg = (
        KnowledgeGraph(TRIPLES).with_names(names) if later else KnowledgeGraph(TRIPLES, names=names)
    )
    assert said(kg) == ROWS
    assert [part.dtype for part in kg.names] == [np.int64, object, object]


def test_languages_may_be_left_out():
    kg = KnowledgeGraph(names=pd.DataFrame({"id": ["a", "b"], "label": ["x", "y"]}))
    assert said(kg) == [("a", "x", None), ("b", "y", None)]


def test_an_entity_that_only_names_know_is_one_of_the_graph():
    kg = KnowledgeGraph(TRIPLES, names={"Q1": "universe"}, entities=["Q456"])
    assert kg.entity_ids.tolist() == ["Q456", "Q90", "Q142", "Q1"]


def test_no_names():
    kg = KnowledgeGraph(TRIPLES)
    assert [len(part) for part in kg.names] == [0, 0, 0] and "name" not in kg.modalities
    assert said(kg.with_names(ROWS).with_names(None)) == []


@pytest.mark.parametrize("later", [False, True])
def test_empty_names_are_counted_and_left_out(later):
    names = {"Q90": ["", "Paris", None], "Q142": " \t", "Q456": [np.nan, pd.NA]}
    with pytest.warns(UserWarning, match="5 of 6 names are empty and left out") as warned:
        if later:
            kg = KnowledgeGraph(TRIPLES).with_names(names)
        else:
            kg = KnowledgeGraph(TRIPLES, names=names)
    assert said(kg) == [("Q90", "Paris", None)]
    assert [w.filename for w in warned] == [__file__]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"Q90": 7}, "Expected names to be texts; found 7 in row 0"),
        ({"Q90": ["Paris", b"Lyon"]}, "Expected names to be texts; found b'Lyon' in row 1"),
        ({"Q90": ("Paris", 3)}, "Expected languages of names to be texts; found 3 in row 0"),
        ({"Q90": ("Paris", "fr", "x")}, "Put several names into a list"),
        ("label", "a mapping {entity: names}, or 'id'; found 'label'"),
        ([("Q90",)], "Expected names with 2 or 3 columns; found 1"),
    ],
)
def test_what_is_no_name(names, message):
    with pytest.raises(ValueError, match=message):
        KnowledgeGraph(TRIPLES, names=names)
    with pytest.raises(ValueError, match=message):
        KnowledgeGraph(TRIPLES).with_names(names)


def test_names_of_unknown_entities():
    with pytest.raises(ValueError, match="Expected entities of names to be ids .* unknown: 'Q9'"):
        KnowledgeGraph(TRIPLES).with_names({"Q9": "nine"})


def test_last_parts_of_ids():
    ids = ["http://dbpedia.org/resource/Bob_Dylan", "dbr:K%C3%B6ln", "_:b0", "http://x/#"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kgs = (
            KnowledgeGraph(entities=ids, names="id"),
            KnowledgeGraph(entities=ids).with_names("id"),
        )
    for kg in kgs:
        assert [name for _, name, _ in said(kg)][:2] == ["Bob Dylan", "Köln"]
        assert 2 not in kg.names.entities
    with pytest.raises(ValueError, match="found integers in graph 'numbered'"):
        KnowledgeGraph(entities=[1, 2], names="id", name="numbered")


def test_names_are_frozen_and_stay():
    kg = KnowledgeGraph(TRIPLES, names=ROWS)
    for part in kg.names:
        with pytest.raises(ValueError, match="read-only"):
            part[0] = part[0]
    assert kg.with_features(x=np.eye(3)).names is kg.names
    assert SeedPairs(kg, kg, []).kg1.names is kg.names
    assert said(pickle.loads(pickle.dumps(kg))) == ROWS
    assert "name 67%" in repr(kg) and "with name" in kg._repr_html_()


def test_names_given_may_change_afterwards():
    names = np.array(["Paris"], object)
    kg = KnowledgeGraph(names={"e": ["x"]}).with_names(pd.DataFrame({"e": ["e"], "n": names}))
    names[0] = "London"
    assert kg.names.values.tolist() == ["Paris"]
