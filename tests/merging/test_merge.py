"""One graph out of two: nothing is lost, nothing depends on the order, and it can be undone."""

import datetime

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from ibmea_sklearn import KnowledgeGraph, align_schema, merge

IDS = {"letters": list("abcde"), "numbers": [*range(5)]}
VALUES = st.sampled_from(
    [1, 1.0, "1", "1 km", "one", "One", "1912-09", datetime.date(1912, 9, 11), "1912", None, 2.5]
)
LANGUAGES = st.sampled_from([None, "en"])
DATATYPES = st.sampled_from([None, None, "@en", "@de", "http://x.org/unit"])


@st.composite
def graphs(draw, ids):
    entity = st.sampled_from(IDS[ids])
    some = {"max_size": 8}
    kg = KnowledgeGraph(
        draw(st.lists(st.tuples(entity, st.sampled_from("rs"), entity), **some)) or None,
        draw(st.lists(st.tuples(entity, st.sampled_from("vw"), VALUES, DATATYPES), **some)) or None,
        images=draw(st.lists(st.tuples(entity, st.sampled_from(["1.png", b"png"])), **some)),
        texts=draw(st.lists(st.tuples(entity, st.sampled_from(["long", "short"])), **some)),
        names=draw(st.lists(st.tuples(entity, st.sampled_from("NM"), LANGUAGES), **some)),
        entities=draw(st.permutations(IDS[ids])),
        name=draw(st.sampled_from(["one", ""])),
    )
    return kg


@st.composite
def pairs(draw):
    kg1, kg2 = (draw(graphs(draw(st.sampled_from([*IDS])))) for _ in range(2))
    n = draw(st.integers(0, 5))
    ends = [draw(st.permutations(kg.entity_ids.tolist()))[:n] for kg in (kg1, kg2)]
    return kg1, kg2, list(zip(*ends, strict=True))


HOW = st.fixed_dictionaries(
    {
        "ids": st.sampled_from(["left", "right"]),
        "values": st.sampled_from(["both", "left", "right", "first", "precise"]),
    }
)


@settings(max_examples=20)
@given(pairs(), HOW)
def test_split_gives_both_graphs_back(what_is_said, pair, how):
    kg1, kg2, matches = pair
    for old, new in zip((kg1, kg2), merge(kg1, kg2, matches, **how).split(), strict=True):
        assert what_is_said(new) == what_is_said(old)
        assert new.name == old.name
        # In their order, too.
        assert new.entity_ids.tolist() == old.entity_ids.tolist()
        np.testing.assert_array_equal(new.relation_triples, old.relation_triples)
        np.testing.assert_array_equal(new.attribute_triples, old.attribute_triples)


@settings(max_examples=20)
@given(pairs(), HOW)
def test_merging_twice_changes_nothing(what_is_said, pair, how):
    kg1, kg2, matches = pair
    merged = merge(kg1, kg2, matches, **how)
    known = merged.entities.dropna(subset=["right"])[["entity", "right"]]
    known.columns = ["source", "target"]
    # The ids of the merged graph are the rule now.
    again = merge(merged.graph, kg2, known, values=how["values"])
    assert what_is_said(again.graph) == what_is_said(merged.graph)


@settings(max_examples=20)
@given(pairs(), HOW)
def test_a_graph_merged_with_itself_is_itself(what_is_said, pair, how):
    kg = pair[0]
    same = [(entity, entity) for entity in kg.entity_ids.tolist()]
    assert what_is_said(merge(kg, kg, same, **how).graph) == what_is_said(kg)


@settings(max_examples=20)
@given(pairs(), st.data())
def test_no_answer_depends_on_the_order_of_rows(what_is_said, pair, data):
    kg1, kg2, matches = pair
    turned = [_shuffled(kg, data) for kg in (kg1, kg2)]
    how = {"values": data.draw(st.sampled_from(["both", "left", "right", "precise"]))}
    one, two = merge(kg1, kg2, matches, **how), merge(*turned, matches[::-1], **how)
    said = [what_is_said(merged.graph) for merged in (one, two)]
    # How a value is written that both graphs have is that of a row of the left graph.
    attributes = [{row[:2] for row in what.pop("attributes")} for what in said]
    assert said[0] == said[1] and attributes[0] == attributes[1]
    assert len(one.conflicts) == len(two.conflicts)


def _shuffled(kg, data):
    def rows(*columns):
        return data.draw(st.permutations(list(zip(*columns, strict=True))))

    ids, (h, r, t), (e, a) = kg.entity_ids, kg.relation_triples.T, kg.attribute_triples.T
    values = kg.attribute_values.tolist(), kg.attribute_datatypes.tolist()
    return KnowledgeGraph(
        rows(ids[h].tolist(), kg.relation_names[r], ids[t].tolist()) or None,
        rows(ids[e].tolist(), kg.attribute_names[a], *values) or None,
        images=rows(ids[kg.images.entities].tolist(), kg.images.values),
        texts=rows(ids[kg.texts.entities].tolist(), kg.texts.values),
        names=rows(ids[kg.names.entities].tolist(), *kg.names[1:]),
        entities=data.draw(st.permutations(ids.tolist())),
        name=kg.name,
    )


