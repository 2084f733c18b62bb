import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn.io import read_alignment, read_pairs, write_alignment
from ibmea_sklearn.io._text import from_iri, to_iri

NASTY = [
    "a b", "\t", "\n", "\r", "\r\n", '"', "'", "\\", "<x>", "#x", " x ", "1", "007", "nan", "é",
    "😀", "\u2028", "\ufeff", "\x00", "urn:ibmea:string:x", "urn:ibmea:integer:7", "http://x/%zz",
    "http://x/a b", 'http://dbpedia.org/resource/"Weird_Al"', "http://dbpedia.org/resource/Gül",
    "http://zh.dbpedia.org/resource/阿卜杜拉·居尔", "http://x/a#b", "http://x/a#b#c", "HP:0009124",
    "http://x/", "http://x", "urn:isbn:1", "/m/027rn", "https://x/?q=1,2&r=(3)", "source", "=1+1",
    "http://[::1]/", "a:b:c", "|", "a|b",
]  # fmt: skip
names = st.text(min_size=1) | st.sampled_from(NASTY)
integers = st.integers(-(2**60), 2**60)


@st.composite
def tables(draw):
    n = draw(st.integers(0, 5))
    columns = [
        draw(st.lists(draw(st.sampled_from([names, integers])), min_size=n, max_size=n))
        for _ in range(2)
    ]
    confidence = draw(st.lists(st.floats(0, 1), min_size=n, max_size=n))
    series = [
        pd.Series(c, dtype="int64" if c and isinstance(c[0], int) else object) for c in columns
    ]
    return pd.DataFrame({"source": series[0], "target": series[1], "confidence": confidence})


@pytest.mark.parametrize("name", ["a.sssom.tsv", "a.tsv", "a.csv", "a.parquet", "a.nt"])
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25
)
@given(table=tables())
@example(pd.DataFrame({"source": NASTY, "target": NASTY, "confidence": 0.5}))
def test_round_trip(tmp_path, name, table):
    assert write_alignment(table, tmp_path / name, min_confidence=0) == len(table)
    read = read_alignment(tmp_path / name)
    for side in ("source", "target"):
        assert read[side].tolist() == table[side].tolist()
        assert list(map(type, read[side].tolist())) == list(map(type, table[side].tolist()))
    kept = np.ones(len(table)) if name.endswith(".nt") else table["confidence"]
    np.testing.assert_array_equal(read["confidence"], kept)


@given(names | integers)
@example("urn:ibmea:string:x")
def test_iris_come_back(entity):
    assert from_iri(to_iri(entity)) == entity


@pytest.mark.parametrize("entity", NASTY)
def test_every_iri_passes_a_strict_parser(entity):
    oxigraph = pytest.importorskip("pyoxigraph")
    line = f"<{to_iri(entity)}> <http://x/p> <http://x/o> .".encode()
    (triple,) = oxigraph.parse(line, oxigraph.RdfFormat.N_TRIPLES)
    assert from_iri(triple.subject.value) == entity


@given(names)
def test_every_iri_of_any_name_passes_a_strict_parser(entity):
    oxigraph = pytest.importorskip("pyoxigraph")
    for iri in (to_iri(entity), to_iri(f"http://x/{entity}")):
        line = f"<{iri}> <http://x/p> <{iri}> .".encode()
        (triple,) = oxigraph.parse(line, oxigraph.RdfFormat.N_TRIPLES)
        assert triple.subject == triple.object


def test_sssom_is_as_the_standard_says(tmp_path):
    table = pd.DataFrame(
        {
            "source": ["http://x/a"],
            "target": ["http://y/v#a"],
            "confidence": [1.0],
            "object_label": ["A"],
            "rank": [1],
        }
    )
    metadata = {"license": "https://creativecommons.org/licenses/by/4.0/", "comment": "a: b # c"}
    write_alignment(table, tmp_path / "a.sssom.tsv", metadata=metadata)
    lines = (tmp_path / "a.sssom.tsv").read_text().splitlines()
    assert lines[:3] == ["#curie_map:", "#  ns1: http://x/", "#  ns2: http://y/v#"]
    header = yaml.safe_load("".join(line[1:] + "\n" for line in lines[:-2]))
    assert header["curie_map"]["column"] == "urn:ibmea:column:"
    assert header["mapping_set_id"].startswith("urn:uuid:")
    assert "#license: https://creativecommons.org/licenses/by/4.0/" in lines
    assert header["comment"] == "a: b # c"
    assert header["extension_definitions"] == [
        {"slot_name": "rank", "property": "column:rank", "type_hint": "xsd:integer"}
    ]
    assert lines[-2].split("\t") == [
        "subject_id", "predicate_id", "object_id", "mapping_justification", "confidence",
        "object_label", "rank",
    ]  # fmt: skip
    assert lines[-1].split("\t") == [
        "ns1:a", "skos:exactMatch", "ns2:a", "semapv:SemanticSimilarityThresholdMatching", "1.0",
        "A", "1",
    ]  # fmt: skip
    read = read_alignment(tmp_path / "a.sssom.tsv")
    assert read["rank"].tolist() == [1] and read["object_label"].tolist() == ["A"]
    assert read.attrs["comment"] == "a: b # c"
    assert read.attrs["license"] == metadata["license"]


