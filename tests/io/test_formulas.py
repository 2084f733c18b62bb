"""Formulas in written tables: live as they are, dead if that is asked for; all comes back."""

import csv

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn.io import (
    read_alignment,
    read_graph,
    read_pair,
    recognise_format,
    write_alignment,
    write_graph,
    write_pair,
)

LIVE = ["=cmd|' /C calc'!A0", "+1+1", "-2-3", "@SUM(A1)", "\tx", "\rx", "\nx", "'=x", "''@x"]
TAME = ["'s-Hertogenbosch", "a=b", "'", "x", "-2.5", "+31", "'-", "="]
texts = st.text(st.sampled_from("'=+-@\t\r\n1.ea "), min_size=1, max_size=5)


def cells(path, sep):
    with path.open(encoding="utf8", newline="") as file:
        rows = csv.reader((line for line in file if line[0] != "#"), delimiter=sep)
        return [cell for row in rows for cell in row]


def is_live(cell):
    return cell[:1] in set("=+-@\t\r\n") and not cell.lstrip("+-").replace(".", "").isdigit()


@pytest.mark.parametrize(("suffix", "sep"), [("csv", ","), ("sssom.tsv", "\t")])
def test_an_alignment_without_formulas(tmp_path, suffix, sep):
    ids = LIVE + TAME
    table = pd.DataFrame({"source": ids, "target": ids[::-1], "confidence": 0.5, "comment": ids})
    path = tmp_path / f"a.{suffix}"
    write_alignment(table, path)
    assert any(map(is_live, cells(path, sep)))  # that it is off is said in the docs
    pd.testing.assert_frame_equal(read_alignment(path), table, check_dtype=False)
    write_alignment(table, path, escape_formulas=True)
    assert not any(map(is_live, cells(path, sep)))
    pd.testing.assert_frame_equal(read_alignment(path), table, check_dtype=False)
    assert recognise_format(path).startswith("alignment")


@pytest.mark.parametrize("format", ["csv", "tsv"])
def test_a_graph_and_a_pair_without_formulas(tmp_path, format):
    ids = [*LIVE, *TAME]
    kg = KnowledgeGraph(
        [(head, tail, tail) for head, tail in zip(ids, ids[::-1], strict=True)],
        attribute_triples=[(i, i, i) for i in ids] + [(ids[0], "n", -3), (ids[0], "n", -2.5)],
        names={i: i for i in ids},
        texts={i: i for i in ids},
        entities=ids,
    )
    links = np.array([ids, ids], object).T
    write_graph(kg, tmp_path / "one", format=format, escape_formulas=True)
    write_pair(kg, kg, links, tmp_path / "two", format=format, escape_formulas=True)
    files = [*tmp_path.rglob(f"*.{format}")]
    assert len(files) == 16
    for path in files:
        assert not any(map(is_live, cells(path, "," if format == "csv" else "\t")))
    kg1, kg2, found = read_pair(tmp_path / "two")
    np.testing.assert_array_equal(found, links)
    for again in (read_graph(tmp_path / "one"), kg1, kg2):
        assert again.entity_ids.tolist() == kg.entity_ids.tolist()
        assert again.relation_names.tolist() == kg.relation_names.tolist()
        assert again.attribute_values.tolist() == kg.attribute_values.tolist()
        assert again.texts.values.tolist() == kg.texts.values.tolist()
        np.testing.assert_array_equal(again.relation_triples, kg.relation_triples)


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=5), st.booleans(), texts)
def test_every_cell_comes_back(tmp_path_factory, pairs, escapes, name):
    table = pd.DataFrame(pairs, columns=["source", "target"]).assign(confidence=1.0)
    table[name] = table["source"]
    path = tmp_path_factory.mktemp("formulas") / "a.csv"
    write_alignment(table, path, escape_formulas=escapes)
    pd.testing.assert_frame_equal(read_alignment(path), table, check_dtype=False)


def test_files_of_others_keep_their_apostrophes(tmp_path):
    path = tmp_path / "seeds.csv"
    path.write_text("'=a,'@b\n'=c,d\n")
    assert read_alignment(path)[["source", "target"]].to_numpy().tolist() == [
        ["'=a", "'@b"],
        ["'=c", "d"],
    ]


def test_where_no_spreadsheet_looks(tmp_path):
    table = pd.DataFrame({"source": ["a"], "target": ["b"]})
    with pytest.raises(ValueError, match="Expected escape_formulas=True for CSV and TSV only"):
        write_alignment(table, tmp_path / "a.nt", escape_formulas=True)
    with pytest.raises(ValueError, match="found it for 'parquet'"):
        write_graph(
            KnowledgeGraph([("a", "b", "c")]), tmp_path, format="parquet", escape_formulas=True
        )