@settings(max_examples=10)
@given(pairs())
def test_what_is_not_matched_is_kept(pair):
    kg1, kg2, matches = pair
    merged = merge(kg1, kg2, matches)
    assert merged.graph.n_entities == kg1.n_entities + kg2.n_entities - len(matches)
    assert merged.entities["entity"].tolist() == merged.graph.entity_ids.tolist()
    assert merged.n_matches == len(matches)


# -- Ids -------------------------------------------------------------------------------------------

ONE = KnowledgeGraph([("a", "r", "b")], entities=["a", "b", "c"], name="one")
TWO = KnowledgeGraph([("x", "r", "b")], entities=["x", "b", "c"], name="two")


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ("left", ["a", "b", "c", "b~2", "c~2"]),
        ("right", ["x", "b~2", "c~2", "b", "c"]),
        (lambda left, right: f"{left}={right}", ["a=x", "b", "c", "b~2", "c~2"]),
        (lambda left, right: "c", ["c", "b", "c~2", "b~2", "c~3"]),
    ],
)
def test_who_is_called_how(ids, expected):
    merged = merge(ONE, TWO, [("a", "x")], ids=ids)
    assert merged.graph.entity_ids.tolist() == expected
    assert merged.graph.name == "one+two"
    assert merged.entities["left"].tolist() == ["a", "b", "c", None, None]
    assert merged.entities["right"].tolist() == ["x", None, None, "b", "c"]


def test_a_new_name_is_never_one_that_is_taken():
    kg = KnowledgeGraph(entities=["a", "a~2"])
    assert merge(kg, kg, []).graph.entity_ids.tolist() == ["a", "a~2", "a~3", "a~2~2"]


def test_numbers_stay_numbers_and_become_texts_beside_texts():
    numbers, letters = KnowledgeGraph(entities=[3, 1]), KnowledgeGraph(entities=["1", "q"])
    assert merge(numbers, numbers, [(3, 3)]).graph.entity_ids.tolist() == [3, 1, 4]
    assert merge(numbers, letters, []).graph.entity_ids.tolist() == ["3", "1", "1~2", "q"]
    assert merge(numbers, letters, []).split()[0].entity_ids.tolist() == [3, 1]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ("lefft", "'left', 'right', or a callable .* found 'lefft'. Did you mean 'left'"),
        (None, "found None"),
        (lambda left, right: "same", "found 'same' for 'b' and 'b', as for an earlier one"),
        (lambda left, right: "", "a new id of type str for each match; found ''"),
        (lambda left, right: 7, "found 7 for 'a' and 'x'"),
    ],
)
def test_wrong_rules_are_told(ids, message):
    with pytest.raises(ValueError, match=message):
        merge(ONE, TWO, [("a", "x"), ("b", "b")], ids=ids)


# -- Matches ---------------------------------------------------------------------------------------


def test_matches_that_are_less_sure_are_cut():
    matches = pd.DataFrame(
        {"source": ["a", "b"], "target": ["x", "b"], "score": [3, 2], "confidence": [0.9, 0.4]}
    )
    merged = merge(ONE, TWO, matches, min_confidence=0.5)
    assert (merged.n_matches, merged.n_cut) == (1, 1)
    assert merged.entities["confidence"].tolist()[:1] == [0.9]
    assert "1 matches used, 1 cut" in repr(merged)


@pytest.mark.parametrize(
    ("matches", "message"),
    [
        ([("a", "x"), ("a", "b")], "keep the surest match"),
        ([("a", "nobody")], "found 1 unknown: 'nobody'"),
        ([("a", "x", -1)], "found -1 in row 0"),
        ([("a", "x", 1, 1)], "2 or 3 columns; found 4"),
    ],
)
def test_wrong_matches_are_told(matches, message):
    with pytest.raises(ValueError, match=message):
        merge(ONE, TWO, matches)


@pytest.mark.parametrize("matches", [None, "alignment.tsv", 3])
def test_what_is_no_table_is_told(matches):
    with pytest.raises(TypeError, match="Expected matches as a"):
        merge(ONE, TWO, matches)


def test_a_graph_that_is_none_is_told():
    with pytest.raises(TypeError, match="Expected kg2 to be a KnowledgeGraph; found str"):
        merge(ONE, "two.ttl", [("a", "x")])


# -- Relations by the schema -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def translated():
    """Towns in lands: the other graph says it from the land, in other words and units."""
    n = 12
    kg1 = KnowledgeGraph(
        [(f"t{i}", "in", f"l{i % 4}") for i in range(n)],
        {f"t{i}": {"height": float(i * i + 1)} for i in range(n)},
    )
    kg2 = KnowledgeGraph(
        [(f"L{i % 4}", "enthält", f"T{i}") for i in range(n)] + [("L0", "grenzt an", "L1")],
        {f"T{i}": {"Höhe": 100.0 * (i * i + 1), "Fluss": "Elbe"} for i in range(n)},
    )
    matches = [(e, e.upper()) for e in kg1.entity_ids.tolist()]
    return kg1, kg2, matches, align_schema(kg1, kg2, matches)


