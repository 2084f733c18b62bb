"""Opinions as SSSOM, out and in: no reader of verdicts takes them."""

import pandas as pd
import pytest

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn.io import read_opinions, read_verdicts, write_opinions, write_verdicts

WHY = "semapv:BackgroundKnowledgeBasedMatching"
COLUMNS = ["source", "target", "verdict", "author", "date", "comment", "mapping_justification"]
ROWS = [
    ["http://a.org/x#1", "x y", "same", "tiny", "2026-01-31", "chosen of 5", WHY],
    ["u", "v", "unsure", "tiny", "", "\u202eabc", WHY],
    ["u", "w", "different", "tiny", "", 'none\tof "5"', WHY],
]


def table(rows=ROWS):
    return pd.DataFrame(rows, columns=COLUMNS, dtype=object)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "opinions.sssom.tsv"


def test_opinions_come_back(path):
    write_opinions(table(), path)
    assert read_opinions(path).values.tolist() == ROWS and list(read_opinions(path)) == COLUMNS
    assert "#mapping_set_title: Opinions" in path.read_text()


def test_they_are_no_verdicts(path):
    write_opinions(table(), path)
    with pytest.raises(ValueError, match="nor is what a model says"):
        read_verdicts(path)


def test_of_a_file_of_both_each_reader_takes_its_own(path):
    write_verdicts(table([["a", "b", "same", "Ada", "", "", ""]]), path)
    by_hand = path.read_text()
    write_opinions(table([["a", "c", "same", "tiny", "", "", WHY]]), path)
    # Ids without a scheme have the same prefix in both.
    path.write_text(by_hand + path.read_text().splitlines()[-1] + "\n")
    with pytest.warns(UserWarning, match="1 of 2 rows are left out: no person"):
        assert read_verdicts(path)["target"].tolist() == ["b"]
    assert read_opinions(path)["target"].tolist() == ["c"]


def test_a_file_of_verdicts_has_no_opinions(path):
    write_verdicts(table()[COLUMNS[:6]], path)
    with pytest.raises(ValueError, match="expected opinions, rows that no person has judged"):
        read_opinions(path)


def test_ids_are_as_those_of_the_graphs(path):
    write_opinions(table([[1, 2, "same", "tiny", "", "", WHY]]), path)
    graphs = KnowledgeGraph([(1, "r", 5)]), KnowledgeGraph([("2", "r", "3")])
    assert read_opinions(path, graphs=graphs)[["source", "target"]].values.tolist() == [[1, "2"]]


@pytest.mark.parametrize(
    "why", ["semapv:ManualMappingCuration", "", "by me", None, "semapv:MappingReview"]
)
def test_a_person_has_no_opinions_and_a_term_is_one(path, why):
    with pytest.raises(ValueError, match="Expected a mapping_justification of a model"):
        write_opinions(table().assign(mapping_justification=why), path)
    assert not path.exists()


def test_a_table_without_the_column_is_told(path):
    with pytest.raises(ValueError, match="column mapping_justification, as ask_model returns"):
        write_opinions(table()[COLUMNS[:6]], path)


def test_they_are_valid_sssom(path):
    parsers = pytest.importorskip("sssom.parsers", reason="the package sssom is not installed")
    write_opinions(table(), path)
    mappings = parsers.parse_sssom_table(path)
    assert set(mappings.df["mapping_justification"]) == {WHY}
