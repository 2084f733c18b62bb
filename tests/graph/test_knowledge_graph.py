import copy
import datetime
import pickle

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone

from ibmea_sklearn import KnowledgeGraph

TRIPLES = [("Paris", "capital of", "France"), ("Lyon", "in", "France"), ("Lyon", "near", "Paris")]
COLUMNS = ["head", "relation", "tail"]


def _arrow(rows):
    return pytest.importorskip("pyarrow").table(
        dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))
    )


FORMS = {
    "tuples": list,
    "lists": lambda rows: [list(row) for row in rows],
    "tuple of tuples": tuple,
    "generator": iter,
    "mapping": lambda rows: dict(zip(COLUMNS, zip(*rows, strict=True), strict=True)),
    "string array": np.array,
    "object array": lambda rows: np.array(rows, object),
    "pandas": lambda rows: pd.DataFrame(rows, columns=COLUMNS),
    "pandas objects": lambda rows: pd.DataFrame(rows, columns=COLUMNS, dtype=object),
    "pandas with other index": lambda rows: pd.DataFrame(rows, columns=COLUMNS, index=[7] * 3),
    "polars": lambda rows: pl.DataFrame(rows, schema=COLUMNS, orient="row"),
    "arrow": _arrow,
}


def _named_triples(kg):
    heads, relations, tails = kg.relation_triples.T
    columns = kg.entity_ids[heads], kg.relation_names[relations], kg.entity_ids[tails]
    return list(zip(*columns, strict=True))


@pytest.fixture
def kg():
    return KnowledgeGraph(
        TRIPLES,
        attribute_triples=[("Paris", "population", 2102650, "persons")],
        images={"Paris": "paris.png"},
        texts={"Lyon": ["a city", "on the Rhône"]},
        features={"image": (np.eye(3, dtype="f4"), [True, False, True])},
        name="cities",
    )


@pytest.mark.parametrize("form", FORMS)
def test_relation_triples_from_any_table(form):
    kg = KnowledgeGraph(FORMS[form](TRIPLES))
    assert _named_triples(kg) == TRIPLES
    # All heads come before all tails.
    assert kg.entity_ids.tolist() == ["Paris", "Lyon", "France"]
    assert kg.entity_ids.dtype == object and kg.relation_triples.dtype == np.int64
    assert all(type(entity) is str for entity in kg.entity_ids)


@pytest.mark.parametrize("form", ["tuples", "mapping", "object array", "pandas", "polars", "arrow"])
def test_integer_ids(form):
    rows = [(10, "r", 20), (20, "r", 30)]
    if form == "object array":
        rows = np.array(rows, object)
    kg = KnowledgeGraph(FORMS[form](rows))
    assert kg.entity_ids.dtype == np.int64 and kg.entity_ids.tolist() == [10, 20, 30]


def test_array_of_integers_names_relations_by_integers():
    kg = KnowledgeGraph(np.array([[0, 5, 1], [1, 5, 2]]))
    assert kg.relation_names.tolist() == [5] and kg.n_relations == 1


@pytest.mark.parametrize("columns", [[0, 1, 2], ["x", "x", "y"]])
def test_pandas_frames_without_proper_names(columns):
    assert _named_triples(KnowledgeGraph(pd.DataFrame(TRIPLES, columns=columns))) == TRIPLES


def test_repeated_triples_are_kept_once():
    assert len(KnowledgeGraph(TRIPLES + TRIPLES[:2]).relation_triples) == 3


@given(st.lists(st.tuples(*[st.sampled_from("abcd")] * 3), min_size=1))
def test_triples_come_back(rows):
    kg = KnowledgeGraph(rows)
    assert _named_triples(kg) == list(dict.fromkeys(rows))
    assert len(set(kg.entity_ids)) == kg.n_entities
    assert len(set(kg.relation_names)) == kg.n_relations


