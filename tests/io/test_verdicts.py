"""Verdicts as SSSOM, out and in."""

import datetime
import warnings

import hypothesis.strategies as st
import pandas as pd
import pytest
from hypothesis import given

from ibmea_sklearn.io import read_alignment, read_verdicts, write_alignment, write_verdicts

COLUMNS = ["source", "target", "verdict", "author", "date", "comment"]
ROWS = [
    ("http://a.org/x#1", "x y", "same", "Ada", "2026-01-31", 'says "so"\tand\nso'),
    (7, None, "none", "", "", ""),
    (None, "z", "none", "", "", "=SUM(1)"),
    ("u", "v", "unsure", "Bo", "", ""),
    ("u", "w", "different", "Bo", "2025-12-01", "Ærø, 日本, \u202eabc"),
]


def table(rows=ROWS):
    return pd.DataFrame(rows, columns=COLUMNS, dtype=object)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "verdicts.sssom.tsv"


def test_verdicts_come_back(path):
    write_verdicts(table(), path)
    assert read_verdicts(path).values.tolist() == [list(row) for row in ROWS]
    assert list(read_verdicts(path)) == COLUMNS


ids = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.integers())
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0")).map(str.strip)
dates = st.one_of(st.just(""), st.dates(datetime.date(1, 1, 1)).map(datetime.date.isoformat))
pairs = st.one_of(
    st.tuples(ids, ids, st.sampled_from(["same", "different", "unsure"])),
    st.tuples(ids, st.none(), st.just("none")),
    st.tuples(st.none(), ids, st.just("none")),
)
rows = st.tuples(pairs, texts, dates, texts).map(lambda row: (*row[0], *row[1:]))


@given(st.lists(rows, min_size=1, max_size=5, unique_by=lambda row: row[:2]))
def test_whatever_is_judged_comes_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("any") / "verdicts.sssom.tsv"
    write_verdicts(table(rows), path)
    assert read_verdicts(path).values.tolist() == [list(row) for row in rows]


def test_only_what_is_the_same_is_a_match(path):
    write_verdicts(table(), path)
    assert read_alignment(path)[["source", "target"]].values.tolist() == [
        ["http://a.org/x#1", "x y"]
    ]


def test_the_last_verdict_on_a_pair_counts(path):
    write_verdicts(
        table([("a", "b", v, "", "", "") for v in ("same", "unsure", "different")]), path
    )
    assert read_verdicts(path)["verdict"].tolist() == ["different"]


def test_a_column_in_which_an_integer_is_missing_still_holds_integers(path):
    given = pd.DataFrame({"source": [1, 2], "target": [3, None], "verdict": ["same", "none"]})
    write_verdicts(given, path)
    assert read_verdicts(path)[["source", "target"]].values.tolist() == [[1, 3], [2, None]]


def test_labels_are_for_people(path):
    write_verdicts(table()[:1].assign(source_label="Lyon", target_label="Lione"), path)
    assert "\tLyon\t" in path.read_text() and "\tLione\t" in path.read_text()


def test_the_standard_s_own_validator_finds_nothing(path):
    parsers = pytest.importorskip("sssom.parsers", reason="the package sssom is not installed")
    validators = pytest.importorskip("sssom.validators")
    write_verdicts(table(), path)
    found = validators.validate(parsers.parse_sssom_table(path), fail_on_error=False)
    assert not any(getattr(report, "results", report) for report in found.values())


def test_what_others_write_is_read(path):
    path.write_text(
        "#curie_map:\n#  a: http://a.org/\n"
        "subject_id\tpredicate_id\tpredicate_modifier\tobject_id\tmapping_justification\n"
        "a:1\towl:sameAs\t\ta:2\tsemapv:MappingReview\n"
        "a:1\tskos:exactMatch\tNot\ta:3\tsemapv:ManualMappingCuration\n"
    )
    assert read_verdicts(path)["verdict"].tolist() == ["same", "different"]


def test_an_alignment_is_no_verdict(path):
    write_alignment(pd.DataFrame({"source": ["a"], "target": ["b"]}), path)
    with pytest.raises(ValueError, match="expected verdicts.*1 rows and none.*ibmea review"):
        read_verdicts(path)


def test_rows_that_no_person_has_judged_are_left_out_and_counted(path):
    write_verdicts(table(), path)
    with path.open("a") as file:
        file.write("ns3:k\t\tskos:exactMatch\t\tns3:l\t\tsemapv:LexicalMatching\t\t\t0.9\t\n")
        file.write("ns3:k\t\tskos:broadMatch\t\tns3:l\t\tsemapv:ManualMappingCuration\t\t\t\t\n")
    with pytest.warns(UserWarning, match="2 of 7 rows are left out"):
        assert len(read_verdicts(path)) == 5


def test_no_verdict_is_a_file_too(path):
    write_verdicts(table([]), path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_verdicts(path).empty


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("a", "b", "sames", "", "", ""), "found 'sames' in row 0. Did you mean 'same'"),
        (("a", None, "same", "", "", ""), "Expected two entities for the verdict 'same'"),
        (("a", "b", "none", "", "", ""), "Expected one entity, and None for the other"),
        ((None, None, "none", "", "", ""), "Expected one entity"),
        (("", "b", "same", "", "", ""), "Expected ids as strings that are not empty"),
        ((1.5, "b", "same", "", "", ""), "Expected ids as strings"),
        (("a", "b", "same", "", "31.1.2026", ""), "Expected dates such as 2026-01-31"),
        (("a\ud800", "b", "same", "", "", ""), "lone surrogate"),
    ],
)
def test_what_is_no_verdict_is_told_and_nothing_written(path, row, said):
    with pytest.raises((ValueError, UnicodeEncodeError), match=said):
        write_verdicts(table([row]), path)
    assert not path.exists()


def test_a_column_that_is_missing_is_told(path):
    with pytest.raises(ValueError, match=r"columns source, target and verdict; found \['source'\]"):
        write_verdicts(pd.DataFrame({"source": ["a"]}), path)


def test_what_is_no_sssom_is_told(path, tmp_path):
    path.write_text("left\tright\na\tb\n")
    with pytest.raises(ValueError, match="subject_id"):
        read_verdicts(path)
    with pytest.raises(FileNotFoundError):
        read_verdicts(tmp_path / "none.tsv")