def test_sssom_of_others(tmp_path):
    path = tmp_path / "others.tsv"
    path.write_text(
        "# curie_map:\n"
        "#   HP: http://purl.obolibrary.org/obo/HP_\n"
        '#   MP: "http://purl.obolibrary.org/obo/MP_"\n'
        "# creator_id:\n"
        "# - orcid:0000-0002-7356-1779\n"
        "# license: 'https://creativecommons.org/publicdomain/zero/1.0/'\n"
        "subject_id\tpredicate_id\tobject_id\tmapping_justification\tpredicate_modifier\tcomment\n"
        'HP:1\tskos:exactMatch\tMP:2\tsemapv:ManualMappingCuration\t\t"with ""quotes"""\n'
        "HP:2\tskos:exactMatch\tsssom:NoTermFound\tsemapv:ManualMappingCuration\t\t\n"
        "HP:3\tskos:broadMatch\tMP:4\tsemapv:ManualMappingCuration\t\t\n"
        "HP:4\tskos:exactMatch\tMP:5\tsemapv:ManualMappingCuration\tNot\t\n"
        "http://x/5\towl:sameAs\tMP:6\tsemapv:ManualMappingCuration\t\t\n"
    )
    read = read_alignment(path)
    obo = "http://purl.obolibrary.org/obo/"
    assert read["source"].tolist() == [obo + "HP_1", "http://x/5"]
    assert read["target"].tolist() == [obo + "MP_2", obo + "MP_6"]
    assert read["comment"].tolist() == ['with "quotes"', ""]
    assert read["confidence"].tolist() == [1, 1]
    assert read.attrs["creator_id"] == ["orcid:0000-0002-7356-1779"]