@pytest.mark.parametrize(
    "table",
    [
        [("a", "p", 1), ("a", "p", "x"), ("b", "q", None)],
        pd.DataFrame(
            {"e": ["a", "a", "b"], "a": ["p", "p", "q"], "v": [1, "x", None]}, dtype=object
        ),
        {"e": ["a", "a", "b"], "a": ["p", "p", "q"], "v": [1, "x", None]},
        {"a": {"p": [1, "x"]}, "b": {"q": None}},
        {"a": {"p": (1, "x")}, "b": {"q": [None]}, "c": {}},
    ],
)
def test_attribute_triples(table):
    kg = KnowledgeGraph(attribute_triples=table)
    assert kg.entity_ids.tolist() == ["a", "b"]
    assert kg.attribute_names.tolist() == ["p", "q"]
    assert kg.attribute_triples.tolist() == [[0, 0], [0, 0], [1, 1]]
    assert kg.attribute_values.tolist() == [1, "x", None]
    assert kg.attribute_datatypes.tolist() == [None, None, None]


def test_values_of_a_numeric_column_are_objects():
    table = pd.DataFrame({"e": ["a", "b"], "a": ["p", "p"], "v": [1, 2]})
    assert KnowledgeGraph(attribute_triples=table).attribute_values.dtype == object


def test_datatypes(kg):
    assert kg.attribute_datatypes.tolist() == ["persons"]


@pytest.mark.parametrize("form", ["mapping", "rows", "pandas"])
def test_images_and_texts(form):
    rows = [("a", "1.png"), ("a", "2.png"), ("b", "3.png")]
    table = {
        "mapping": {"a": ["1.png", "2.png"], "b": "3.png"},
        "rows": rows,
        "pandas": pd.DataFrame(rows, columns=["e", "i"]),
    }[form]
    kg = KnowledgeGraph(images=table, texts=table)
    for said in (kg.images, kg.texts):
        assert said.entities.tolist() == [0, 0, 1]
        assert said.values.tolist() == ["1.png", "2.png", "3.png"]


def test_values_may_be_lists_and_arrays_of_one_shape():
    boxes = [[1, 2], [3, 4]]
    kg = KnowledgeGraph(attribute_triples=[("a", "box", boxes[0]), ("b", "box", boxes[1])])
    assert kg.attribute_values.tolist() == boxes and kg.attribute_values.shape == (2,)


def test_images_of_any_kind_stay_as_they_are():
    pixels = np.zeros((2, 2, 3))
    kg = KnowledgeGraph(images={"a": pixels, "b": [b"\x89PNG", "x.png"]})
    assert kg.images.values[0] is pixels
    assert kg.images.values[1:].tolist() == [b"\x89PNG", "x.png"]


def test_entities_without_anything():
    kg = KnowledgeGraph(TRIPLES, entities=["Nice", "Lyon"])
    assert kg.entity_ids.tolist() == ["Nice", "Lyon", "Paris", "France"]
    assert kg.modalities == {"relation": 0.75}
    assert KnowledgeGraph(entities=["a"]).n_entities == 1


@pytest.mark.parametrize("kind", ["list", "array", "sparse matrix", "sparse array"])
def test_feature_matrices(kind):
    matrix = np.array([[0, 1.5], [2, 0], [0, 0]])
    given = {
        "list": matrix.tolist(),
        "array": matrix,
        "sparse matrix": sparse.coo_matrix(matrix),
        "sparse array": sparse.csc_array(matrix),
    }[kind]
    values, mask = KnowledgeGraph(TRIPLES, features={"x": given}).features["x"]
    assert isinstance(values, sparse.csr_array if "sparse" in kind else np.ndarray)
    np.testing.assert_array_equal(values.toarray() if sparse.issparse(values) else values, matrix)
    assert mask.tolist() == [True, True, True]


