from __future__ import annotations

import datetime
import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import sparse

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn.graph import EntityNames, EntityValues
from ibmea_sklearn.persistence import to_json
from ibmea_sklearn.persistence._codec import Decoder, Encoder
from ibmea_sklearn.persistence._kinds import KINDS


class Both(NamedTuple):
    left: Any
    right: Any


OF_GRAPHS = (EntityNames, EntityValues)


def again(value, tuples=(Both,)):
    """Through JSON as a text, and back."""
    encoder = Encoder(KINDS, tuples)
    text = json.dumps(encoder.encode(value, "value"), allow_nan=False)
    return Decoder(KINDS, encoder.tensors.__getitem__, tuples).decode(json.loads(text))


def assert_same(one, two):
    assert type(one) is type(two)
    if isinstance(one, dict):
        assert list(one) == list(two)
        one, two = list(one.values()), list(two.values())
    if isinstance(one, (list, tuple)):
        assert len(one) == len(two)
        for a, b in zip(one, two, strict=True):
            assert_same(a, b)
    elif isinstance(one, np.ndarray):
        assert one.dtype == two.dtype
        np.testing.assert_array_equal(one, two)
    else:
        assert one == two or (one != one and two != two)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.dates()
    | st.datetimes()
    | st.decimals(allow_nan=False)
    | arrays.arrays(st.sampled_from([np.float32, np.int64, bool]), arrays.array_shapes(min_dims=0))
)
VALUES = st.recursive(
    SCALARS,
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.dictionaries(st.text(), parts, max_size=3)
        | st.dictionaries(st.integers() | st.tuples(st.integers()), parts, max_size=3)
        | st.builds(Both, parts, parts)
        | st.lists(parts, max_size=3).map(tuple)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_any_nesting_comes_back_as_it_was(value):
    assert_same(again(value), value)


@given(arrays.arrays(object, st.integers(0, 6), elements=SCALARS))
def test_arrays_of_objects(array):
    found = again(array)
    assert found.dtype == object and len(found) == len(array)
    for one, two in zip(found, array, strict=True):
        assert_same(one, two)


@pytest.mark.parametrize(
    "array",
    [
        np.array(["a", "äöü", "", "𝔘"], object),
        np.array([["a", "bc"], ["", "d"]], object),
        np.array(["a", "bcd"]),
        np.array([], object),
        np.array(["\udcff of no encoding"], object),
        np.arange(24.0).reshape(4, 6)[::2, ::3],
        np.arange(6, dtype=">i4"),
        np.empty((0, 3), np.float32),
        np.array(3.5),
    ],
    ids=str,
)
def test_arrays(array):
    found = again(array)
    assert found.shape == array.shape and found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(0.1), 0.1),
        (np.int32(7), 7),
        (np.str_("a"), "a"),
        (torch.__version__, str(torch.__version__)),  # of a class of its own
        (slice(None), slice(None)),
        (slice(-1, None), slice(-1, None)),
        (Path("a/b"), Path("a/b")),
        (datetime.datetime(2024, 2, 29, 1, tzinfo=datetime.UTC),) * 2,
        (Decimal("1.20"), Decimal("1.20")),
        (datetime.time(23, 59), datetime.time(23, 59)),
        (pd.Timestamp("2024-02-29 01:02"), datetime.datetime(2024, 2, 29, 1, 2)),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab"), b"ab"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_scalars_become_plain(value, expected):
    assert_same(again(value), expected)


@pytest.mark.parametrize("value", [pd.NA, pd.NaT], ids=str)
def test_what_pandas_calls_missing(value):
    assert again([value])[0] is value


def test_numbers_that_json_has_not():
    found = again([math.inf, -math.inf, math.nan])
    assert found[:2] == [math.inf, -math.inf] and math.isnan(found[2])


def test_sparse_matrices():
    matrix = sparse.random_array((5, 7), density=0.4, format="csr", random_state=0)
    found = again(matrix)
    assert found.shape == (5, 7) and sparse.issparse(found)
    np.testing.assert_array_equal(found.toarray(), matrix.toarray())


def test_a_source_of_random_numbers_goes_on():
    random = np.random.RandomState(3)
    random.standard_normal(7)
    found = again(random)
    np.testing.assert_array_equal(found.standard_normal(5), random.standard_normal(5))


def test_tensors():
    found = again({0: {"step": torch.tensor(3.0), "exp_avg": torch.eye(2)}, "n": torch.arange(3)})
    assert torch.equal(found[0]["exp_avg"], torch.eye(2)) and found[0]["step"].shape == ()
    assert found["n"].dtype == torch.int64


