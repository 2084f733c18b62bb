"""The page as one file: what it holds, and what is refused."""

import base64
import hashlib
import json
import re

import numpy as np
import pandas as pd
import pytest
from reviews.conftest import HOSTILE, SVG, N

import ibmea_sklearn
from ibmea_sklearn import review
from ibmea_sklearn.graph import KnowledgeGraph
from ibmea_sklearn.reviews import ReviewPage


def data_of(html):
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', html)[1]
    )


def made(pair, **more):
    return review(pair.matches, pair.kg1, pair.kg2, None, **{**pair.more, **more})


def shown(pair, i, **more):
    return data_of(made(pair, **more).html)["pairs"][f"{i}:{i}"]


def test_the_file_is_written_and_told(pair, tmp_path):
    page = review(pair.matches, pair.kg1, pair.kg2, tmp_path / "a" / "review.html", max_matches=3)
    assert page.path.read_text(encoding="utf8") == page.html
    assert repr(page) == f"ReviewPage: 3 of {N} matches in {page.path}"
    assert isinstance(page, ReviewPage) and ibmea_sklearn.review is review
    assert "9 surer ones are not" in data_of(page.html)["note"]


def test_a_note_of_ones_own_is_text_beside_that_of_the_page(pair):
    note = data_of(made(pair, note="Drawings of <b>Ada</b>", max_matches=3).html)["note"]
    assert "9 surer ones are not" in note and note.endswith("Drawings of <b>Ada</b>")
    assert data_of(made(pair, note="Only this").html)["note"] == "Only this"


def test_the_most_doubtful_come_first_whatever_the_order_of_the_rows(pair):
    confidence = np.linspace(0, 1, N)
    matches = pair.matches.assign(confidence=confidence)
    page = review(matches, pair.kg1, pair.kg2, None, max_matches=4)
    assert data_of(page.html)["matches"]["s"] == [5, 6, 4, 7]
    again = review(matches.iloc[::-1], pair.kg1, pair.kg2, None, max_matches=4)
    assert again.html == page.html


def test_a_match_has_all_there_is_to_see(pair):
    found = shown(pair, 5)
    assert found["source"]["label"] == "left 5" and found["source"]["names"][1][1] == "ru"
    assert found["attributes"][0] == ["born", "born", "1905", "1905", True]
    assert [row[4] for row in found["neighbors"]] == [True, True]
    assert found["neighbors"][0][2:4] == [["→ near"], ["→ near"]]
    assert found["evidence"] == [["graph", 0.4], ["image", -0.1]]
    assert [c["t"] for c in found["candidates"]] == [6, 7, 8]
    assert found["candidates"][0]["score"] == 1 and "born: 1906" in found["candidates"][0]["facts"]


def test_images_are_in_the_file_and_broken_ones_told(pair):
    data = data_of(made(pair).html)
    (picture,) = data["pairs"]["0:0"]["source"]["pictures"]
    kind, _, content = data["pictures"][picture["name"]].partition(";base64,")
    assert kind == "data:image/svg+xml" and base64.b64decode(content) == SVG
    assert "webp" in data["pictures"][data["pairs"]["1:1"]["target"]["pictures"][0]["name"]]
    assert "Pillow" in data["pairs"]["2:2"]["source"]["pictures"][0]["problem"]


def test_images_of_other_folders_stay_out(tmp_path):
    (tmp_path / "secret.svg").write_bytes(SVG)
    kg = KnowledgeGraph([("a", "r", "b")], images={"a": str(tmp_path / "secret.svg")})
    matches = pd.DataFrame({"source": ["a"], "target": ["b"]})
    assert base64.b64encode(SVG).decode() in review(matches, kg, kg, None).html
    page = review(matches, kg, kg, None, image_folders=[tmp_path / "graph"])
    assert base64.b64encode(SVG).decode() not in page.html and "not in the folders" in page.html


def test_long_values_are_cut_and_said(pair):
    (value,) = (row[2] for row in shown(pair, 4)["attributes"] if row[0] == "long")
    assert len(value["start"]) + len(value["rest"]) == 20_000 and value["cut"] == 980_000


