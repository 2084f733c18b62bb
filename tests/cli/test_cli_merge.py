"""``ibmea merge``: two graphs and an alignment in, one graph out, and the counts."""

import pandas as pd
import pytest

from ibmea_sklearn.io import read_alignment, read_graph, write_alignment, write_graph, write_pair


@pytest.fixture
def inputs(toy_pair, tmp_path):
    """Both graphs as tables, and an alignment of which a half is sure."""
    for name, kg in (("one", toy_pair.kg1), ("two", toy_pair.kg2)):
        write_graph(kg, tmp_path / name)
    table = pd.DataFrame(toy_pair.links, columns=["source", "target"])
    table["confidence"] = [0.9 if i % 2 else 0.2 for i in range(len(table))]
    write_alignment(table, tmp_path / "a.tsv")
    return tmp_path / "one", tmp_path / "two", "--matches", tmp_path / "a.tsv"


@pytest.mark.parametrize("name", ["out", "out.nq", "out.nt", "out.ttl"])
def test_one_graph_comes_out(ibmea, toy_pair, inputs, tmp_path, name):
    result = ibmea("merge", *inputs, "-o", tmp_path / name, "--quiet")
    assert result.exit_code == 0, result.output
    n = toy_pair.kg1.n_entities + toy_pair.kg2.n_entities - 80
    lines = result.output.splitlines()
    assert lines[:2] == ["Matches: 80 used, 0 cut", f"Entities: {n}, of them 80 of both graphs"]
    assert lines[2].startswith("Facts: ") and lines[3].startswith("Conflicts: ")
    assert (tmp_path / name).exists()
    if name == "out":
        assert read_graph(tmp_path / name).n_entities == n


def test_matches_below_a_confidence_are_cut(ibmea, inputs, tmp_path):
    result = ibmea("merge", *inputs, "-o", tmp_path / "out", "--min-confidence", 0.5)
    assert "Matches: 40 used, 40 cut" in result.output


def test_relations_are_united_by_what_they_say(ibmea, toy_pair, inputs, tmp_path):
    schema = tmp_path / "schema.tsv"
    result = ibmea("merge", *inputs, "-o", tmp_path / "out", "--schema", schema, "--ids", "right")
    assert result.exit_code == 0, result.output
    found = read_alignment(schema)
    assert set(found["source"]) <= {*toy_pair.kg1.relation_names, *toy_pair.kg1.attribute_names}
    n = toy_pair.kg1.n_relations + toy_pair.kg2.n_relations
    assert read_graph(tmp_path / "out").n_relations < n


def test_a_folder_of_both_has_links_of_its_own(ibmea, pair_folder, toy_pair, tmp_path):
    result = ibmea("merge", pair_folder, "-o", tmp_path / "out")
    assert f"Matches: {len(toy_pair.links)} used, 0 cut" in result.output


def test_policies_by_attribute(ibmea, inputs, toy_pair, tmp_path):
    name = str(toy_pair.kg1.attribute_names[0])
    for values in (["right"], [f"{name}=left"], []):
        options = [part for value in values for part in ("--values", value)]
        result = ibmea("merge", *inputs, "-o", tmp_path / "out", *options)
        assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "out", "--ids", "lft"], "Expected --ids left or right; found 'lft'. Did you mean"),
        (["-o", "out", "--min-confidence", "2"], "Expected --min-confidence to be a number in"),
        (["-o", "out", "--values", "newst"], "found 'newst'. Did you mean 'newest'"),
        (["-o", "out", "--values", "left", "--values", "a=left"], "found left and a=left"),
        (
            ["-o", "out", "--values", "nothing=left"],
            "attributes of the merged graph; found 'nothing'",
        ),
        (["-o", "out.json"], "Expected --output to end in .nq, .nt, .ttl, or to be a folder"),
        (["-o", "out", "--schema", "s.json"], "Expected --schema to end in .tsv"),
        (["-o", "out", "--matches", "none.tsv"], "Expected a file none.tsv; found none"),
        (["-o", "a.tsv"], "to name a place of its own"),
        (["-o", "one"], "to name a place of its own"),
        (["-o", "out", "--schema", "a.tsv"], "to name a place of its own"),
        (["-o", "m.nt", "--schema", "m.nt"], "to name a place of its own"),
    ],
)
def test_wrong_input_is_one_sentence(ibmea, inputs, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    result = ibmea("merge", *inputs, *options)
    assert result.exit_code == 2, result.output
    assert message in result.stderr.replace("\n", " ")
    assert not (tmp_path / "out" / "entities.csv").exists()


@pytest.mark.parametrize("name", ["new.ttl", "new.nt"])
def test_a_file_in_a_folder_of_rdf_would_be_a_part_of_it(ibmea, inputs, tmp_path, name):
    pytest.importorskip("pyoxigraph")
    (tmp_path / "rdf").mkdir()
    (tmp_path / "rdf" / "g.ttl").write_text("<http://x/a> <http://x/r> <http://x/b> .")
    graphs = (tmp_path / "rdf", inputs[1])
    result = ibmea("merge", *graphs, *inputs[2:], "-o", tmp_path / "rdf" / name)
    assert result.exit_code == 2 and "to name a place of its own" in result.stderr


def test_two_graphs_without_matches_are_told_how_to_get_some(ibmea, inputs, tmp_path):
    result = ibmea("merge", *inputs[:2], "-o", tmp_path / "out")
    assert result.exit_code == 2 and "ibmea align" in result.stderr


def test_an_alignment_that_is_not_one_to_one_is_told(ibmea, inputs, tmp_path, toy_pair):
    (left, right), (other, _) = toy_pair.links[:2].tolist()
    (tmp_path / "many.csv").write_text(f"source,target\n{left},{right}\n{other},{right}\n")
    result = ibmea("merge", *inputs[:3], tmp_path / "many.csv", "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert "keep the surest match of each entity" in result.stderr.replace("\n", " ")


def test_numbers_in_the_alignment_are_texts_in_the_graph(ibmea, tmp_path):
    (tmp_path / "g.csv").write_text('head,relation,tail\n"1",r,x\n')
    (tmp_path / "m.csv").write_text("source,target\n1,1\n")
    graphs = (tmp_path / "g.csv", tmp_path / "g.csv")
    result = ibmea("merge", *graphs, "--matches", tmp_path / "m.csv", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "Matches: 1 used" in result.output


def test_what_was_merged_can_be_merged_again(ibmea, toy_pair, tmp_path):
    write_pair(toy_pair.kg1, toy_pair.kg2, toy_pair.links, tmp_path / "pair")
    assert ibmea("merge", tmp_path / "pair", "-o", tmp_path / "out").exit_code == 0
    result = ibmea(
        *("merge", tmp_path / "out", tmp_path / "pair" / "kg2"),
        *("--matches", tmp_path / "pair" / "links.csv", "-o", tmp_path / "again"),
    )
    assert result.exit_code == 0, result.output