METADATA = [
    "no", "1.10", "2024-02-30", "a: b # c", " x ", "#", "- a", "{", "\u2028", "a\nb", "\r", "\x85",
    "~", "\ufeff", "\x00", "'", '"',
]  # fmt: skip
metadata_texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1) | st.sampled_from(
    METADATA
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(metadata_texts, st.lists(metadata_texts, max_size=3), st.dictionaries(metadata_texts, names))
@example("a", METADATA, dict.fromkeys(METADATA, "b"))
def test_metadata_come_back(tmp_path, text, several, others):
    table = pd.DataFrame({"source": ["http://x/a"], "target": ["b"]})
    metadata = {"comment": text, "creator_label": several, "other": others, "see_also": "1.0"}
    write_alignment(table, tmp_path / "a.tsv", metadata=metadata)
    read = read_alignment(tmp_path / "a.tsv")
    assert read["source"].tolist() == ["http://x/a"]
    assert {key: read.attrs[key] for key in metadata} == metadata


def test_types_that_yaml_has_and_has_not(tmp_path):
    table = pd.DataFrame({"source": ["a"], "target": ["b"]})
    metadata = {
        "mapping_date": datetime.date(2024, 2, 29),
        "mapping_set_confidence": np.float64(0.5),
        "creator_label": ("A", "B"),
        "mapping_set_source": tmp_path,
    }
    write_alignment(table, tmp_path / "a.tsv", metadata=metadata)
    attrs = read_alignment(tmp_path / "a.tsv").attrs
    assert attrs["mapping_date"] == "2024-02-29" and attrs["mapping_set_confidence"] == "0.5"
    assert attrs["creator_label"] == ["A", "B"] and attrs["mapping_set_source"] == str(tmp_path)


def test_text_stays_text_in_sssom(tmp_path):
    """YAML reads these as a number, a date, False and nothing."""
    (tmp_path / "a.tsv").write_text(
        "#mapping_set_version: 1.10\n#mapping_date: 2024-01-02\n#comment:\n"
        "#curie_map:\n#  no: http://n/\n#  1: http://one/\n"
        "subject_id\tobject_id\nno:a\t1:b\n"
    )
    read = read_alignment(tmp_path / "a.tsv")
    assert read.iloc[0, :2].tolist() == ["http://n/a", "http://one/b"]
    assert read.attrs["mapping_set_version"] == "1.10"
    assert read.attrs["mapping_date"] == "2024-01-02" and read.attrs["comment"] == ""


def test_nothing_in_the_metadata_is_run(tmp_path):
    trap = tmp_path / "trap"
    header = f"#comment: !!python/object/apply:os.mkdir [{str(trap)!r}]\n"
    (tmp_path / "a.tsv").write_text(header + "subject_id\tobject_id\nurn:a:b\turn:c:d\n")
    assert read_alignment(tmp_path / "a.tsv").attrs["comment"] == [str(trap)]
    assert not trap.exists()
    yaml.unsafe_load(header[1:])  # the trap is a real one
    assert trap.exists()


@pytest.mark.parametrize("nested", ["#comment: " + "[" * 5000, "#curie_map: " + '{"a": ' * 5000])
def test_metadata_nested_deeply_is_refused(tmp_path, nested):
    (tmp_path / "a.tsv").write_text(f"#license: x\n{nested}\nsubject_id\tobject_id\n")
    with pytest.raises(
        ValueError, match=r"a\.tsv, line 2: expected .* \(it is nested too deeply\)"
    ):
        read_alignment(tmp_path / "a.tsv")


def test_given_prefixes_are_used(tmp_path):
    table = pd.DataFrame({"source": ["http://d/Lyon"], "target": ["http://e/Lyon"]})
    metadata = {"curie_map": {"dbr": "http://d/"}, "predicate_id": "owl:sameAs"}
    write_alignment(table, tmp_path / "a.tsv", metadata=metadata)
    last = (tmp_path / "a.tsv").read_text().splitlines()[-1].split("\t")
    assert last[:3] == ["dbr:Lyon", "owl:sameAs", "ns1:Lyon"]
    assert read_pairs(tmp_path / "a.tsv").tolist() == [["http://d/Lyon", "http://e/Lyon"]]


@pytest.mark.parametrize("name", ["a.tsv", "a.csv", "a.parquet"])
def test_other_columns_are_kept(tmp_path, name):
    table = pd.DataFrame(
        {"score": [0.5, 2.25], "source": ["a", "b"], "target": [1, 2], "rank": [1, 3],
         "note": ["x\ry", "007"], "confidence": [0.5, 1.0]}
    )  # fmt: skip
    write_alignment(table, tmp_path / name)
    read = read_alignment(tmp_path / name)
    assert read.columns.tolist() == ["source", "target", "confidence", "score", "rank", "note"]
    for column in table:
        values = pd.to_numeric(read[column]) if column == "score" else read[column]
        assert values.tolist() == table[column].tolist()


@pytest.mark.parametrize(
    "name, text",
    [
        ("seeds.tsv", "a\tx\nb\ty\n"),
        ("seeds.csv", "source,target\na,x\nb,y\n"),
        ("seeds.csv", "id,left,right\n1,a,x\n2,b,y\n"),
        ("seeds.txt", "a\tx\r\nb\ty\r\n"),
        ("ent_links", "a\tx\nb\ty"),
        ("seeds.tsv", "subject_id\tobject_id\nhttp://s/a\thttp://s/x\nhttp://s/b\thttp://s/y\n"),
        ("seeds.nt", "# links\n\n<a> <http://www.w3.org/2002/07/owl#sameAs> <x> .\n"
         "_:n <http://p> \"<q> .\" .\n"
         "<\\u0062> <http://www.w3.org/2004/02/skos/core#exactMatch> <y> . # two\n"
         "<a> <http://p> <y> .\n"),
        ("seeds.ttl", "@prefix owl: <http://www.w3.org/2002/07/owl#> .\n"
         "<http://s/a> owl:sameAs <http://s/x> . <http://s/b> owl:sameAs <http://s/y> ."),
    ],
)  # fmt: skip
def test_pairs(tmp_path, name, text):
    (tmp_path / name).write_bytes(text.encode())
    pairs = read_pairs(tmp_path / name)
    assert [[v.removeprefix("http://s/") for v in pair] for pair in pairs] == [
        ["a", "x"],
        ["b", "y"],
    ]


def test_integer_pairs(tmp_path):
    (tmp_path / "seeds.tsv").write_text("0\t10500\n1\t10501\n")
    pairs = read_pairs(tmp_path / "seeds.tsv")
    assert pairs.dtype == np.int64 and pairs.tolist() == [[0, 10500], [1, 10501]]


def test_sample_of_real_links():
    pairs = read_pairs(Path(__file__).parent / "data" / "zh_en" / "ill_ent_ids")
    assert pairs.dtype == np.int64 and pairs[0].tolist() == [0, 10500] and len(pairs) == 5


def test_real_links(data_home):
    pairs = read_pairs(data_home / "zh_en" / "ill_ent_ids")
    assert pairs.shape == (15000, 2) and pairs.dtype == np.int64


@pytest.mark.parametrize(
    "name, data, message",
    [
        ("a.csv", b"a,x\nb\n", "a.csv, line 2: expected 2 fields, as in the first line; found 'b'"),
        ("a.csv", b"\n\na,x\n\nb\n", "a.csv, line 5: expected 2 fields, as in the first line"),
        ("a.tsv", b"a x\nb y\n", "a.tsv, line 1: expected at least two columns"),
        (
            "a.tsv",
            b"\na,b\nc,d\n",
            "a.tsv, line 2: expected at least two columns: source and target; found one column: "
            "'a,b'. The fields of .tsv are separated by tabs; name the file .csv.",
        ),
        ("a.csv", b"a\tb\n", "The fields of .csv are separated by commas; name the file .tsv."),
        ("a.csv", b"a b\n", "found one column: 'a b'. The fields of .csv are separated by commas."),
        ("a.tsv", b"", "a.tsv; found an empty file. Write one pair of ids a line."),
        ("a.csv", b"\xef\xbb\xbf\n", "a.csv; found an empty file. Write one pair of ids a line."),
        ("a.tsv", b"a\t\xe9\n", "found byte 0xe9 at offset 2, in line 1"),
        ("a.nt", b"<a> <b> <c> .\nnonsense\n", "a.nt, line 2: expected a triple of N-Triples"),
        (
            "a.csv",
            b"source,target,confidence\na,x,1\nb,y,high\n",
            "row 2 of the table: exp",
        ),
        ("a.csv", b"source,target,confidence\na,x,1.5\n", "from 0 to 1; found '1.5'"),
        (
            "a.csv",
            b"a,x\nb,\n",
            "row 2 of the table: expected the target entity of a",
        ),
        ("a.tsv", b"#x\nsubject_id\tobject_id\n", "line 1: expected 'key: value' in the metadata"),
        ("a.tsv", b"#a: b\n#- c\ns\to\n", "line 2: expected 'key: value' in the met"),
        ("a.tsv", b"#a: b\n\n#c: d: e\ns\to\n", "line 3: expected 'key: value' in the metadata"),
        ("a.tsv", b"#a: b\n#c: [d\ns\to\n", "line 2: expected 'key: value' in the met"),
        (
            "a.tsv",
            b"#a: b\n#c: \x01\ns\to\n",
            "line 2: expected 'key: value' in the met",
        ),
        ("a.tsv", b"#a: b\n#curie_map: c\ns\to\n", "line 2: expected 'prefix: namespace' in each"),
        (
            "a.tsv",
            b"#curie_map:\n#  HP: [c]\ns\to\n",
            "line 1: expected 'prefix: namespace' in",
        ),
        ("a.tsv", b"#extension_definitions: c\ns\to\n", "line 1: expected a list of '- slot_name"),
        ("a.tsv", b"#a: b\nsubject\tobject_id\n", "line 2: expected the columns"),
        ("a.tsv", b"#a: b\nsubject_id\tobject_id\nHP:1\tMP:2\n", "curie_map declares"),
        ("a.tsv", b"#a: b\nsubject_id\tobject_id\nHP:1\n", "a.tsv, line 3: expected 2 fields"),
        ("a.tsv", b"#a: b\n\nsubject_id\tobject_id\nHP:1\n", "a.tsv, line 4: expected 2 fields"),
        ("a.tsv", b"#a: b\n\n", "below the metadata; found the end of the file. Write the table"),
    ],
)
def test_bad_files(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError) as error:
        read_alignment(tmp_path / name)
    assert message in str(error.value) and str(tmp_path / name) in str(error.value)


@pytest.mark.parametrize(
    "name, text, line, column",
    [
        ("a.csv", "left,right,source\na,x,wiki\n", 1, "source"),
        ("a.csv", "\nSource,target,note,target\na,x,1,2\n", 2, "target"),
        ("a.csv", "source,target,note,note\na,x,1,2\n", 1, "note"),
        ("a.csv", "source,target,confidence,confidence\na,x,1,1\n", 1, "confidence"),
        ("a.tsv", "#a: b\nsubject_id\tobject_id\tnote\tnote\nurn:a:b\turn:c:d\t\t\n", 2, "note"),
        (
            "a.tsv",
            "#extension_definitions:\n#  - slot_name: source\n"
            "subject_id\tobject_id\tsource\nurn:a:b\turn:c:d\twiki\n",
            3,
            "source",
        ),
    ],
)
def test_two_columns_of_one_name(tmp_path, name, text, line, column):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError) as error:
        read_alignment(tmp_path / name)
    message = str(error.value)
    assert message.startswith(f"{tmp_path / name}, line {line}: expected columns of different name")
    assert message.endswith(f"found another column {column!r}. Rename it.")


