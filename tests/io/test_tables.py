import csv
import datetime
import io
import math
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn.io import _table_files, read_graph, read_tables, tables, write_graph
from ibmea_sklearn.io._table_files import _quoted_columns, numbered_rows, read_table
from ibmea_sklearn.io._values import XSD

pa, parquet = (pytest.importorskip(name) for name in ("pyarrow", "pyarrow.parquet"))

FORMATS = ["csv", "tsv", "parquet"]


def _assert_same(one, other):
    assert one.entity_ids.tolist() == other.entity_ids.tolist()
    assert one.entity_ids.dtype == other.entity_ids.dtype
    assert one.relation_names.tolist() == other.relation_names.tolist()
    assert one.relation_triples.tolist() == other.relation_triples.tolist()
    assert one.attribute_names.tolist() == other.attribute_names.tolist()
    assert one.attribute_triples.tolist() == other.attribute_triples.tolist()
    assert one.attribute_values.tolist() == other.attribute_values.tolist()
    assert list(map(type, one.attribute_values)) == list(map(type, other.attribute_values))
    assert one.attribute_datatypes.tolist() == other.attribute_datatypes.tolist()
    assert one.texts.entities.tolist() == other.texts.entities.tolist()
    assert one.texts.values.tolist() == other.texts.values.tolist()
    for ours, theirs in zip(one.names, other.names, strict=True):
        assert ours.tolist() == theirs.tolist()


ids = st.one_of(
    st.lists(st.integers(-(2**60), 2**60), min_size=1, max_size=4, unique=True),
    st.lists(st.text(min_size=1), min_size=1, max_size=4, unique=True),
    st.lists(st.sampled_from(["1", "02", "-3", '"', "\t", "\r\n", "nan", "NULL", ",", "#"]),
             min_size=1, max_size=4, unique=True),
)  # fmt: skip
values = st.one_of(
    st.none(), st.text(), st.integers(), st.floats(allow_nan=False), st.booleans(), st.dates(),
    st.datetimes(),
)  # fmt: skip


@st.composite
def graphs(draw):
    entities = draw(ids)
    entity, name = st.sampled_from(entities), st.text(min_size=1)
    called = st.text(min_size=1).filter(str.strip)
    return KnowledgeGraph(
        draw(st.lists(st.tuples(entity, name, entity), max_size=4)),
        draw(st.lists(st.tuples(entity, name, values, st.none() | name), max_size=4)),
        texts=draw(st.lists(st.tuples(entity, st.text()), max_size=3)),
        names=draw(st.lists(st.tuples(entity, called, st.sampled_from([None, "en"])), max_size=3)),
        entities=entities,
    )


@pytest.mark.parametrize("format", FORMATS)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25
)
@given(kg=graphs())
def test_round_trip(tmp_path, format, kg):
    write_graph(kg, tmp_path, format=format)
    _assert_same(read_tables(tmp_path), kg)


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_real_graph(real_pair, tmp_path, format):
    db15k = real_pair("mmkg")[1]
    write_graph(db15k, tmp_path / "DB15K", format=format)
    read = read_tables(tmp_path / "DB15K")
    _assert_same(read, db15k)
    assert repr(read) == repr(db15k)


@pytest.mark.parametrize("header", ["entity,name\n", "id,label\n"])
def test_names_without_languages(tmp_path, header):
    (tmp_path / "names.csv").write_text(header + "a,1984\nb,7\n")
    kg = read_tables(tmp_path)
    assert kg.entity_ids.tolist() == ["a", "b"]
    assert [part.tolist() for part in kg.names[1:]] == [["1984", "7"], [None, None]]
    write_graph(KnowledgeGraph(entities=["a"]), tmp_path)
    assert not (tmp_path / "names.csv").exists()


def test_special_floats_and_numpy_values(tmp_path):
    given = [np.float32(0.5), np.int64(7), np.bool_(True), math.nan, math.inf]
    kg = KnowledgeGraph(attribute_triples=[("a", f"p{i}", v) for i, v in enumerate(given)])
    write_graph(kg, tmp_path)
    read = read_tables(tmp_path).attribute_values
    assert read[:3].tolist() == [0.5, 7, True] and read[2] is True
    assert math.isnan(read[3]) and read[4] == math.inf