def test_sparse_features_are_made_canonical_and_the_given_ones_stay():
    given = sparse.csr_array(([1.0, 2.0, 4.0], [1, 0, 1], [0, 3, 3, 3]), shape=(3, 2))
    values = KnowledgeGraph(TRIPLES, features={"x": given}).features["x"].values
    assert values.max() == 5 and values[[0]].toarray().tolist() == [[2, 5]]
    assert given.nnz == 3 and given.data.flags.writeable


def test_features_are_shared_not_copied():
    dense, bag = np.eye(3), sparse.csr_array(np.eye(3))
    kg = KnowledgeGraph(TRIPLES, features={"dense": dense, "bag": bag})
    assert np.shares_memory(kg.features["dense"].values, dense)
    assert np.shares_memory(kg.features["bag"].values.data, bag.data)
    assert kg.with_features(x=dense).features["bag"] is kg.features["bag"]


def test_feature_vectors_by_entity():
    kg = KnowledgeGraph(TRIPLES, features={"x": {"Lyon": [1, 2], "Nice": np.array([[3, 4]])}})
    values, mask = kg.features["x"]
    assert kg.entity_ids.tolist() == ["Paris", "Lyon", "France", "Nice"]
    assert values.tolist() == [[0, 0], [1, 2], [0, 0], [3, 4]] and values.dtype == np.float32
    assert mask.tolist() == [False, True, False, True]


@pytest.mark.parametrize("as_sparse", [False, True])
def test_features_need_not_be_finite_where_masked(as_sparse):
    matrix = np.array([[1, 0], [np.nan, 0], [0, 1]])
    given = sparse.csr_array(matrix) if as_sparse else matrix
    kg = KnowledgeGraph(TRIPLES, features={"x": (given, [1, 0, 1])})
    assert kg.modalities["x"] == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="infinity for 1 of 3 entities, first 'Lyon'. Repair them"):
        KnowledgeGraph(TRIPLES, features={"x": given})


def test_with_features_shares_all_the_rest(kg):
    new = kg.with_features(image=None, text=np.ones((3, 2)))
    assert list(new.features) == ["text"] and list(kg.features) == ["image"]
    assert new.relation_triples is kg.relation_triples and new.entity_ids is kg.entity_ids
    assert new.name == "cities"


def test_entity_index(kg):
    assert kg.entity_index(["France", "Paris", "Paris"]).tolist() == [2, 0, 0]
    assert kg.entity_index([]).shape == (0,)
    assert kg.entity_index(kg.entity_ids).tolist() == [0, 1, 2]
    assert KnowledgeGraph([(5, "r", 7)]).entity_index(np.array([7, 5])).tolist() == [1, 0]


def test_modalities(kg):
    # Precomputed image features stand for the images.
    assert kg.modalities == pytest.approx(
        {"relation": 1, "attribute": 1 / 3, "image": 2 / 3, "text": 1 / 3}
    )


def test_repr(kg):
    assert repr(kg) == (
        "KnowledgeGraph 'cities': 3 entities, 3 relations, 3 relation triples, 1 attributes, "
        "1 attribute triples\n  relation 100%, attribute 33%, image 67%, text 33%"
    )
    assert repr(KnowledgeGraph(entities=range(1000))) == (
        "KnowledgeGraph: 1,000 entities, 0 relations, 0 relation triples, 0 attributes, "
        "0 attribute triples\n  no modality"
    )


def test_repr_html(kg):
    text = kg._repr_html_()
    assert text.startswith("<table><caption>KnowledgeGraph cities</caption>")
    assert "<tr><th>with image</th><td>67%</td></tr>" in text
    assert text.count("<tr>") == 5 + 4
    escaped = KnowledgeGraph(TRIPLES, name="<b>", features={"<i>": np.eye(3)})._repr_html_()
    assert "<b>" not in escaped and "<i>" not in escaped and "&lt;b&gt;" in escaped


def test_no_container_for_scikit_learn_to_slice(kg):
    for name in ("__len__", "shape", "__array__", "__getitem__"):
        assert not hasattr(kg, name)


