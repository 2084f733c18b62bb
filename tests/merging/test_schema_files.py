"""Alignments of relations as SSSOM, axioms and tables."""

import numpy as np
import pandas as pd
import pytest

from ibmea_sklearn.io import read_alignment
from ibmea_sklearn.merging import write_schema
from ibmea_sklearn.merging.schema import COLUMNS


@pytest.fixture
def table():
    rows = [
        ("http://x.org/in", "http://y.org/in", "relation", "same", "same", np.nan, ""),
        ("http://x.org/a", "http://y.org/b", "relation", "inverse", "same", np.nan, ""),
        ("http://x.org/c", "http://y.org/d", "relation", "same", "narrower", np.nan, ""),
        ("http://x.org/e", "two words", "relation", "inverse", "broader", np.nan, ""),
        ("http://x.org/m", "http://y.org/cm", "attribute", "same", "same", 100.0, "m to cm"),
    ]
    names = ["source", "target", "kind", "direction", "predicate", "scale", "unit"]
    table = pd.DataFrame(rows, columns=names)
    return table.assign(share_source=0.9, share_target=0.8, n_facts=7, confidence=0.75)[[*COLUMNS]]


def test_sssom_has_a_predicate_for_each_row(table, tmp_path):
    write_schema(table, tmp_path / "s.tsv")
    text = (tmp_path / "s.tsv").read_text()
    predicates = [line.split("\t")[1] for line in text.splitlines() if line.startswith("ns")]
    assert predicates == [
        "skos:exactMatch", "owl:inverseOf", "skos:broadMatch", "skos:relatedMatch",
        "skos:exactMatch",
    ]  # fmt: skip
    back = read_alignment(tmp_path / "s.tsv")
    assert back["source"].tolist() == ["http://x.org/in", "http://x.org/m"]  # that are the same
    assert back["unit"].tolist() == ["", "m to cm"] and back["n_facts"].tolist() == [7, 7]
    assert back["subject_category"].tolist() == ["relation", "attribute"]


@pytest.mark.parametrize("suffix", [".nt", ".ttl"])
def test_axioms(table, tmp_path, suffix):
    oxigraph = pytest.importorskip("pyoxigraph")
    write_schema(table, tmp_path / f"s{suffix}")
    text = (tmp_path / f"s{suffix}").read_text()
    assert "1 in other units left out" in text
    triples = [
        (t.subject.value, t.predicate.value.rpartition("#")[2], t.object.value)
        for t in oxigraph.parse(text, oxigraph.RdfFormat.TURTLE)
    ]
    blank = triples[3][0]
    assert triples == [
        ("http://x.org/in", "equivalentProperty", "http://y.org/in"),
        ("http://x.org/a", "inverseOf", "http://y.org/b"),
        ("http://x.org/c", "subPropertyOf", "http://y.org/d"),
        (blank, "inverseOf", "urn:ibmea:string:two%20words"),
        (blank, "subPropertyOf", "http://x.org/e"),
    ]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_keep_all_columns(table, tmp_path, suffix):
    write_schema(table, tmp_path / f"s{suffix}")
    back = read_alignment(tmp_path / f"s{suffix}")
    assert set(back) == set(table) and len(back) == len(table)


@pytest.mark.parametrize(
    ("change", "name", "message"),
    [
        (lambda t: t.drop(columns="scale"), "s.tsv", r"found none called \['scale'\]"),
        (lambda t: t, "s.json", "ends in .tsv, .nt, .ttl, .csv, .parquet; found 's.json'"),
        (lambda t: t.assign(predicate="equal"), "s.nt", "'narrower' or 'broader'"),
    ],
)
def test_what_can_not_be_written_is_told(table, tmp_path, change, name, message):
    with pytest.raises(ValueError, match=message):
        write_schema(change(table), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_an_empty_table_is_a_file(table, tmp_path):
    for suffix in (".tsv", ".nt", ".csv"):
        write_schema(table[:0], tmp_path / f"s{suffix}")
        assert (tmp_path / f"s{suffix}").stat().st_size


@pytest.mark.parametrize("suffix", [".tsv", ".csv"])
def test_a_schema_without_formulas(table, tmp_path, suffix):
    table = table.assign(unit=[f"=u{i}" for i in range(len(table))])
    path = tmp_path / f"s{suffix}"
    write_schema(table, path)
    assert "=u0" in path.read_text() and "'=u0" not in path.read_text()
    write_schema(table, path, escape_formulas=True)
    assert "'=u0" in path.read_text()
    assert read_alignment(path)["unit"][0] == "=u0"
    with pytest.raises(ValueError, match="for CSV and TSV only"):
        write_schema(table, tmp_path / "s.nt", escape_formulas=True)
