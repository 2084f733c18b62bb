"""Odd and damaged inputs: each is read, or told in words of ours."""

import datetime
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn.io import (
    read_alignment,
    read_dbp15k,
    read_graph,
    read_mmkg,
    read_rdf,
    read_tables,
    recognise_format,
    write_alignment,
    write_graph,
)
from ibmea_sklearn.io._table_files import check_names

SAMPLES = Path(__file__).parent / "data"
SURROGATE = "a\ud800"


def test_an_address_that_is_none(tmp_path):
    path = tmp_path / "x.nt"
    path.write_text("<http://x/a> <http://xmlns.com/foaf/0.1/depiction> <http://[> .\n")
    assert read_rdf(path).attribute_values.tolist() == ["http://["]


@pytest.mark.parametrize("rest", ["x", "", "-", "1.5", "\u0661", "9" * 5000])
def test_iris_that_name_no_integer_stay(tmp_path, rest):
    path = tmp_path / "x.nt"
    same_as = "http://www.w3.org/2002/07/owl#sameAs"
    path.write_text(f"<urn:ibmea:integer:{rest}> <{same_as}> <urn:ibmea:integer:-7> .\n")
    assert read_alignment(path).loc[0, ["source", "target"]].tolist() == [
        f"urn:ibmea:integer:{rest}",
        -7,
    ]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".nt", ".parquet"])