def test_an_array_is_kept_once():
    rows = np.arange(6.0).reshape(3, 2)
    encoder = Encoder(KINDS)
    encoder.encode({"a": rows, "b": [rows, rows[:2]]}, "value")
    assert sorted(encoder.tensors) == ["value.a", "value.b.1"]


def test_places_that_are_called_the_same():
    value = {"a.b": np.array([1]), "a": {"b": np.array([2])}}
    assert_same(again(value), value)


def graph(**kwargs):
    return KnowledgeGraph(
        [("a", "knows", "b"), ("b", "likes", "c")],
        {"a": {"born": datetime.date(1912, 9, 11), "height": 1.8, "name": ["A", "Ä"]}},
        **kwargs,
    )


def test_a_graph():
    names = {"a": [("Anna", "de"), "Änne"]}
    texts = {"a": "Anna", "c": ["C", "see"]}
    kg = graph(texts=texts, names=names, name="people").with_features(
        x=np.eye(3, dtype=np.float32), bag=(sparse.csr_array(np.eye(3)), [True, False, True])
    )
    found = again(kg, tuples=(*OF_GRAPHS, type(kg.features["x"])))
    assert repr(found) == repr(kg)
    assert found.attribute_values.tolist() == kg.attribute_values.tolist()
    assert found.texts.values.tolist() == kg.texts.values.tolist()
    assert [part.tolist() for part in found.names] == [[0, 0], ["Anna", "Änne"], ["de", None]]
    for name in ("entity_ids", "relation_triples", "attribute_triples", "attribute_datatypes"):
        np.testing.assert_array_equal(getattr(found, name), getattr(kg, name))
    assert found.entity_index(["c"]) == [2]
    np.testing.assert_array_equal(found.features["bag"].mask, [True, False, True])
    with pytest.raises(AttributeError, match="frozen"):
        found.name = "others"
    with pytest.raises(ValueError, match="read-only"):
        found.relation_triples[0] = 7


def test_integer_ids_stay_integers():
    kg = KnowledgeGraph([(7, "r", 3)])
    found = again(kg, tuples=OF_GRAPHS)
    assert found.entity_ids.dtype == np.int64 and found.entity_ids.tolist() == [7, 3]


def test_images_of_a_graph(tmp_path):
    image_module = pytest.importorskip("PIL.Image")
    file = tmp_path / "a.png"
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    image_module.fromarray(pixels).save(file)
    opened = image_module.open(file)
    cmyk = image_module.fromarray(pixels).convert("CMYK")
    images = {"a": [str(file), file, file.read_bytes(), pixels], "b": [opened, cmyk]}
    kg = graph(images=images)
    path1, path2, content, array, picture, other = again(kg, tuples=OF_GRAPHS).images.values
    assert (path1, path2, content) == (str(file), file, file.read_bytes())
    np.testing.assert_array_equal(array, pixels)
    picture, other = (image_module.open(_file(data)) for data in (picture, other))
    np.testing.assert_array_equal(picture, pixels)
    assert other.mode == "RGB" and other.size == (2, 2)


def _file(content):
    import io

    return io.BytesIO(content)


class Unknown:
    pass


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (Unknown(), "value"),
        ({"a": [1, Unknown()]}, "value.a.1"),
        (np.array([1, Unknown()], object), "value.1"),
        (np.array([1j]), "value"),
        (len, "value"),
        ({1, 2}, "value"),
    ],
)
def test_what_is_of_no_kind_is_named_with_its_place(value, place):
    with pytest.raises(TypeError, match=f"Expected {place} to be made of numbers, .*; found "):
        Encoder(KINDS).encode(value, "value")


def test_tuples_that_nobody_named():
    with pytest.raises(TypeError, match="tuples of no fields; found Both"):
        Encoder(KINDS).encode(Both(1, 2), "value")
    with pytest.raises(ValueError, match="'Both', which this version does not know"):
        again_without = Decoder(KINDS, {}.__getitem__)
        again_without.decode(Encoder(KINDS, [Both]).encode(Both(1, 2), "value"))


def test_a_kind_of_a_later_version():
    with pytest.raises(ValueError, match="kind 'hologram', which this version does not know"):
        Decoder(KINDS, {}.__getitem__).decode({"hologram": 1})


def test_to_json():
    assert to_json(("graph", 0.5), "it") == '{"tuple": ["graph", 0.5]}'
    with pytest.raises(TypeError, match="Expected modalities to be made of"):
        to_json(Unknown(), "modalities")
