"""``ibmea info``: what is in a file or folder."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from ibmea_sklearn import KnowledgeGraph, check_pair
from ibmea_sklearn.io import write_alignment, write_graph, write_pair


def rows_of(output):
    """Cells of the table by the name of their row."""
    cells = [[c.strip() for c in re.split("[|│┃]", line)[1:-1]] for line in output.splitlines()]
    return {name: values for name, *values in filter(None, cells)}


def test_a_pair(ibmea, pair_folder, toy_pair):
    result = ibmea("info", pair_folder)
    assert result.exit_code == 0
    assert result.output.startswith(f"{pair_folder}: folder of two graphs\n")
    rows = rows_of(result.output)
    assert rows[""] == ["kg1", "kg2"]
    assert rows["entities"] == ["90", "90"]
    graphs = (toy_pair.kg1, toy_pair.kg2)
    assert rows["relation triples"] == [f"{len(kg.relation_triples):,}" for kg in graphs]
    assert rows["image features"] == ["32 columns", "32 columns"]
    shares = [f"{kg.modalities['image']:.1%}" for kg in graphs]
    assert rows["entities with image"] == shares
    assert "80 links" in result.output
    assert "left: 88.9% of the entities have a link\n" in result.output


def test_one_graph(ibmea, toy_pair, tmp_path):
    write_graph(toy_pair.kg1, tmp_path / "cities", format="tsv")
    result = ibmea("info", tmp_path / "cities")
    assert f"{tmp_path / 'cities'}: tables\n" in result.output
    assert rows_of(result.output)[""] == ["cities"]
    assert "links" not in result.output


def test_links_that_are_wrong_are_counted(ibmea, pair_folder, tmp_path):
    for side in ("kg1", "kg2"):
        (tmp_path / side).symlink_to(pair_folder / side)
    (tmp_path / "links.tsv").write_text("a1\tb1\na2\tb1\na999\tb2\n")
    output = ibmea("info", tmp_path).output
    assert "left: 2.2% of the entities have a link; 1 linked ids are unknown\n" in output
    assert "right: 2.2% of the entities have a link; 1 links repeat an entity\n" in output


def test_an_alignment(ibmea, tmp_path):
    table = pd.DataFrame(
        {"source": ["a", "b", "c"], "target": ["x", "y", "x"], "confidence": [1, 0.25, 0.5]}
    )
    write_alignment(table, tmp_path / "a.tsv")
    output = ibmea("info", tmp_path / "a.tsv").output
    assert "alignment (SSSOM)" in output
    assert "3 pairs of 3 and 2 entities" in output
    assert "confidence 0.25 to 1.00, 2 >= 0.5" in output


@pytest.mark.parametrize("name", ["links.csv", "links.parquet", "links.nt"])
def test_an_alignment_in_any_format(ibmea, tmp_path, name):
    table = pd.DataFrame({"source": ["a", "b"], "target": ["x", "y"], "confidence": [1.0, 1.0]})
    write_alignment(table, tmp_path / name)
    output = ibmea("info", tmp_path / name).output
    form = "owl:sameAs" if name.endswith("nt") else "table"
    assert output.startswith(f"{tmp_path / name}: alignment ({form})\n")
    assert "2 pairs of 2 and 2 entities" in output and "entities with" not in output


def test_seeds_with_names_of_columns(ibmea, tmp_path):
    (tmp_path / "seeds.csv").write_text("Left,Right,Confidence\nParis,Q90,0.75\n")
    output = ibmea("info", tmp_path / "seeds.csv").output
    assert "1 pairs of 1 and 1 entities" in output and "confidence 0.75 to 0.75" in output


def test_a_table_of_triples_is_a_graph(ibmea, tmp_path):
    (tmp_path / "g.csv").write_text("subject,predicate,object\na,knows,b\n")
    result = ibmea("info", tmp_path / "g.csv")
    assert rows_of(result.output)["relation triples"] == ["1"]


@pytest.mark.parametrize("name", ["zh_en", "mmkg"])
def test_real_folders(ibmea, data_home, tmp_path, name):
    folder = data_home / name
    if name == "mmkg":  # two graphs, whether or not the third one of MMKG is there
        folder = tmp_path / name
        folder.mkdir()
        for graph in ("FB15K", "DB15K"):
            (folder / graph).symlink_to(data_home / name / graph)
    result = ibmea("info", folder)
    rows = rows_of(result.output)
    if name == "zh_en":
        assert "zh_en: DBP15K folder" in result.output
        assert rows["relation triples"] == ["70,414", "95,142"]
        assert "15,000 links" in result.output
    else:
        assert "mmkg: MMKG folder" in result.output
        assert rows["relation triples"] == ["592,213", "89,197"]
        assert "12,842 links" in result.output


@pytest.mark.parametrize("content", [None, "nothing known"])
def test_what_is_not_recognised(ibmea, tmp_path, content):
    path = tmp_path / "thing.xyz"
    if content:
        path.write_text(content)
    result = ibmea("info", path)
    assert result.exit_code == 2
    assert f"Expected a graph, a pair of graphs or an alignment in {path}" in result.stderr


def test_sparse_features_that_point_outside_are_told(ibmea, tmp_path):
    kg = KnowledgeGraph([("a", "in", "b"), ("b", "in", "c")])
    write_graph(kg.with_features(image=sparse.csr_array(np.eye(3, dtype="f4"))), tmp_path)
    path = tmp_path / "features" / "image.npz"
    arrays = dict(np.load(path))
    arrays["indptr"][1] = 10**8
    np.savez(path, **arrays)
    result = ibmea("info", tmp_path)
    assert result.exit_code == 2
    assert "Expected image features as a sparse matrix whose indptr" in result.stderr


def test_what_a_pair_gives_away_is_said_on_request(ibmea, tmp_path):
    ids = [f"x:e{i}" for i in range(8)]
    kg1 = KnowledgeGraph([(a, "next", b) for a, b in zip(ids, ids[1:], strict=False)])
    kg2 = KnowledgeGraph([(i.replace("x:", "y:"), "in", "y:all") for i in ids])
    links = np.array([(i, i.replace("x:", "y:")) for i in ids], object)
    write_pair(kg1, kg2, links, tmp_path / "pair")
    said = "Equal last parts of the ids alone have a Hits@1 of 1.000."
    assert said not in ibmea("info", tmp_path / "pair").output
    assert f"\n{said}\n" in ibmea("info", tmp_path / "pair", "--check").output
    told = json.loads(ibmea("info", tmp_path / "pair", "--check", "--json").output)
    assert told["check"] == json.loads(json.dumps(check_pair(kg1, kg2, links).to_dict()))


@pytest.mark.parametrize("kind", ["graph", "alignment", "linkless"])
def test_only_a_pair_with_links_can_be_checked(ibmea, tmp_path, toy_pair, kind):
    path = tmp_path / ("a.csv" if kind == "alignment" else "a")
    if kind == "alignment":
        write_alignment(pd.DataFrame({"source": ["a"], "target": ["b"], "confidence": [1.0]}), path)
    elif kind == "graph":
        write_graph(toy_pair.kg1, path)
    else:
        write_pair(toy_pair.kg1, toy_pair.kg2, toy_pair.links[:0], path)
    result = ibmea("info", path, "--check")
    assert result.exit_code == 2
    assert "Expected a pair of graphs with links for --check; found none in" in result.stderr