def test_features(tmp_path):
    rows = sparse.csr_array(np.array([[0, 1.5], [2, 0], [0, 0]]))
    kg = KnowledgeGraph(
        [("a", "r", "b"), ("b", "r", "c")],
        features={"image": (np.eye(3, dtype="f4"), [1, 0, 1]), "bag/of": rows},
    )
    write_graph(kg, tmp_path)
    read = read_tables(tmp_path)
    np.testing.assert_array_equal(read.features["image"].values, np.eye(3))
    assert read.features["image"].values.dtype == np.float32
    assert read.features["image"].mask.tolist() == [True, False, True]
    np.testing.assert_array_equal(read.features["bag/of"].values.toarray(), rows.toarray())


def _size(path):
    with pytest.importorskip("PIL.Image").open(path) as picture:
        return picture.size


def test_images(tmp_path):
    image = pytest.importorskip("PIL.Image")
    inside = tmp_path / "graph" / "pictures" / "a.png"
    inside.parent.mkdir(parents=True)
    picture = image.new("RGB", (2, 2), "red")
    for path in (inside, tmp_path / "outside.png"):
        picture.save(path)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG")
    given = [inside, str(tmp_path / "outside.png"), buffer.getvalue(), picture, np.array(picture)]
    write_graph(KnowledgeGraph(images={"a": given}), tmp_path / "graph")
    table = pd.read_csv(tmp_path / "graph" / "images.csv")
    written = ["images/2.jpg", "images/3.png", "images/4.png"]
    assert table["image"].tolist() == ["pictures/a.png", str(tmp_path / "outside.png"), *written]
    read = read_tables(tmp_path / "graph").images.values
    assert [_size(path) for path in read] == [(2, 2)] * 5
    # The folder can move: what lies in it is named relative to it.
    (tmp_path / "graph").rename(tmp_path / "moved")
    assert _size(read_tables(tmp_path / "moved").images.values[0]) == (2, 2)


def test_a_graph_replaces_the_tables_of_another(tmp_path):
    old = KnowledgeGraph([("a", "r", "b")], texts={"a": "x"}, features={"image": np.eye(2)})
    write_graph(old, tmp_path, format="tsv")
    write_graph(KnowledgeGraph([("c", "r", "d"), ("d", "r", "e")]), tmp_path, format="csv")
    left = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["entities.csv", "relation_triples.csv"]
    assert read_tables(tmp_path).n_entities == 3


@pytest.mark.parametrize("where", ["write_table", "write_features"])
def test_a_graph_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch, where):
    old = KnowledgeGraph([("a", "r", "b")], texts={"a": "x"}, features={"image": np.eye(2)})
    write_graph(old, tmp_path)
    write, calls = getattr(tables, where), []

    def disk_full(*args):
        calls.append(args)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        write(*args)

    monkeypatch.setattr(tables, where, disk_full)
    features = {"image": np.ones((2, 2)), "sound": np.ones((2, 2))}
    with pytest.raises(OSError, match="No space left"):
        write_graph(KnowledgeGraph([("c", "r", "d")], features=features), tmp_path)
    read = read_tables(tmp_path)
    _assert_same(read, old)
    np.testing.assert_array_equal(read.features["image"].values, np.eye(2))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "entities.csv", "features", "relation_triples.csv", "texts.csv",
    ]  # fmt: skip


def test_tables_by_hand(tmp_path):
    (tmp_path / "relation_triples.csv").write_text("h,r,t\n1,in,2\n2,in,3\n")
    (tmp_path / "attribute_triples.tsv").write_text("e\ta\tv\n1\tarea\t9.5\n2\tcode\t007\n")
    (tmp_path / "texts.csv").write_text('entity,text\n3,"two\nlines"\n')
    kg = read_tables(tmp_path, name="mine")
    assert kg.name == "mine" and kg.entity_ids.tolist() == [1, 2, 3]
    assert kg.attribute_values.tolist() == [9.5, "007"]
    assert kg.texts.values.tolist() == ["two\nlines"]


