"""The result: tables against plain loops, JSON there and back, text, badge."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from ibmea_sklearn import KnowledgeGraph, PropagationAligner, Protocol, compare
from ibmea_sklearn.evaluation import Comparison
from ibmea_sklearn.metrics import hits_difference, holm

PROTOCOL = Protocol(0.4, matchings=["csls", "cosine"])


@pytest.fixture(scope="module")
def found(pair, by_images):
    few = by_images["few"]
    third = type(few)(few.left[:, :2], few.right[:, :2])
    return compare({**by_images, "third": third}, {"toy": pair}, [0, 1, 2], PROTOCOL)


def test_means_and_deviations_are_those_of_the_runs(found):
    runs, table = found.runs_frame(), found.to_frame().set_index("aligner")
    for aligner, group in runs.groupby("aligner"):
        row = table.loc[aligner]
        assert row["hits@1"] == pytest.approx(np.mean(group["hits@1"].tolist()))
        assert row["hits@1_std"] == pytest.approx(np.std(group["hits@1"].tolist(), ddof=1))
        for name in ("hits@1_cosine", "hits@1_right_to_left", "hits@10", "mrr", "by_predict"):
            assert row[name] == pytest.approx(np.mean(group[name].tolist()))
        assert row["peak_memory_mib"] == group["peak_memory_mib"].max()
    assert table["n_runs"].tolist() == [3, 3, 3]


def test_differences_are_by_the_same_pairs_of_all_seeds(found):
    table = found.differences()
    assert table[["aligner", "other"]].to_numpy().tolist() == [
        ["all", "few"], ["all", "third"], ["few", "third"],
    ]  # fmt: skip
    for row in table.itertuples():
        hits, pairs = {row.aligner: [], row.other: []}, []
        for run in found.runs:
            if run["aligner"] in hits:
                hits[run["aligner"]] += [rank == 1 for rank in run["ranks"]["left_to_right"]]
                pairs += run["test"] if run["aligner"] == row.aligner else []
        expected = hits_difference(*hits.values(), pairs)
        assert (row.difference, row.low, row.high, row.pvalue, row.n_pairs) == expected
        means = found.to_frame().set_index("aligner")["hits@1"]
        assert row.difference == pytest.approx(means[row.aligner] - means[row.other])
    assert table["pvalue_holm"].tolist() == holm(table["pvalue"]).tolist()
    assert table["seeds"].tolist() == [(0, 1, 2)] * 3


def test_a_reference_has_fewer_tests(found):
    table = found.differences("few")
    assert table[["aligner", "other"]].to_numpy().tolist() == [["all", "few"], ["third", "few"]]
    every = found.differences().set_index(["aligner", "other"])
    assert table["difference"][0] == every.loc[("all", "few"), "difference"]
    assert table["pvalue_holm"][0] <= every.loc[("all", "few"), "pvalue_holm"]


def test_only_seeds_that_both_have_are_compared(found):
    runs = [r for r in found.runs if (r["aligner"], r["seed"]) != ("few", 1)]
    table = Comparison(PROTOCOL, runs, {}, {}).differences("few")
    assert table["seeds"].tolist() == [(0, 2)] * 2


def test_json_there_and_back(found, tmp_path):
    text = found.to_json(tmp_path / "new" / "c.json")
    assert (tmp_path / "new" / "c.json").read_text() == text
    again = Comparison.from_json(tmp_path / "new" / "c.json")
    assert again.to_frame().equals(found.to_frame())
    assert again.cite() == found.cite() and again.to_json() == text
    told = json.loads(text)
    assert told["protocol_digest"] == PROTOCOL.digest
    assert told["checks"]["toy"]["links"]["pairs"] == 60
    assert {"table", "differences", "runs", "digests"} <= told.keys()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"content": "x"}', '{"content": null}'])
def test_no_comparison_in_a_file(tmp_path, text):
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(ValueError, match="Expected a comparison"):
        Comparison.from_json(tmp_path / "c.json")


def test_a_comparison_that_was_changed(found, tmp_path):
    text = found.to_json()
    (tmp_path / "c.json").write_text(text.replace('"train_ratio": 0.4', '"train_ratio": 0.3'))
    with pytest.raises(ValueError, match="or was changed"):
        Comparison.from_json(tmp_path / "c.json")


def test_text_html_and_markdown_have_all(found):
    for said in (repr(found), found._repr_html_(), found.to_markdown()):
        for part in ("all", "few", "third", PROTOCOL.digest, "less", "CSLS", "60%"[:0]):
            assert part in said
    lines = found.to_markdown().splitlines()
    rows = [line for line in lines if line.startswith("| toy ")]
    assert len(rows) == 6 and len({line.count("|") for line in rows[:3]}) == 1


def test_names_of_aligners_are_text(pair, by_images):
    found = compare({"<b>|x": by_images["all"]}, {"t|y": pair}, 0, PROTOCOL)
    assert "&lt;b&gt;|x" in found._repr_html_() and "<b>|x" not in found._repr_html_()
    (row,) = [line for line in found.to_markdown().splitlines() if line.startswith("| t")]
    assert row.startswith("| t\\|y | <b>\\|x |")


def test_names_alone_stand_beside_rows_that_use_names(by_images):
    ids = [f"x:e{i}" for i in range(60)]
    triples = [(a, "next", b) for a, b in zip(ids, ids[1:], strict=False)]
    kg1 = KnowledgeGraph(triples, names="id")
    kg2 = KnowledgeGraph([(h.replace("x:", "y:"), r, t.replace("x:", "y:")) for h, r, t in triples])
    links = np.array([(i, i.replace("x:", "y:")) for i in ids], object)
    how = {"propagation__n_components": 16}
    aligners = {
        "named": PropagationAligner().set_params(**how),
        "vectors": type(by_images["all"])(np.eye(60), np.eye(60)),
    }
    found = compare(aligners, {"toy": (kg1, kg2, links)}, 0, Protocol(0.4, names="id"))
    assert found.to_frame()["names_alone"].tolist()[0] == 1
    assert np.isnan(found.to_frame()["names_alone"][1])
    assert "Names alone" in repr(found)
    assert "toy: Equal names alone have a Hits@1 of 1.000." in repr(found)
    assert found.plot().names_alone == {"toy": 1}


def test_a_row_that_is_iterative_by_itself_says_so(pair, by_images):
    aligners = {"images": by_images["all"], "paris": "paris"}
    found = compare(aligners, {"toy": pair}, 0, Protocol(0.4, matchings="cosine"))
    assert found.to_frame()["iterative"][0] == "no"
    assert found.to_frame()["iterative"][1].startswith("yes")
    assert "Iterative" in repr(found)


def test_the_badge_shows_the_digest_and_cites(found, tmp_path):
    svg = found.badge(tmp_path / "p.svg")
    assert (tmp_path / "p.svg").read_text() == svg
    root = ET.fromstring(svg)
    texts = [e.text for e in root.iter() if e.tag.endswith("text")]
    (title,) = [e.text for e in root.iter() if e.tag.endswith("title")]
    assert texts[1] == f"protocol {PROTOCOL.digest}"
    assert title == found.cite()
    assert found.digests["toy"] in title and "random seeds: 0, 1, 2." in title


def test_the_picture_has_a_row_for_each_aligner(found):
    display = found.plot()
    labels = [label.get_text() for label in display.axes_[0].get_yticklabels()]
    assert labels == ["all", "few", "third"]


def test_other_figures_where_no_matching_is_said(pair, by_images):
    found = compare(by_images, {"toy": pair}, 0, Protocol(0.4, matchings=()))
    assert "Hits@1 (own)" in repr(found)


def test_what_is_none():
    with pytest.raises(TypeError, match="found NoneType"):
        Comparison(None, [1], {}, {})
    with pytest.raises(ValueError, match="one run at least"):
        Comparison(PROTOCOL, [], {}, {})


def test_what_can_be_asked(found):
    with pytest.raises(ValueError, match="Did you mean 'few'"):
        found.differences("fw")
    with pytest.raises(ValueError, match="confidence"):
        found.differences(confidence=95)
    with pytest.raises(ValueError, match="1 axes"):
        found.plot([1, 2])


def test_failures_are_a_table_even_if_there_are_none(found):
    assert found.failures().columns.tolist() == ["dataset", "aligner", "seed", "kind", "sentence"]
    assert isinstance(found.failures(), pd.DataFrame) and not len(found.failures())