def test_names_of_columns_in_any_case(tmp_path):
    (tmp_path / "a.csv").write_text("Left,Right,Confidence,Left note\na,x,0.25,new\n")
    read = read_alignment(tmp_path / "a.csv")
    assert read.columns.tolist() == ["source", "target", "confidence", "Left note"]
    assert read.iloc[0].tolist() == ["a", "x", 0.25, "new"]


def test_other_columns_may_resemble_those_of_the_ids(tmp_path):
    table = pd.DataFrame(
        {"source": ["a"], "target": ["x"], "confidence": [0.5], "left": ["b"], "Confidence": ["?"]}
    )
    write_alignment(table, tmp_path / "a.csv")
    pd.testing.assert_frame_equal(read_alignment(tmp_path / "a.csv"), table, check_dtype=False)


@pytest.mark.parametrize("names", [["target", "entity"], ["entity", "source"]])
def test_one_name_tells_both_columns(tmp_path, names):
    pytest.importorskip("pyarrow")
    pd.DataFrame([["a", "b"]], columns=names).to_parquet(tmp_path / "a.parquet")
    read = read_alignment(tmp_path / "a.parquet")
    assert read[["source", "target"]].to_numpy().tolist() == [["b", "a"]]


def test_parquet_of_one_column(tmp_path):
    pytest.importorskip("pyarrow")
    pd.DataFrame({"source": ["a"]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"a.parquet: expected at least two .*; found source\."):
        read_alignment(tmp_path / "a.parquet")


@pytest.mark.parametrize("text", ["\n\r\na,x\n\nb,y\n", "\nleft,right\n\na,x\nb,y\n\n"])
def test_blank_lines_are_skipped(tmp_path, text):
    (tmp_path / "a.csv").write_bytes(text.encode())
    assert read_pairs(tmp_path / "a.csv").tolist() == [["a", "x"], ["b", "y"]]


def test_blank_lines_before_quotes(tmp_path):
    # The first row of ids tells strings of digits from integers.
    (tmp_path / "a.csv").write_text('\nsource,target\n\n"1",2\n')
    assert read_pairs(tmp_path / "a.csv").tolist() == [["1", 2]]


def test_blank_lines_in_sssom(tmp_path):
    text = "\n#a: b\n\nsubject_id\tobject_id\n\nurn:a:b\turn:c:d\n"
    (tmp_path / "a.tsv").write_text(text)
    read = read_alignment(tmp_path / "a.tsv")
    assert read[["source", "target"]].to_numpy().tolist() == [["urn:a:b", "urn:c:d"]]
    assert read.attrs["a"] == "b"


def test_a_csv_file_with_names_of_sssom_is_no_sssom(tmp_path):
    (tmp_path / "a.csv").write_text("subject_id,object_id\nParis,Q90\n")
    assert read_pairs(tmp_path / "a.csv").tolist() == [["Paris", "Q90"]]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("7,7\n8,-8\n", [["7", 7], ["8", -8]]),
        ('"7","7"\n"8","-8"\n', [["7", 7], ["8", -8]]),
        ("7,x\n8,-8\n", [["7", "x"], ["8", "-8"]]),
        (f"7,7\n8,{10**30}\n", [["7", "7"], ["8", str(10**30)]]),
    ],
)
def test_ids_take_the_type_of_the_graphs(tmp_path, text, expected):
    graphs = KnowledgeGraph([("7", "r", "8")]), KnowledgeGraph([(7, "r", -8)])
    (tmp_path / "seeds.csv").write_text(text)
    assert read_pairs(tmp_path / "seeds.csv", graphs=graphs).tolist() == expected


