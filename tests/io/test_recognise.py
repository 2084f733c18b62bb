from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ibmea_sklearn import KnowledgeGraph, SeedPairs
from ibmea_sklearn.io import (
    read_graph,
    read_graphs,
    read_pair,
    recognise_format,
    write_alignment,
    write_graph,
    write_pair,
)

SAME_AS = "<http://www.w3.org/2002/07/owl#sameAs>"


@pytest.fixture
def graphs():
    return KnowledgeGraph([("a", "r", "b")]), KnowledgeGraph([("x", "s", "y")])


@pytest.mark.parametrize(
    "folder, name", [("zh_en", "DBP15K folder"), ("D_W_15K_V1", "OpenEA folder")]
)
def test_sample_folders(folder, name):
    folder = Path(__file__).parent / "data" / folder
    assert recognise_format(folder) == name
    assert len(SeedPairs(*read_graphs(folder))) == len(read_pair(folder)[2]) > 2


def test_sample_mmkg_folders(tmp_path):
    samples = Path(__file__).parent / "data" / "mmkg"
    assert recognise_format(samples / "YAGO15K") == "MMKG graph"
    with pytest.raises(ValueError, match="two MMKG graphs in .*; found FB15K, DB15K, YAGO15K"):
        read_graphs(samples)
    for name in ("FB15K", "DB15K"):
        (tmp_path / name).symlink_to(samples / name)
    assert recognise_format(tmp_path) == "MMKG folder"
    assert len(SeedPairs(*read_graphs(tmp_path))) == 3


def test_names_of_a_pair_on_request(tmp_path, graphs):
    samples = Path(__file__).parent / "data"
    for name in ("FB15K", "DB15K"):
        (tmp_path / "mmkg" / name).mkdir(parents=True)
        for file in (samples / "mmkg" / name).iterdir():
            (tmp_path / "mmkg" / name / file.name).symlink_to(file)
    for folder in (tmp_path / "mmkg", samples / "zh_en"):
        assert not any(len(kg.names.values) for kg in read_pair(folder)[:2])
        kg1, kg2, _ = read_pair(folder, names=True)
        assert all(len(kg.names.values) for kg in (kg1, kg2))
    kg1, kg2 = (kg.with_names({kg.entity_ids[0]: "one"}) for kg in graphs)
    write_pair(kg1, kg2, [], tmp_path / "own")
    for names in (False, True):
        assert read_pair(tmp_path / "own", names=names)[0].names.values.tolist() == ["one"]


# tests/cli/test_cli_info.py reads both folders as what they are known as.


def test_real_dbp15k_folder(data_home):
    assert recognise_format(data_home / "zh_en") == "DBP15K folder"


def test_real_mmkg_folder(data_home, tmp_path):
    # In a folder of its own: the data may have YAGO15K, too.
    for name in ("FB15K", "DB15K"):
        (tmp_path / name).symlink_to(data_home / "mmkg" / name)
    assert recognise_format(tmp_path) == "MMKG folder"


@pytest.mark.parametrize("name, n_entities", [("FB15K", 14951), ("DB15K", 12842)])
def test_real_graph_alone(data_home, name, n_entities):
    assert recognise_format(data_home / "mmkg" / name) == "MMKG graph"
    kg = read_graphs(data_home / "mmkg" / name)
    assert (kg.name, kg.n_entities) == (name, n_entities)


@pytest.mark.parametrize("names", [("kg1", "kg2"), ("1", "2")])
@pytest.mark.parametrize("links", ["links.tsv", "links.nt", "links.csv"])
def test_folder_of_two_graphs(tmp_path, graphs, names, links):
    for name, kg in zip(names, graphs, strict=True):
        write_graph(kg, tmp_path / name, format="tsv")
    write_alignment(pd.DataFrame({"source": ["a"], "target": ["x"]}), tmp_path / links)
    kg1, kg2, read = read_pair(tmp_path)
    assert (kg1.name, kg2.name) == names
    assert read.tolist() == [["a", "x"]]
    assert recognise_format(tmp_path) == "folder of two graphs"


def test_two_rdf_files_without_links(tmp_path):
    pytest.importorskip("pyoxigraph")
    for name in ("kg1.ttl", "kg2.ttl"):
        (tmp_path / name).write_text("<http://x/a> <http://x/r> <http://x/b> .")
    kg1, kg2, links = read_pair(tmp_path)
    assert kg1.entity_ids.tolist() == kg2.entity_ids.tolist()
    assert links.shape == (0, 2)