def test_nothing_of_the_graphs_stands_in_the_markup(pair):
    html = made(pair).html
    data = re.search(r'id="data">(.*?)</script>', html)[1]
    assert not re.search("[<>&\u2028\u2029]", data) and data.isascii()
    assert [shown(pair, i)["source"]["label"] for i in range(len(HOSTILE))] == HOSTILE
    assert html.count("<script") == html.count("</script>") == 2
    assert not re.search(r"https?://(?!www\.w3\.org|w3id\.org)[^\"]*", html.replace(data, ""))


def test_the_policy_lets_only_this_script_and_style_run(pair):
    html = made(pair).html
    policy = re.search('Policy" content="([^"]*)"', html)[1]
    for kind, tag in (("script", "<script>"), ("style", "<style>")):
        text = re.search(f"{tag}(.*?)</{kind}>", html, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy and "connect-src 'none'" in policy
    assert "img-src data:;" in policy and "unsafe" not in policy


def test_a_cell_of_a_notebook_shows_it_in_a_frame_of_its_own(pair):
    cell = made(pair)._repr_html_()
    assert 'sandbox="allow-scripts' in cell and "allow-same-origin" not in cell
    assert "<script" not in cell


def test_scripts_do_without_what_makes_text_into_markup():
    from importlib.resources import files

    page = files("ibmea_sklearn.reviews").joinpath("page")
    scripts = "".join(f.read_text() for f in page.iterdir() if f.name.endswith(".js"))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", scripts)


def test_verdicts_are_shown_where_their_entities_are(pair):
    ids = pair.kg1.entity_ids, pair.kg2.entity_ids
    rows = [(ids[0][5], ids[1][5], "same"), (ids[0][6], None, "none"), ("gone", "gone", "same")]
    verdicts = pd.DataFrame(rows, columns=["source", "target", "verdict"], dtype=object)
    given = data_of(made(pair, verdicts=verdicts).html)["verdicts"]
    assert [(v["s"], v["t"], v["verdict"]) for v in given] == [(5, 5, "same"), (6, None, "none")]


def test_integers_and_graphs_without_anything_else():
    kg = KnowledgeGraph([(1, "r", 2)])
    html = review(pd.DataFrame({"source": [1], "target": [2]}), kg, kg, None).html
    data = data_of(html)
    assert data["matches"]["confidence"] == [None] and data["graphs"] == ["graph 1", "graph 2"]
    assert data["entities"][0] == [[0, "urn:ibmea:integer:1", "1"]]


def test_an_aligner_is_asked_for_its_evidence(pair):
    class Aligner:
        def explain(self, source, target):
            rows = {"channel": ["fused", "graph"], "contribution": [float("nan"), 0.25]}
            return type("E", (), {"channels": pd.DataFrame(rows)})

    assert shown(pair, 1, evidence=Aligner())["evidence"] == [["graph", 0.25]]


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"matches": [("a", "b")]}, TypeError, "matches as a table"),
        ({"matches": pd.DataFrame({"sources": ["a"]})}, ValueError, "found sources. Did you mean"),
        ({"matches": pd.DataFrame({"source": [], "target": []})}, ValueError, "an empty table"),
        ({"matches": pd.DataFrame({"source": ["q"], "target": ["q"]})}, ValueError, "unknown: 'q'"),
        (
            {"candidates": pd.DataFrame({"source": ["a"]})},
            ValueError,
            "candidates with the col",
        ),
        ({"evidence": 7}, TypeError, "a fitted aligner, or as a table"),
        ({"evidence": pd.DataFrame({"source": ["a"]})}, ValueError, "evidence with the columns"),
        ({"verdicts": pd.DataFrame({"source": ["a"]})}, ValueError, "as read_verdicts"),
        ({"max_matches": 0}, ValueError, "max_matches"),
    ],
)
def test_wrong_input_is_told_and_nothing_written(pair, tmp_path, change, error, said):
    given = {"matches": pair.matches, **change}
    matches = given.pop("matches")
    with pytest.raises(error, match=said):
        review(matches, pair.kg1, pair.kg2, tmp_path / "review.html", **given)
    assert not list(tmp_path.iterdir())


def test_a_match_that_stands_twice_is_told(pair):
    twice = pd.concat([pair.matches, pair.matches[:1]])
    with pytest.raises(ValueError, match="Expected each match once; found 'http://left.org/0'"):
        review(twice, pair.kg1, pair.kg2, None)