def test_confidences_stay_where_ids_take_the_type_of_the_graphs(tmp_path):
    graphs = KnowledgeGraph([("7", "r", "8")]), KnowledgeGraph([(7, "r", -8)])
    (tmp_path / "a.csv").write_text("source,target,confidence,note\n7,7,0.5,x\n8,-8,1,y\n")
    table = read_alignment(tmp_path / "a.csv", graphs=graphs)
    assert table.to_numpy().tolist() == [["7", 7, 0.5, "x"], ["8", -8, 1.0, "y"]]


def test_integers_of_both_graphs(tmp_path):
    kg = KnowledgeGraph([(7, "r", 8)])
    (tmp_path / "seeds.csv").write_text('"7","8"\n')
    assert read_pairs(tmp_path / "seeds.csv", graphs=(kg, kg)).dtype == np.int64


def test_unsure_matches_are_no_links(tmp_path):
    table = pd.DataFrame({"source": list("abc"), "target": list("xyz"), "confidence": [1, 0.9, 0]})
    with pytest.warns(UserWarning, match="1 of 3 matches have a confidence below 0.9 .* a.nt"):
        assert write_alignment(table, tmp_path / "a.nt") == 2
    assert read_alignment(tmp_path / "a.nt")["source"].tolist() == ["a", "b"]
    for least, n in ((0, 3), (0.95, 1)):
        assert write_alignment(table, tmp_path / "a.nt", min_confidence=least) == n
    assert write_alignment(table, tmp_path / "a.csv") == 3
    with pytest.raises(ValueError, match="min_confidence"):
        write_alignment(table, tmp_path / "a.csv", min_confidence=90)


