"""Embeddings to tables of every kind, and back."""

import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn.io import embeddings_from_frame
from ibmea_sklearn.io.embeddings import embeddings_to_frame

KINDS = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "arrow": pa.Table}
VECTORS = np.array([[1.0, 0.0, 2.5], [-1.0, 4.0, 0.0]], np.float32)


@pytest.fixture
def kg():
    return KnowledgeGraph(entities=["a", "b", "c"])


@pytest.mark.parametrize("container", KINDS)
@pytest.mark.parametrize("ids", [["c", "a"], [7, 2]])
def test_there_and_back(container, ids):
    frame = embeddings_to_frame(ids, VECTORS, container=container, prefix="graph")
    assert isinstance(frame, KINDS[container])
    graph = KnowledgeGraph(entities=[*ids[::-1], 5 if ids[0] == 7 else "z"])
    values, mask = embeddings_from_frame(frame, graph)
    np.testing.assert_array_equal(values, [VECTORS[1], VECTORS[0], [0, 0, 0]])
    assert values.dtype == np.float32 and mask.tolist() == [True, True, False]
    assert graph.with_features(mine=(values, mask)).modalities == {"mine": 2 / 3}


@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 4)), elements=st.floats(
        -1e6, 1e6, width=32)),
    st.sampled_from(list(KINDS)),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_the_order_of_rows_says_nothing(vectors, container, random):
    ids = [f"e{i}" for i in range(len(vectors))]
    graph = KnowledgeGraph(entities=ids)
    order = random.sample(range(len(ids)), len(ids))
    frame = embeddings_to_frame([ids[i] for i in order], vectors[order], container=container)
    values, mask = embeddings_from_frame(frame, graph)
    np.testing.assert_array_equal(values, vectors)
    assert mask.all()


def test_pandas_has_the_ids_as_index():
    frame = embeddings_to_frame(["c", "a"], VECTORS, prefix="image")
    assert frame.index.tolist() == ["c", "a"] and frame.index.name == "entity"
    assert frame.columns.tolist() == ["image0", "image1", "image2"]


@pytest.mark.parametrize("container", ["polars", "arrow"])
def test_others_have_the_ids_in_front(container):
    frame = embeddings_to_frame(["c", "a"], VECTORS, container=container)
    names = frame.columns if container == "polars" else frame.column_names
    assert names == ["entity", "x0", "x1", "x2"]
    assert list(frame["entity"].to_pylist() if container == "arrow" else frame["entity"]) == [
        "c",
        "a",
    ]


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"name": [[1, 2], [3, 4]], "entity": ["b", "a"]}),
        pl.DataFrame({"entity": ["b", "a"], "vector": [[1.0, 2.0], [3.0, 4.0]]}),
        pl.DataFrame({"who": ["b", "a"], "vector": np.array([[1.0, 2.0], [3.0, 4.0]])}),
        pa.table({"entity": ["b", "a"], "vector": [[1.0, 2.0], [3.0, 4.0]]}),
        pd.DataFrame({0: [1, 3], 1: [2, 4]}, index=["b", "a"]),
        pd.DataFrame([[1, 2], [3, 4]], columns=["x", "x"], index=["b", "a"]),
        pd.DataFrame({"x": [True, False], "y": [0.5, 1]}, index=["b", "a"]),
    ],
    ids=[
        "pandas list",
        "polars list",
        "polars array",
        "arrow list",
        "numbers as names",
        "one name twice",
        "bool",
    ],
)
def test_forms_of_other_makers(kg, frame):
    values, mask = embeddings_from_frame(frame, kg)
    expected = [[3, 4], [1, 2]] if values[1, 1] == 2 else [[0, 1], [1, 0.5]]
    np.testing.assert_array_equal(values[:2], expected)
    assert mask.tolist() == [True, True, False]


def test_the_table_stays_as_it_is(kg):
    frame = pd.DataFrame({0: [1.0], 1: [2.0]}, index=["b"])
    embeddings_from_frame(frame, kg)
    assert frame.columns.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"x": [1.0]}, index=["zz"]), "Expected entities of the table.*'zz'"),
        (pd.DataFrame({"x": [1.0, 2.0]}, index=["b", "b"]), "in one row; found 'b' in several"),
        (pd.DataFrame({"name": ["Bee"]}, index=["b"]), "numbers in the column 'name .0.'.*'Bee'"),
        (pl.DataFrame({"e": ["a", "b"], "v": [[1.0], [1.0, 2.0]]}), "lists of numbers of one len"),
        (pd.DataFrame(index=["b"]), "Expected columns of numbers beside the entities; found none"),
        (pl.DataFrame(), "Expected a column of entities, and others .* found no column"),
    ],
)
def test_bad_tables(kg, frame, message):
    with pytest.raises(ValueError, match=message):
        embeddings_from_frame(frame, kg)


def test_no_table(kg):
    with pytest.raises(TypeError, match="Expected a table of vectors, .* found list"):
        embeddings_from_frame([[1.0, 2.0]], kg)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"entities": ["a"]}, r"entities of shape \(n,\) .* found \(1,\) and \(2, 3\)"),
        ({"entities": [["a", "b"]]}, r"found \(1, 2\) and"),
        ({"vectors": [1.0, 2.0]}, r"found \(2,\) and \(2,\)"),
        ({"container": "arow"}, "Expected container to be one of 'pandas', .*; found 'arow'"),
    ],
)
def test_bad_vectors(options, message):
    given = {"entities": ["a", "b"], "vectors": VECTORS, **options}
    with pytest.raises(ValueError, match=message):
        embeddings_to_frame(given.pop("entities"), given.pop("vectors"), **given)


def test_without_polars(monkeypatch):
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(ImportError, match=r"needs the package 'polars'.*\[polars\]'"):
        embeddings_to_frame(["a", "b"], VECTORS, container="polars")