def test_relations_that_are_the_same_get_one_name(translated, what_is_said):
    kg1, kg2, matches, schema = translated
    merged = merge(kg1, kg2, matches, schema=schema)
    assert merged.graph.relation_names.tolist() == ["in", "grenzt an"]
    assert merged.graph.attribute_names.tolist() == ["height", "Fluss"]
    # All that the first graph says the other one does too, in centimetres.
    assert len(merged.duplicates) == 24 and not len(merged.conflicts)
    assert merged.duplicates["kind"].value_counts().to_dict() == {"relation": 12, "attribute": 12}
    for old, new in zip((kg1, kg2), merged.split(), strict=True):
        assert what_is_said(new) == what_is_said(old)


@pytest.mark.parametrize("ids", ["left", "right"])
def test_merging_twice_by_a_schema_changes_nothing(translated, what_is_said, ids):
    kg1, kg2, matches, schema = translated
    merged = merge(kg1, kg2, matches, schema=schema, ids=ids)
    side = {"left": "right", "right": "left"}[ids]
    known = merged.entities.dropna(subset=[side])[["entity", side]].to_numpy()
    if ids == "left":
        again = merge(merged.graph, kg2, known, schema=schema)
    else:
        again = merge(kg1, merged.graph, known[:, ::-1], schema=schema, ids="right")
    assert what_is_said(again.graph) == what_is_said(merged.graph)


def test_names_of_the_right_graph(translated, what_is_said):
    kg1, kg2, matches, schema = translated
    merged = merge(kg1, kg2, matches, schema=schema, ids="right")
    assert merged.graph.relation_names.tolist() == ["enthält", "grenzt an"]
    values = merged.graph.attribute_values[merged.graph.attribute_triples[:, 1] == 0]
    assert sorted(values) == [100.0 * (i * i + 1) for i in range(12)]
    assert what_is_said(merged.split()[0]) == what_is_said(kg1)


def test_without_a_schema_names_tell(translated):
    kg1, kg2, matches, _ = translated
    graph = merge(kg1, kg2, matches).graph
    assert graph.relation_names.tolist() == ["in", "enthält", "grenzt an"]
    both_in = merge(kg1, kg1, [(e, e) for e in kg1.entity_ids.tolist()])
    assert both_in.graph.n_relations == 1


def test_what_is_narrower_keeps_its_name(translated):
    kg1, kg2, matches, schema = translated
    narrower = schema.assign(predicate="narrower")
    assert merge(kg1, kg2, matches, schema=narrower).graph.n_relations == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.assign(source="nothing"), "found 'nothing', which the first one has not"),
        (lambda s: s.assign(target="nothing"), "found 'nothing', which the second one has not"),
        (lambda s: s[["source", "target"]], r"found none of \['kind'"),
    ],
)
def test_schemas_of_other_graphs_are_told(translated, change, message):
    kg1, kg2, matches, schema = translated
    with pytest.raises(ValueError, match=message):
        merge(kg1, kg2, matches, schema=change(schema))


# -- Names, images, texts --------------------------------------------------------------------------


def test_names_and_images_are_united():
    image = np.zeros((2, 2, 3), np.uint8)
    kg1 = KnowledgeGraph(images={"a": ["1.png", image]}, names={"a": [("Rome", "en"), "Rom"]})
    kg2 = KnowledgeGraph(
        images={"x": ["1.png", b"2"]}, names={"x": [("Rome", "en"), ("Rom", "de")]}
    )
    merged = merge(kg1, kg2, [("a", "x")])
    assert merged.graph.images.values.tolist()[::2] == ["1.png", b"2"]
    assert merged.graph.images.values[1] is image
    names = list(zip(*merged.graph.names[1:], strict=True))
    assert names == [("Rome", "en"), ("Rom", None), ("Rom", "de")]
    assert merged.duplicates["kind"].tolist() == ["image", "name"]
    assert merged.duplicates["object"].tolist() == ["1.png", "Rome"]


def test_features_stay_with_the_graphs():
    kg = ONE.with_features(image=np.eye(3))
    assert not merge(kg, TWO, []).graph.features


def test_texts_that_are_no_unicode_are_merged_as_well(what_is_said):
    odd = "\ud800"
    kg1 = KnowledgeGraph([(odd, odd, "b")], {odd: {odd: odd}}, texts={odd: odd}, names={odd: odd})
    merged = merge(kg1, kg1, [(odd, odd)])
    assert merged.graph.entity_ids.tolist() == [odd, "b", "b~2"]
    assert len(merged.duplicates) == 3
    assert [what_is_said(kg) for kg in merged.split()] == [what_is_said(kg1)] * 2