def test_missing_file(tmp_path):
    for name in ("a.tsv", "a.parquet", "a.nt"):
        with pytest.raises(FileNotFoundError, match="Expected a file .*; found none"):
            read_alignment(tmp_path / name)


@pytest.mark.parametrize(
    "columns, message",
    [
        ({"left": ["a"], "right": ["b"]}, "Expected the columns source, target and confidence"),
        ({"confidence": [1.5]}, "Expected confidences from 0 to 1; found 1.5 in row 0"),
        ({"confidence": [float("nan")]}, "Expected confidences from 0 to 1; found nan in row 0"),
        ({"source": [""]}, "Expected ids as strings that are not empty"),
        ({"target": [0.5]}, "found floating values such as 0.5"),
        ({"target": [None]}, "in the column 'target'"),
        ({"my column": [1]}, "found 'my column'. Rename the column"),
    ],
)
def test_bad_tables(tmp_path, columns, message):
    table = columns if "left" in columns else {"source": ["a"], "target": ["b"]} | columns
    with pytest.raises(ValueError, match=message):
        write_alignment(pd.DataFrame(table), tmp_path / "a.tsv")
    assert not list(tmp_path.iterdir())


def test_unknown_format(tmp_path):
    table = pd.DataFrame({"source": ["a"], "target": ["b"]})
    with pytest.raises(
        ValueError, match=r"Expected a file name that ends in .tsv, .nt, .csv, .par"
    ):
        write_alignment(table, tmp_path / "a.xlsx")
    with pytest.raises(ValueError, match="Expected metadata for SSSOM only; found it for 'csv'"):
        write_alignment(table, tmp_path / "a.csv", metadata={"license": "x"})


def test_format_overrides_the_suffix(tmp_path):
    table = pd.DataFrame({"source": ["a"], "target": ["b"]})
    write_alignment(table, tmp_path / "a.txt", format="sssom")
    assert read_pairs(tmp_path / "a.txt").tolist() == [["a", "b"]]


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_a_first_id_may_begin_with_a_number_sign(tmp_path, suffix):
    sep = {"csv": ",", "tsv": "\t"}[suffix]
    path = tmp_path / f"seeds.{suffix}"
    path.write_text(f"#1{sep}x\n#2{sep}y\n3{sep}z\n")
    assert read_pairs(path).tolist() == [["#1", "x"], ["#2", "y"], ["3", "z"]]