def test_integers_in_one_table_and_strings_in_another_are_strings(tmp_path):
    (tmp_path / "relation_triples.csv").write_text("h,r,t\n1,in,2\n")
    (tmp_path / "texts.csv").write_text("entity,text\nQ1,x\n")
    assert read_tables(tmp_path).entity_ids.tolist() == ["1", "2", "Q1"]


def test_datatypes_by_hand(tmp_path):
    (tmp_path / "attribute_triples.csv").write_text(
        "e,a,v,d\nx,born,1982-05-03,http://www.w3.org/2001/XMLSchema#date\nx,size,3,\n"
    )
    kg = read_tables(tmp_path)
    assert kg.attribute_values.tolist() == [datetime.date(1982, 5, 3), 3]
    assert kg.attribute_datatypes.tolist() == ["http://www.w3.org/2001/XMLSchema#date", None]


@pytest.mark.parametrize("other", ["", "x,code,abc,string\n"])
@pytest.mark.parametrize(
    "column, kind, expected",
    [
        ("d", XSD + "string", "180"),
        ("d", XSD + "float", 180.0),
        ("d", XSD + "integer", 180),
        ("d", "", 180),
        ("t", "string", "180"),
        ("t", "float", 180.0),
        ("t", "", 180),
    ],
)
def test_values_do_not_depend_on_other_rows(tmp_path, other, column, kind, expected):
    more = ",".join([kind] if column == "d" else ["", kind])
    header = "e,a,v,d\n" if column == "d" else "e,a,v,d,t\n"
    other = other if column == "d" else other.replace("abc,", "abc,,")
    (tmp_path / "attribute_triples.csv").write_text(f"{header}y,height,180,{more}\n{other}")
    value = read_tables(tmp_path).attribute_values[0]
    assert (value, type(value)) == (expected, type(expected))


def test_parquet_keeps_the_types_of_values(tmp_path):
    pytest.importorskip("pyarrow")
    rows = [("x", "height", 180, "http://x/centimetre")]
    frame = pd.DataFrame(rows, columns=["e", "a", "v", "d"])
    frame.to_parquet(tmp_path / "attribute_triples.parquet")
    assert read_tables(tmp_path).attribute_values.tolist() == [180]


def test_very_long_text(tmp_path):
    kg = KnowledgeGraph(texts={"a": "x" * 300_000})
    write_graph(kg, tmp_path)
    assert read_tables(tmp_path).texts.values[0] == kg.texts.values[0]


@pytest.mark.parametrize(
    "name, text, message",
    [
        (
            "relation_triples.csv",
            "h,r,t\na,r,b\na,r\n",
            "csv, line 3: expected 3 fields, as in the",
        ),
        ("relation_triples.csv", 'h,r,t\n"a\n",r,b\na,r,b,c\n', "csv, line 4: expected 3 fields"),
        ("relation_triples.csv", 'h,r,t\n"a"x,r,b\n', "line 2: expected fields as CSV has them"),
        ("relation_triples.csv", 'h,r,t\n"a,r,b\n', "expected fields as CSV has them"),
        (
            "relation_triples.tsv",
            "h\tr\na\tb\n",
            "expected the columns head, relation, tail; found",
        ),
        ("relation_triples.csv", "h,r,t\na,r,b\na,,b\n", "row 2 of the table: expected an id in"),
        ("attribute_triples.csv", "e,a\nx,y\n", "(at least the first 3)"),
        (
            "attribute_triples.csv",
            "\ne,a\nx,y\n",
            "csv, line 2: expected the columns entity, attribute, value, datatype, value_type (at "
            "least the first 3); found e, a. Add the column of values; the first line names the",
        ),
        (
            "relation_triples.tsv",
            "h,r,t\nx,y,z\n",
            "found h,r,t. The fields of .tsv are separated by tabs; name the file .csv.",
        ),
        ("relation_triples.csv", "h,r,t,x\n1,2,3,4\n", "found h, r, t, x. Take the others out."),
        ("relation_triples.csv", "\nh,r,t\n\na,r\n", "csv, line 4: expected 3 fields, as in the"),
        ("relation_triples.csv", "", "found an empty file"),
        ("relation_triples.csv", b"h,r,t\n\xe9,r,b\n", "found byte 0xe9 at offset 6, in line 2"),
        ("attribute_triples.csv", "e,a,v,d,t\nx,y,z,,float\n", "row 1 of the table: exp"),
        ("attribute_triples.csv", "e,a,v,d,t\nx,y,z,,int\n", "a value of type 'int' (types are"),
        ("relation_triples.parquet", "PAR1", "Expected a Parquet file in"),
    ],
)
def test_bad_files(tmp_path, name, text, message):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError) as error:
        read_tables(tmp_path)
    assert message in str(error.value) and str(tmp_path / name) in str(error.value)