def test_links_take_the_type_of_the_ids(tmp_path):
    write_graph(KnowledgeGraph([("1", "r", "2")]), tmp_path / "kg1")
    write_graph(KnowledgeGraph([(1, "r", 2)]), tmp_path / "kg2")
    for quote in ("", '"'):
        (tmp_path / "links.csv").write_text(f"source,target\n{quote}1{quote},{quote}2{quote}\n")
        kg1, kg2, links = read_pair(tmp_path)
        assert links.tolist() == [["1", 2]]
        SeedPairs(kg1, kg2, links)


def test_openea(tmp_path):
    for name, text in {"rel_triples_1": "a\tr\tb\n", "rel_triples_2": "x\tr\ty\n",
                       "ent_links": "a\tx\n"}.items():  # fmt: skip
        (tmp_path / name).write_text(text)
    assert recognise_format(tmp_path) == "OpenEA folder"
    assert read_graphs(tmp_path)[2].tolist() == [["a", "x"]]


def test_one_graph(tmp_path, graphs):
    write_graph(graphs[0], tmp_path / "tables")
    assert read_graph(tmp_path / "tables").n_entities == 2
    assert recognise_format(tmp_path / "tables") == "tables"
    assert isinstance(read_graphs(tmp_path / "tables"), KnowledgeGraph)
    with pytest.raises(ValueError, match=r"(?s)Expected a pair of graphs in .*entities\.csv"):
        read_pair(tmp_path / "tables")


def test_one_table(tmp_path):
    (tmp_path / "cities.tsv").write_text("head\trelation\ttail\nLyon\tin\tFrance\n")
    kg = read_graphs(tmp_path / "cities.tsv")
    assert kg.name == "cities" and kg.entity_ids.tolist() == ["Lyon", "France"]


def test_two_tables(tmp_path):
    for name in ("kg1.csv", "kg2.csv"):
        (tmp_path / name).write_text("head,relation,tail\nLyon,in,France\n")
    (tmp_path / "links.csv").write_text("Lyon,Lyon\n")
    kg1, kg2, links = read_graphs(tmp_path)
    assert len(SeedPairs(kg1, kg2, links)) == 1


@pytest.mark.parametrize(
    "name, text, form",
    [
        ("a.tsv", "#a: b\nsubject_id\tobject_id\n", "alignment (SSSOM)"),
        ("a.tsv", "\nsubject_id\tpredicate_id\tobject_id\n", "alignment (SSSOM)"),
        ("a.csv", "\nsource,target,confidence\na,x,1\n", "alignment (table)"),
        ("a.csv", '\ufeff"Left","Right"\na,x\n', "alignment (table)"),
        ("a.csv", "source,confidence,target\na,1,x\n", "alignment (table)"),
        ("a.tsv", "note\tentity1\tentity2\n-\ta\tx\n", "alignment (table)"),
        ("a.csv", "head,relation,tail\na,r,b\n", "tables"),
        ("a.csv", "subject,predicate,object\na,r,b\n", "tables"),
        ("a.csv", "subject_id,predicate_id,object_id\na,r,b\n", "tables"),
        ("a.csv", "source\ttarget\n", "tables"),
        ("a.csv", b"\xff\xfe", "tables"),
        ("a.csv", "", "tables"),
        ("a.parquet", "PAR1", "tables"),
        ("a.nt", f"#x\n\n<a> {SAME_AS} <x> .\n <b> {SAME_AS} <y> .\n", "alignment (owl:sameAs)"),
        ("a.nt", f"<a> {SAME_AS} <x> .\n<a> <p> <b> .\n", "RDF"),
        ("a.nt", f"<a> {SAME_AS} <x> .\n<a> <p> '{SAME_AS}' .\n", "RDF"),
    ],
)  # fmt: skip
def test_alignments(tmp_path, name, text, form):
    data = text if isinstance(text, bytes) else text.encode()
    (tmp_path / name).write_bytes(data)
    assert recognise_format(tmp_path / name) == form


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.nt", "a.tsv"])
def test_written_alignments_are_recognised(tmp_path, name):
    for table in ({"source": ["a"], "target": ["x"]}, {"source": [], "target": []}):
        write_alignment(pd.DataFrame(table, dtype=object), tmp_path / name)
        assert recognise_format(tmp_path / name).startswith("alignment")