@pytest.mark.parametrize("name", ["name", "entity_ids", "features", "new"])
def test_attributes_are_frozen(kg, name):
    with pytest.raises(AttributeError, match=f"is frozen; '{name}' can't be set. Build a new one"):
        setattr(kg, name, None)


@pytest.mark.parametrize(
    "name",
    ["entity_ids", "relation_names", "attribute_names", "relation_triples", "attribute_triples",
     "attribute_values", "attribute_datatypes"],
)  # fmt: skip
def test_arrays_are_frozen(kg, name):
    with pytest.raises(ValueError, match="read-only"):
        getattr(kg, name)[0] = 0
    for said in (*kg.images, *kg.texts):
        with pytest.raises(ValueError, match="read-only"):
            said[0] = 0


def test_features_are_frozen(kg):
    with pytest.raises(TypeError):
        kg.features["new"] = None
    bag = kg.with_features(x=sparse.eye_array(3, format="csr")).features["x"].values
    for array in (*kg.features["image"], bag.data, bag.indices, bag.indptr):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_nothing_can_be_deleted(kg):
    with pytest.raises(AttributeError, match="is frozen"):
        del kg.name


def test_arrays_given_may_change_afterwards():
    values = np.array([1, "x"], object)
    kg = KnowledgeGraph(attribute_triples={"e": ["a", "b"], "a": ["p", "p"], "v": values})
    values[0] = 99
    assert kg.attribute_values[0] == 1


def test_pickle(kg):
    again = pickle.loads(pickle.dumps(kg))
    assert repr(again) == repr(kg)
    assert again.entity_ids.tolist() == kg.entity_ids.tolist()
    assert again.entity_index(["France"]).tolist() == [2]
    np.testing.assert_array_equal(again.features["image"].values, np.eye(3))
    with pytest.raises(AttributeError, match="is frozen"):
        again.name = "x"