@pytest.mark.parametrize("text", ["\nh,r,t\n1,in,2\n", "\r\n\r\nh,r,t\r\n\r\n1,in,2\r\n\r\n"])
def test_blank_lines_are_skipped(tmp_path, text):
    (tmp_path / "relation_triples.csv").write_bytes(text.encode())
    assert read_tables(tmp_path).entity_ids.tolist() == [1, 2]


@pytest.mark.parametrize(
    "table, text, cell, lines",
    [
        ("relation_triples", "a,in,b\nb,of,c\n", "b", (1, 2)),
        ("relation_triples", '\na,in,b\nc,of,d\n\n"e\n",in,f\n', "in", (2, 6)),
        ("relation_triples", "a,in,b\nc,of,d\nd,of,a\n", "a", (1, 3)),
        ("relation_triples", "1,10,2\n3,11,4\n4,11,1\n", "1", (1, 3)),
        ("attribute_triples", "a,size,3\nb,size,3\n", "size", (1, 2)),
        ("attribute_triples", "a,size,3\nb,born,5\na,born,3\n", "a", (1, 3)),
    ],
)
def test_a_first_line_that_looks_like_a_triple(tmp_path, table, text, cell, lines):
    path = tmp_path / f"{table}.csv"
    path.write_text(text)
    names = "head, relation, tail" if table[0] == "r" else "entity, attribute, value"
    with pytest.raises(ValueError) as error:
        read_tables(tmp_path)
    assert str(error.value) == (
        f"{path}, line {lines[0]}: expected names of columns, such as {names}; found what looks "
        f"like a triple, for {cell!r} stands in line {lines[1]}, too. Add a line with names at the "
        "top, or rename the column."
    )