def test_parquet_of_triples_is_a_graph(tmp_path, graphs):
    write_graph(graphs[0], tmp_path, format="parquet")
    assert recognise_format(tmp_path / "relation_triples.parquet") == "tables"


def test_rdf_file_and_folder(tmp_path):
    pytest.importorskip("pyoxigraph")
    (tmp_path / "g.nt").write_text("<http://x/a> <http://x/r> <http://x/b> .\n")
    assert recognise_format(tmp_path / "g.nt") == recognise_format(tmp_path) == "RDF"
    assert read_graph(tmp_path).n_entities == 2


def test_nothing_recognised(tmp_path):
    (tmp_path / "notes.md").touch()
    with pytest.raises(ValueError) as error:
        read_pair(tmp_path)
    message = str(error.value)
    for name in (
        "DBP15K folder: ent_ids_1",
        "OpenEA folder: rel",
        "MMKG folder",
        "two graphs: kg1",
    ):
        assert name in message
    assert message.endswith("found notes.md.")
    with pytest.raises(ValueError, match="found a file 'notes.md'"):
        read_graph(tmp_path / "notes.md")


def test_no_such_folder(tmp_path):
    for read in (read_graphs, read_pair, read_graph, recognise_format):
        with pytest.raises(FileNotFoundError, match="found no such file or folder"):
            read(tmp_path / "nothing")


def test_three_mmkg_graphs(tmp_path):
    for name in ("FB15K", "DB15K", "YAGO15K"):
        (tmp_path / f"{name}_EntityTriples.txt").write_text("a r b\n")
    with pytest.raises(ValueError, match="found FB15K, DB15K, YAGO15K. Put the two"):
        read_pair(tmp_path)


@pytest.mark.parametrize("format", ["csv", "tsv", "parquet"])
def test_written_pair_comes_back(tmp_path, toy_pair, format):
    kg1, kg2, links = toy_pair.kg1, toy_pair.kg2, toy_pair.links
    write_pair(kg2, kg1, links[:, ::-1], tmp_path, format="csv" if format != "csv" else "tsv")
    write_pair(kg1, kg2, links, tmp_path, format=format)
    read1, read2, read_links = read_pair(tmp_path)
    assert read_links.tolist() == links.tolist()
    for read, kg in ((read1, kg1), (read2, kg2)):
        assert read.entity_ids.tolist() == kg.entity_ids.tolist()
        assert read.relation_triples.tolist() == kg.relation_triples.tolist()
        assert read.attribute_values.tolist() == kg.attribute_values.tolist()
        assert read.modalities == kg.modalities


@pytest.mark.parametrize(
    "kind", [list, np.array, pd.DataFrame, lambda links: {"left": ["a"], "right": ["x"]}]
)
def test_links_of_any_kind_are_written(tmp_path, graphs, kind):
    write_pair(*graphs, kind([("a", "x")]), tmp_path)
    assert read_pair(tmp_path)[2].tolist() == [["a", "x"]]


def test_seed_pairs_and_frames_with_names_are_written(tmp_path, graphs):
    pl = pytest.importorskip("polars")
    frame = pd.DataFrame({"from": ["a", "b"], "to": ["x", "y"]})
    for links in (frame, pl.DataFrame({"s": ["a", "b"], "t": ["x", "y"]}), frame.to_numpy()):
        write_pair(*graphs, SeedPairs(*graphs, links), tmp_path)
        assert read_pair(tmp_path)[2].tolist() == [["a", "x"], ["b", "y"]]
        write_pair(*graphs, links, tmp_path)
        assert read_pair(tmp_path)[2].tolist() == [["a", "x"], ["b", "y"]]


def test_links_of_three_columns(tmp_path, graphs):
    with pytest.raises(ValueError, match="Expected links with 2 columns; found 3"):
        write_pair(*graphs, [("a", "x", 0.5)], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_pair_without_links_comes_back(tmp_path, graphs):
    write_pair(*graphs, [], tmp_path)
    assert read_pair(tmp_path)[2].shape == (0, 2)


def test_two_files_of_links(tmp_path, graphs):
    for name, kg in zip(("kg1", "kg2"), graphs, strict=True):
        write_graph(kg, tmp_path / name)
    for name in ("links.csv", "links.tsv"):
        (tmp_path / name).write_text("a\tx\n")
    with pytest.raises(ValueError, match="found links.csv, links.tsv"):
        read_pair(tmp_path)