def test_lone_surrogates_are_told_by_every_writer(tmp_path, suffix):
    table = pd.DataFrame({"source": [SURROGATE], "target": ["b"]}, dtype=object)
    with pytest.raises(ValueError, match=r"for .*x.*; found the lone surrogate U\+D800 in .*a"):
        write_alignment(table, tmp_path / f"x{suffix}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("form", ["csv", "tsv", "parquet"])
def test_lone_surrogates_in_graphs(tmp_path, form):
    with pytest.raises(ValueError, match=r"found the lone surrogate U\+D800"):
        write_graph(KnowledgeGraph([(SURROGATE, "in", "b")]), tmp_path, format=form)
    assert not list(tmp_path.iterdir())


def test_brackets_in_names(tmp_path):
    folder = tmp_path / "a[1]"
    folder.mkdir()
    for name, entity in (("K[1]", "a"), ("L[2]", "b")):
        (folder / f"{name}_EntityTriples.txt").write_text(f"{entity}\tin\t{entity}\n")
    (folder / "L[2]_SameAsLink.txt").write_text("a\tSameAs\tb\n")
    assert read_mmkg(folder, pair=("K[1]", "L[2]"))[2].tolist() == [["a", "b"]]


def test_a_link_to_itself(tmp_path):
    os.symlink(tmp_path / "x", tmp_path / "x")
    with pytest.raises(FileNotFoundError, match="found no such file or folder"):
        recognise_format(tmp_path / "x")


def test_ids_that_are_lists(tmp_path):
    frame = pd.DataFrame({"head": [["a"], ["b", "c"]], "relation": ["in"] * 2, "tail": ["c"] * 2})
    frame.to_parquet(tmp_path / "relation_triples.parquet")
    with pytest.raises(ValueError, match="expected an id in the column 'head'; found a "):
        read_graph(tmp_path)


def test_images_called_by_a_number(tmp_path):
    (tmp_path / "images.csv").write_text("entity,image\na,1\nb,2\n")
    assert read_tables(tmp_path).images.values.tolist() == [str(tmp_path / n) for n in "12"]


def test_images_called_by_nothing(tmp_path):
    frame = pd.DataFrame({"entity": ["a", "b"], "image": ["x.png", None]})
    frame.to_parquet(tmp_path / "images.parquet")
    with pytest.raises(ValueError, match="row 2 of the table: expected the path of an image"):
        read_tables(tmp_path)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_times_come_back_to_the_nanosecond(tmp_path, form):
    times = [
        pd.Timestamp("2020-01-02T03:04:05.123456789"),
        pd.Timestamp("2020-01-02T03:04:05.1234567+02:00"),
        datetime.datetime(2020, 1, 2, 3, 4, 5, 123456),
        pd.NaT,
    ]
    write_graph(KnowledgeGraph(attribute_triples={"a": {"t": times}}), tmp_path, format=form)
    *read, missing = read_graph(tmp_path).attribute_values.tolist()
    assert read == times[:-1] and missing is pd.NaT
    assert [getattr(time, "nanosecond", 0) for time in read] == [789, 700, 0]


def test_features_that_float32_cannot_square():
    features = np.ones((2, 3), np.float32)
    KnowledgeGraph([("a", "in", "b")], features={"x": features * 1e15})
    features[1, 2] = -3e38
    message = r"finite x features; found numbers beyond 1e\+16 for 1 of 2 entities, first 'b'"
    with pytest.raises(ValueError, match=message):
        KnowledgeGraph([("a", "in", "b")], features={"x": features})


def test_names_of_many_columns_are_compared_at_once(tmp_path):
    check_names(tmp_path / "x.csv", [str(i) for i in range(200_000)], line=1)


LONG = "x" * 1_000_000
LINES = {
    "one column": ("seeds.csv", f"{LONG}\n"),
    "names": ("relation_triples.csv", f"{LONG},a\nb,c\n"),
    "fields": ("seeds.csv", f"a,b\n{LONG}\n"),
    "confidence": ("seeds.csv", f"source,target,confidence\na,b,{LONG}\n"),
    "curie": ("seeds.tsv", f"subject_id\tobject_id\na\t{LONG}\n"),
    "type": (
        "attribute_triples.csv",
        f"entity,attribute,value,datatype,value_type\na,b,{LONG},,integer\n",
    ),
    "header": ("relation_triples.csv", f"{LONG},r,t\n{LONG},r,b\n"),
    "twice": ("seeds.csv", f"source,target,{LONG},{LONG}\na,b,c,d\n"),
    "many names": ("relation_triples.csv", ",".join(map(str, range(9000))) + "\n"),
    "many columns": ("relation_triples.csv", ",".join(map(str, range(1_000_000))) + "\n"),
    "many in pairs": ("seeds.csv", ",".join(map(str, range(1_000_000))) + "\n"),
}


@pytest.mark.parametrize("case", LINES)
def test_long_lines_are_told_by_their_beginning(tmp_path, case):
    name, text = LINES[case]
    (tmp_path / name).write_text(text)
    read = read_alignment if name.startswith("seeds") else read_tables
    with pytest.raises(ValueError, match="xpected") as error:
        read(tmp_path / name if name.startswith("seeds") else tmp_path)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("name", ["features/x.npz", "FB15K/FB15K_ImageData.h5"])
def test_a_pipe_is_not_waited_for(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir()
    if path.suffix == ".npz":
        write_graph(KnowledgeGraph([("a", "b", "c")]), tmp_path)
        read = read_graph
    else:
        pytest.importorskip("h5py")
        shutil.copytree(SAMPLES / "mmkg", tmp_path, dirs_exist_ok=True)
        read = read_mmkg
    os.mkfifo(path)
    with pytest.raises(ValueError, match="Expected .*found: no file"):
        read(tmp_path)


def test_a_pickle_that_is_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "x.pkl")
    with pytest.raises(FileNotFoundError, match="Expected image features in the file 'x.pkl'"):
        read_dbp15k(SAMPLES / "zh_en", images=tmp_path / "x.pkl")
    shutil.copytree(SAMPLES / "zh_en", tmp_path / "zh_en")
    os.mkfifo(tmp_path / "zh_en" / "zh_en_id_img_feature_dict.pkl")
    with pytest.raises(ValueError, match="Expected a pickled dictionary .*; found no file"):
        read_dbp15k(tmp_path / "zh_en")


def test_links_to_themselves(tmp_path):
    path = tmp_path / "x.nt"
    path.symlink_to(path)
    with pytest.raises(FileNotFoundError, match="Expected a file .*x.nt; found none"):
        read_rdf(path)
    kg = KnowledgeGraph([("a", "b", "c")], images={"a": str(path)})
    write_graph(kg, tmp_path / "graph")
    assert read_graph(tmp_path / "graph").images.values.tolist() == [str(path)]


def test_what_a_parser_quotes_is_cut(tmp_path):
    path = tmp_path / "x.ttl"
    path.write_text("a" * 70_000)
    with pytest.raises(ValueError, match="expected Turtle; found: ") as error:
        read_rdf(path)
    assert len(str(error.value)) < 1000


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="needs /proc, which Linux has")
def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "x.csv").symlink_to("/proc/self/mem")
    with pytest.raises(OSError) as error:
        read_alignment(tmp_path / "x.csv")
    assert error.value.filename == str(tmp_path / "x.csv")


@pytest.mark.parametrize("name", ["x.nt", "x.csv", "x.sssom.tsv"])
def test_a_pipe_is_named_and_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    read = read_rdf if name == "x.nt" else read_alignment
    with pytest.raises(FileNotFoundError, match=r"found a folder, device or pipe\. Name the file"):
        read(tmp_path / name)