@pytest.mark.parametrize(
    "name, text",
    [
        ("relation_triples.csv", "head,relation,tail\nhead,relation,tail\n"),
        ("relation_triples.csv", "Head,Relation,Tail\nHead,is part of,body\n"),
        ("relation_triples.csv", "a,in,b\nin,b,c\n"),
        ("relation_triples.csv", "0,1,2\n3,0,4\n"),
        ("attribute_triples.csv", "entity,attribute,value\nentity,attribute,value\n"),
        ("attribute_triples.csv", "id,what,size\nx,size,size\n"),
        ("texts.csv", "a,b\na,b\n"),
    ],
)
def test_names_of_columns_that_are_no_triple(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert read_tables(tmp_path).n_entities


@pytest.mark.parametrize("format", FORMATS)
def test_entities_and_relations_called_like_columns(tmp_path, format):
    kg = KnowledgeGraph([("head", "relation", "tail")], [("entity", "attribute", "value")])
    write_graph(kg, tmp_path, format=format)
    _assert_same(read_tables(tmp_path), kg)


def test_table_twice(tmp_path):
    for name in ("texts.csv", "texts.tsv"):
        (tmp_path / name).write_text("e\n")
    with pytest.raises(ValueError, match="found texts.csv, texts.tsv. Keep the one you mean"):
        read_tables(tmp_path)


def test_no_table(tmp_path):
    (tmp_path / "notes.md").touch()
    with pytest.raises(FileNotFoundError, match="Expected a folder of tables.*found notes.md"):
        read_tables(tmp_path)


def test_features_without_entities(tmp_path):
    write_graph(KnowledgeGraph([("a", "r", "b")], features={"image": np.eye(2)}), tmp_path)
    (tmp_path / "entities.csv").unlink()
    with pytest.raises(FileNotFoundError, match="which says what the rows of image.npz are"):
        read_tables(tmp_path)


def test_features_hold_no_pickle(tmp_path):
    write_graph(KnowledgeGraph([("a", "r", "b")], features={"image": np.eye(2)}), tmp_path)
    np.savez(tmp_path / "features" / "image.npz", values=np.array([{}, {}]), mask=np.ones(2))
    with pytest.raises(ValueError, match="Expected arrays of numbers `values` and `mask` in"):
        read_tables(tmp_path)


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(ValueError, match="Expected format 'csv', 'tsv' or 'parquet'; found 'xls'"):
        write_graph(KnowledgeGraph([("a", "r", "b")]), tmp_path, format="xls")
    kg = KnowledgeGraph(attribute_triples=[("a", "p", 1j)])
    with pytest.raises(TypeError, match="Attribute of 'a': Expected a string.*found complex"):
        write_graph(kg, tmp_path)


def _repeated(path, n_rows, cell):
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n_rows, "i4")), pa.array([cell]))
    names = ("head", "relation", "tail")
    parquet.write_table(
        pa.table(dict.fromkeys(names, column)), path, row_group_size=n_rows, store_schema=False
    )


def test_a_small_parquet_file_of_many_rows_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(_table_files, "_PARQUET_BYTES", _table_files._PARQUET_BYTES // 10)
    path = tmp_path / "relation_triples.parquet"
    _repeated(path, 6_000_000, "a")
    assert path.stat().st_size < 1 << 20
    with pytest.raises(ValueError, match=r"found 6,000,000 rows of 3 columns in .*read_parquet"):
        read_tables(path)


def test_repeated_strings_of_parquet_take_the_memory_of_one(tmp_path):
    path = tmp_path / "relation_triples.parquet"
    _repeated(path, 10_000, "a" * 50_000)
    before = pa.default_memory_pool().max_memory()
    frame = read_table(path)
    assert frame["head"].dtype == object and frame["tail"][9_999] == "a" * 50_000
    assert pa.default_memory_pool().max_memory() - before < 1 << 28  # 1.5 GB otherwise


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("relation_triples.csv", "{0}/{1},{0}/of,{0}/{2}\n"),
        ("graph.nt", "<{0}/{1}> <{0}/of> <{0}/{2}> .\n"),
    ],
)
def test_what_is_read_takes_less_memory_than_its_file(tmp_path, name, row):
    """Each id is held once, however often it stands there, and the file never as a whole."""
    long = "http://example.org/" + "a" * 200
    path = tmp_path / name
    rows = (row.format(long, i % 100, i // 100) for i in range(10_000))
    path.write_text("".join(["head,relation,tail\n" * name.endswith("csv"), *rows]))
    read_graph(path)  # what is imported
    tracemalloc.start()
    kg = read_graph(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert kg.relation_triples.shape == (10_000, 3)
    assert peak < path.stat().st_size / 2


def test_long_fields_in_two_threads():
    """The limit of the csv module is one for all: who ends first must not take it from others."""
    before = csv.field_size_limit()
    long = f"a,{'x' * 200_000}\n"
    one, other = (numbered_rows(long * 2, ",") for _ in range(2))
    next(one), next(other)
    assert len(list(one)) == 1
    assert len(next(other)[1][1]) == 200_000
    assert list(other) == [] and csv.field_size_limit() == before


def test_a_long_field_with_a_quote_in_it_is_looked_at_once():
    """From each of its characters it would be 5e11 steps: hours."""
    long = "x" * 1_000_000
    assert _quoted_columns(f'{long}"x,"1"\n', ",", row=0) == [False, True]
    assert _quoted_columns(f'a,b\n"1",{long}"', ",", row=1) == [True, False]