@pytest.mark.parametrize(
    "again", [lambda kg: pickle.loads(pickle.dumps(kg)), copy.copy, copy.deepcopy]
)
def test_copies_are_frozen_too(kg, again):
    for array in (
        again(kg).relation_triples,
        again(kg).texts.values,
        again(kg).features["image"][0],
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(TypeError):
        again(kg).features["new"] = None


def test_a_frozen_graph_is_never_copied(kg):
    assert clone(kg, safe=False) is kg


def _triples_in_a_worker(kg):
    triples, features = kg.relation_triples, kg.features["image"].values
    return [(type(array).__name__, array.flags.writeable) for array in (triples, features)]


@pytest.mark.slow
def test_worker_processes_share_the_arrays():
    rng = np.random.default_rng(0)
    kg = KnowledgeGraph(rng.integers(100, size=(1000, 3)), entities=range(100))
    kg = kg.with_features(image=rng.random((100, 100)))
    jobs = [joblib.delayed(_triples_in_a_worker)(kg)]
    with joblib.parallel_config("loky", n_jobs=2, max_nbytes=1000):
        assert joblib.Parallel()(jobs) == [[("memmap", False)] * 2]


@pytest.mark.parametrize(
    "given, message",
    [
        ({}, "Graph '' has no entity. Expected relation triples, attribute triples, images"),
        ({"relation_triples": []}, "has no entity"),
        ({"relation_triples": np.empty((0, 3)), "name": "x"}, "Graph 'x' has no entity"),
        ({"relation_triples": pd.DataFrame(columns=COLUMNS)}, "has no entity"),
        ({"relation_triples": [("a", "b")]}, "relation triples with 3 columns; found 2. Pass a"),
        ({"attribute_triples": [("a", "b")]}, "attribute triples with 3 or 4 columns; found 2"),
        ({"images": [("a", "b", "c")]}, "images with 2 columns; found 3"),
        ({"texts": [("a",)]}, "texts with 2 columns; found 1"),
        ({"relation_triples": np.array(["a", "b"])}, r"a 2-D array; found shape \(2,\)"),
        (
            {"relation_triples": [("a", "r", "b"), ("a", "b")]},
            r"with 3 values in each row, as in row 0; found 2 in row 1: \('a', 'b'\)",
        ),
        ({"relation_triples": [("a", "r", 1)]}, "row 0 of the tails of relation triples"),
        ({"relation_triples": [("a", "r", None)]}, r"\(here strings come first\); found N"),
        ({"relation_triples": [(1, "r", "")]}, r"\(here integers come first\); found ''"),
        ({"relation_triples": [(1, "r", True)]}, r"\(here integers come first\); found True"),
        ({"relation_triples": [(1, "r", 2.0)]}, "found 2.0"),
        ({"relation_triples": [(1, "r", 2), (2.0, "r", 1)]}, "row 1 of the heads .* found 2.0"),
        ({"relation_triples": [("a", "r", "b")], "entities": [True]}, "row 0 .* found True"),
        ({"entities": np.array([1.0, 2.0])}, "row 0 of the entities: .* found 1.0"),
        ({"entities": np.array([True])}, "found True"),
        ({"entities": [2**63]}, "found 9223372036854775808"),
        ({"entities": np.array([2**63], np.uint64)}, "found 9223372036854775808"),
        (
            {"relation_triples": pd.DataFrame({"h": ["a", None], "r": ["r"] * 2, "t": ["b"] * 2})},
            "in row 1 of the heads of relation triples",
        ),
        ({"relation_triples": [("a", "r", "b"), ("a", 1, "b")]}, "a relation name in row 1"),
        ({"relation_triples": [("a", None, "b")]}, "a relation name in row 0 of the relations"),
        ({"attribute_triples": [("a", "", 1)]}, "an attribute name in row 0 of the attributes"),
        ({"attribute_triples": [("a", "p", 1), (2, "p", 1)]}, "row 1 of the entities of attr"),
        ({"images": {"a": "x", 3: "y"}}, "row 1 of the entities of images"),
        ({"texts": {"a": "x", 3: "y"}}, "row 1 of the entities of texts"),
        ({"features": {"x": {"a": [1], 3: [1]}}}, "row 1 of the entities of x features"),
        ({"entities": ["a", "b", "a"]}, "each entity once in `entities`; found 'a' twice"),
    ],
)
def test_bad_tables(given, message):
    with pytest.raises(ValueError, match=message):
        KnowledgeGraph(**given)


@pytest.mark.parametrize("table", ["abc", 5, object()])
def test_what_is_no_table(table):
    with pytest.raises(TypeError, match="as a pandas, Polars or Arrow table, .*; found"):
        KnowledgeGraph(table)


@pytest.mark.parametrize(
    "given",
    [
        {"relation_triples": [(["a"], "r", "b")]},
        {"relation_triples": {"h": ["a"], "r": ["r"], "t": ["b", "c"]}},
        {"relation_triples": [1, 2, 3]},
        {"relation_triples": ["abc", "def"]},
        {"relation_triples": [{"head": "a"}]},
        {"relation_triples": TRIPLES, "features": {"x": [["a"]] * 3}},
    ],
)
def test_every_error_is_ours(given):
    with pytest.raises((ValueError, TypeError), match="^Expected"):
        KnowledgeGraph(**given)


@pytest.mark.parametrize("bad", ["", None, 1.5])
def test_message_names_the_kind_of_the_good_ids(bad):
    with pytest.raises(ValueError, match="here strings come first"):
        KnowledgeGraph([(bad, "r", "b")])


@pytest.mark.parametrize(
    "features, message",
    [
        (np.eye(2), r"x features with a row for each of the 3 entities; found shape \(2, 2\)"),
        ([1, 2, 3], r"found shape \(3,\)"),
        ((np.eye(3), [True]), r"Expected a mask of shape \(3,\) for x features; found \(1,\)"),
        (np.full((3, 1), np.inf), "NaN or infinity for 3 of 3 entities, first 'Paris'"),
        (
            {"Paris": [1, 2], "Lyon": [1]},
            "x features of one length; found 2 for 'Paris' and 1 for 'L",
        ),
        ({"Paris": [np.nan]}, "NaN or infinity for 1 of 3 entities"),
    ],
)
def test_bad_features(features, message):
    with pytest.raises(ValueError, match=message):
        KnowledgeGraph(TRIPLES, features={"x": features})
    if not isinstance(features, dict):
        with pytest.raises(ValueError, match=message):
            KnowledgeGraph(TRIPLES).with_features(x=features)


BROKEN = [
    ("csr", [0, 10**8, 1], np.arange(4), "sparse matrix whose"),
    ("csr", [0, 3, 1, 3], np.arange(3), "sparse matrix whose"),
    ("csr", [1, 1, 2, 3], np.arange(3), "sparse matrix whose"),
    ("csr", [0, 1, 2, 3], np.array([0, 10**8, 1]), "sparse matrix whose"),
    ("csr", [0, 1, 2, 3], np.array([0, -5, 1]), "sparse matrix whose"),
    ("csc", [0, 1, 2, 3, 3], np.array([0, 10**8, 1]), "sparse matrix whose"),
    ("csc", [0, 10**8, 0, 0, 3], np.arange(3), "sparse matrix whose"),
]


@pytest.mark.parametrize(("form", "indptr", "indices", "message"), BROKEN, ids=str)
def test_sparse_features_that_point_outside_are_refused(form, indptr, indices, message):
    make = {"csr": sparse.csr_array, "csc": sparse.csc_array}[form]
    matrix = make((3, 4), dtype=np.float32)
    matrix.data, matrix.indices = np.ones(3, np.float32), indices  # as arrays of a file may be
    matrix.indptr = np.array(indptr)
    with pytest.raises(ValueError, match=message):
        KnowledgeGraph(TRIPLES, features={"image": matrix})


def test_coordinates_outside_of_the_shape_are_refused():
    matrix = sparse.coo_array((np.ones(2), ([0, 1], [0, 1])), shape=(3, 4))
    matrix.coords = (np.array([0, 10**8]), np.array([0, 1]))
    with pytest.raises(ValueError, match="sparse matrix whose"):
        KnowledgeGraph(TRIPLES, features={"image": matrix})


@pytest.mark.parametrize(
    "features",
    [
        np.ones((3, 2), np.complex64),
        [np.ones(2, complex)] * 3,
        [[1, 2j], [1, 2], [3, 4]],
        {"Paris": np.array([1j, 2])},
        sparse.csr_array(np.ones((3, 2), complex)),
    ],
    ids=["array", "rows", "lists", "vectors", "sparse"],
)
def test_complex_features_are_refused(features):
    with pytest.raises(ValueError, match="real numbers; found complex"):
        KnowledgeGraph(TRIPLES, features={"image": features})


def test_unknown_entities(kg):
    message = (
        r"Expected seeds to be ids of graph 'cities' \(3 entities, such as 'Paris'\); "
        r"found 2 unknown: 'Lyn', 'x'. Did you mean 'Lyon'\?"
    )
    with pytest.raises(ValueError, match=message):
        kg.entity_index(["Paris", "Lyn", "x"], "seeds")
    with pytest.raises(ValueError, match=r"found 6 unknown: 'u', 'v', 'w', 'x', 'y', \.\.\.\.$"):
        kg.entity_index(list("uvwxyz"))
    with pytest.raises(
        ValueError, match="found 1 unknown: 7. The ids are strings, 7 is a int: con"
    ):
        kg.entity_index([7])
    with pytest.raises(ValueError, match="ids are integers, '1' is a str: convert them"):
        KnowledgeGraph([(1, "r", 2)]).entity_index(["1"])


@pytest.mark.parametrize("ids", [[1, 2.0], [1, True], np.array([2.0]), [1, [2]], [[1, 2]], [None]])
def test_only_integers_are_looked_up_as_integers(ids):
    with pytest.raises(ValueError, match="found 1 unknown: .* The ids are integers, .*: convert"):
        KnowledgeGraph([(1, "r", 2)]).entity_index(ids)


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_dates_of_a_column_stay_dates(unit):
    values = pd.Series(pd.to_datetime(["2020-01-01", None])).astype(f"datetime64[{unit}]")
    table = pd.DataFrame({"entity": ["a", "b"], "attribute": "born", "value": values})
    first, second = KnowledgeGraph(attribute_triples=table).attribute_values
    assert first == datetime.datetime(2020, 1, 1)
    assert pd.isna(second)


@pytest.mark.parametrize("table", [{"a": 3, "b": 4}, {"a": "pop", "b": "x"}], ids=str)
def test_attributes_that_are_neither_nested_nor_columns(table):
    with pytest.raises(TypeError, match=r"\{entity: \{attribute: value\}\} .* for 'a'"):
        KnowledgeGraph(attribute_triples=table)


# Fewer entities


def of_all_kinds():
    return KnowledgeGraph(
        [("a", "r", "b"), ("b", "s", "c"), ("c", "r", "d")],
        [("a", "x", 1), ("c", "y", 2), ("d", "y", 3)],
        {"a": b"1", "d": b"2"},
        {"b": "text"},
        {"own": np.arange(8.0).reshape(4, 2)},
        names={"c": ["C", ("Ce", "fr")], "d": "D"},
    )


@pytest.mark.parametrize("modality", ["attribute", "image", "text", "name", "own"])
def test_entities_lack_a_modality_and_stay(modality):
    kg = of_all_kinds()
    less = kg.without(["c", "b", "a"], modality)
    assert less.entity_ids is kg.entity_ids and less.relation_triples is kg.relation_triples
    left = {m: share for m, share in kg.modalities.items() if m != modality}
    assert less.modalities == left | ({} if modality == "text" else {modality: 1 / 4})
    assert less.features["own"].values[3].tolist() == [6, 7]
    assert (less.features["own"].values[:3] == 0).all() == (modality == "own")
    assert less.attribute_names.tolist() == (["y"] if modality == "attribute" else ["x", "y"])


@pytest.mark.parametrize("modality", ["images", "value", ""])
def test_a_modality_that_there_is_not_can_not_be_taken(modality):
    with pytest.raises(ValueError, match="Expected a modality among image, text, name, attribute"):
        of_all_kinds().without(["a"], modality)


def test_without_some_entities_nothing_is_said_of_them():
    kg = of_all_kinds()
    rest = kg.without(["c"])
    assert rest.entity_ids.tolist() == ["a", "b", "d"]
    assert rest.relation_names.tolist() == ["r"] and rest.attribute_names.tolist() == ["x", "y"]
    assert rest.relation_triples.tolist() == [[0, 0, 1]]
    assert rest.attribute_triples.tolist() == [[0, 0], [2, 1]]
    assert rest.attribute_values.tolist() == [1, 3] and rest.images.entities.tolist() == [0, 2]
    assert rest.names.entities.tolist() == [2] and rest.labels() == ["text"[:0], "text", "D"]
    assert rest.features["own"].values.tolist() == [[0, 1], [2, 3], [6, 7]]
    assert kg.n_entities == 4 and kg.entity_index(["d"]) == [3] and rest.entity_index(["d"]) == [2]
    assert kg.without([]).entity_ids.tolist() == kg.entity_ids.tolist()
    with pytest.raises(ValueError, match="Expected entities that stay; found all 4"):
        kg.without(["a", "b", "c", "d"])
    with pytest.raises(ValueError, match="entities to leave out"):
        kg.without(["z"])
