"""``ibmea convert``: nothing is lost from one format to another."""

import numpy as np
import pandas as pd
import pytest

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn.io import read_alignment, read_graph, read_pair, write_alignment, write_pair

SUFFIXES = [".tsv", ".csv", ".parquet", ".nt"]


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "source": ["http://a.org/1", "two words", "ü"],
            "target": ["http://b.org/1", "zwei", "y"],
            "confidence": [1.0, 0.5, 0.25],
        }
    )


@pytest.mark.parametrize("source", SUFFIXES)
@pytest.mark.parametrize("target", SUFFIXES)
def test_alignments(ibmea, table, tmp_path, source, target):
    write_alignment(table, tmp_path / f"a{source}", min_confidence=0)
    new = tmp_path / "new" / f"b{target}"
    result = ibmea("convert", tmp_path / f"a{source}", new, "--min-confidence", 0)
    assert (result.exit_code, result.output.split()) == (
        0, f"Wrote 3 pairs to {new}".split(),
    )  # fmt: skip
    kept = ["source", "target"] if ".nt" in (source, target) else list(table)
    pd.testing.assert_frame_equal(read_alignment(new)[kept], table[kept], check_dtype=False)


@pytest.mark.filterwarnings("default:.* matches have a confidence below:UserWarning")
def test_unsure_matches_are_no_same_as_unless_asked_for(ibmea, table, tmp_path):
    write_alignment(table.assign(confidence=[0.95, 0.9, 0.01]), tmp_path / "a.tsv")
    result = ibmea("convert", tmp_path / "a.tsv", tmp_path / "b.nt")
    said = " ".join(result.output.split())
    assert "1 of 3 matches have a confidence below 0.9 and are not written to b.nt" in said
    assert "Wrote 2 pairs" in said and len(read_alignment(tmp_path / "b.nt")) == 2
    ibmea("convert", tmp_path / "a.tsv", tmp_path / "c.csv", "--min-confidence", 0.92)
    assert len(read_alignment(tmp_path / "c.csv")) == 1


@pytest.mark.parametrize("form", ["csv", "tsv", "parquet"])
def test_a_pair_of_graphs(ibmea, pair_folder, tmp_path, form):
    result = ibmea("convert", pair_folder, tmp_path / "new", "--format", form)
    assert "two graphs and 80 links" in result.output
    assert (tmp_path / "new" / "kg1" / f"relation_triples.{form}").is_file()
    kg1, kg2, links = read_pair(tmp_path / "new")
    old1, old2, old_links = read_pair(pair_folder)
    assert links.tolist() == old_links.tolist()
    for new, old in ((kg1, old1), (kg2, old2)):
        assert new.entity_ids.tolist() == old.entity_ids.tolist()
        np.testing.assert_array_equal(new.relation_triples, old.relation_triples)
        np.testing.assert_array_equal(new.features["image"].values, old.features["image"].values)


def test_rdf_to_tables(ibmea, tmp_path):
    pytest.importorskip("pyoxigraph")
    (tmp_path / "g.ttl").write_text(
        "@prefix : <http://x.org/> . :a :knows :b . :a :born 1990 . :b :knows :a ."
    )
    result = ibmea("convert", tmp_path / "g.ttl", tmp_path / "new")
    assert "a graph of 2 entities" in result.output
    kg = read_graph(tmp_path / "new")
    assert kg.entity_ids.tolist() == ["http://x.org/a", "http://x.org/b"]
    assert len(kg.relation_triples) == 2
    assert kg.attribute_values.tolist() == [1990]


def test_a_table_of_triples_is_no_alignment(ibmea, tmp_path):
    (tmp_path / "t.tsv").write_text("head\trelation\ttail\na\tknows\tb\n")
    result = ibmea("convert", tmp_path / "t.tsv", tmp_path / "t.nt")
    assert result.exit_code == 2
    assert "found 1 more without a name" in result.stderr
    assert not (tmp_path / "t.nt").exists()


def test_graphs_are_no_alignment(ibmea, pair_folder, tmp_path):
    result = ibmea("convert", pair_folder, tmp_path / "a.csv")
    assert result.exit_code == 2
    assert f"found the folder {pair_folder}" in result.stderr


FORMULA = "=1+2"


def test_formulas_of_an_alignment_are_escaped_where_that_is_asked_for(ibmea, tmp_path):
    table = pd.DataFrame({"source": [FORMULA], "target": ["b"], "confidence": [1.0]})
    write_alignment(table, tmp_path / "a.parquet")
    for more, cell in (([], FORMULA), (["--escape-formulas"], f"'{FORMULA}")):
        new = tmp_path / "b.csv"
        assert ibmea("convert", tmp_path / "a.parquet", new, *more).exit_code == 0
        assert new.read_text().splitlines()[1].startswith(f'"{cell}",')
        assert read_alignment(new)["source"].tolist() == [FORMULA]


def test_formulas_of_graphs_are_escaped_where_that_is_asked_for(ibmea, tmp_path):
    kg = KnowledgeGraph([("a", "p", "b")], attribute_triples=[("a", "q", FORMULA)])
    write_pair(kg, kg, [("a", "a"), ("b", "b")], tmp_path / "pair")
    for source, name in (("pair", "two"), ("pair/kg1", "one")):
        result = ibmea("convert", tmp_path / source, tmp_path / name, "--escape-formulas")
        assert result.exit_code == 0, result.output
        files = [path.read_text() for path in (tmp_path / name).rglob("*.csv")]
        assert any(f"'{FORMULA}" in text for text in files)
        again = read_graph(tmp_path / name / ("kg1" if name == "two" else ""))
        assert again.attribute_values.tolist() == [FORMULA]


@pytest.mark.parametrize("target", ["b.nt", "b.parquet"])
def test_what_no_spreadsheet_opens_has_no_formulas(ibmea, table, tmp_path, target):
    write_alignment(table, tmp_path / "a.csv")
    result = ibmea("convert", tmp_path / "a.csv", tmp_path / target, "--escape-formulas")
    assert result.exit_code == 2 and "for CSV and TSV only" in result.stderr


@pytest.mark.parametrize(
    ("target", "more", "message"),
    [
        ("a.ttl", [], "that ends in .tsv, .nt, .csv, .parquet; found 'a.ttl'"),
        ("new", ["--format", "xml"], "Expected --format csv, tsv or parquet; found 'xml'."),
        ("file", [], "Expected a folder to write to; found the file"),
    ],
)
def test_bad_targets(ibmea, table, tmp_path, target, more, message):
    write_alignment(table, tmp_path / "a.csv")
    (tmp_path / "file").write_text("")
    result = ibmea("convert", tmp_path / "a.csv", tmp_path / target, *more)
    assert result.exit_code == 2
    assert message in result.stderr
