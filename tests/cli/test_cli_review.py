"""``ibmea review``: the page as a file; the server is tested in tests/reviews."""

import re

import pandas as pd
import pytest

from ibmea_sklearn import PropagationAligner
from ibmea_sklearn.io import write_alignment, write_verdicts


@pytest.fixture
def matches(toy_pair, tmp_path):
    table = pd.DataFrame(toy_pair.links[:20], columns=["source", "target"])
    write_alignment(table.assign(confidence=0.5), tmp_path / "matches.tsv")
    return tmp_path / "matches.tsv"


def test_a_page_is_written_from_two_graphs_or_a_folder_of_both(ibmea, pair_folder, matches):
    html = matches.with_name("review.html")
    done = ibmea("review", matches, "--pair", pair_folder, "--html", html)
    assert done.exit_code == 0 and "Wrote a page of 20 matches" in done.output
    pages = [html.read_text()]
    graphs = pair_folder / "kg1", pair_folder / "kg2"
    done = ibmea("review", matches, "--graphs", *graphs, "--html", html, "--max-matches", 5)
    assert "of 5 matches, the most doubtful of 20: see --max-matches" in done.output
    assert len(html.read_text()) < len(pages[0])


def test_candidates_evidence_and_verdicts_go_into_the_page(
    ibmea, pair_folder, matches, toy_pair, tmp_path
):
    aligner = PropagationAligner(modalities=["graph"], random_state=0, verbose=0)
    aligner.fit(toy_pair.kg1, toy_pair.kg2, toy_pair.links[20:]).save(tmp_path / "a.safetensors")
    source, target = toy_pair.links[0]
    given = pd.DataFrame({"source": [source], "target": [target], "verdict": ["unsure"]})
    write_verdicts(given, tmp_path / "v.tsv")
    aligner.candidates(toy_pair.links[:3, 0], k=4).to_csv(tmp_path / "c.csv", index=False)
    html = tmp_path / "review.html"
    common = "review", matches, "--pair", pair_folder, "--html", html, "--quiet"
    done = ibmea(
        *common, "--evidence", tmp_path / "a.safetensors", "--verdicts", tmp_path / "v.tsv"
    )
    assert done.exit_code == 0 and done.output == ""
    text = html.read_text()
    assert '["propagation",' in text and '"verdict":"unsure"' in text and '"score":' in text
    done = ibmea(*common, "--candidates", tmp_path / "c.csv")
    assert done.exit_code == 0 and '"score":' in html.read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--pair", "PAIR"], "Expected one of --html FILE, --serve, --model NAME; found neither"),
        (["--pair", "PAIR", "--html", "a.html", "--serve"], "found --html FILE and --serve"),
        (["--html", "a.html"], "Expected --graphs KG1 KG2 or --pair FOLDER; found neither"),
        (["--pair", "PAIR", "--html", "MATCHES"], "is, or would change, that of ALIGNMENT"),
        (["--pair", "PAIR", "--serve", "--verdicts", "MATCHES"], "that of ALIGNMENT"),
        (["--pair", "nowhere", "--html", "a.html"], "nowhere"),
        (
            ["--pair", "PAIR", "--html", "a.html", "--verdicts", "MATCHES"],
            "name a place|no verdict",
        ),
    ],
)
def test_what_does_not_fit_is_told(
    ibmea, pair_folder, matches, tmp_path, monkeypatch, options, said
):
    monkeypatch.chdir(tmp_path)
    names = {"PAIR": pair_folder, "MATCHES": matches}
    done = ibmea("review", matches, *(names.get(option, option) for option in options))
    assert done.exit_code == 2 and re.search(said, done.output)
    assert not (tmp_path / "a.html").exists()


@pytest.fixture
def saved(toy_pair, tmp_path):
    """An aligner that was saved, and the file that it is in."""
    aligner = PropagationAligner(modalities=["graph"], random_state=0, verbose=0)
    aligner.fit(toy_pair.kg1, toy_pair.kg2, toy_pair.links[20:]).save(tmp_path / "a.safetensors")
    return aligner, tmp_path / "a.safetensors"


def test_questions_are_asked_of_an_aligner(ibmea, pair_folder, saved, tmp_path):
    aligner, file = saved
    html = tmp_path / "review.html"
    common = "review", "--pair", pair_folder, "--html", html, "--evidence", file
    done = ibmea(*common, "--questions", 7)
    assert done.exit_code == 0 and "a page of 7 matches" in done.output
    asked = aligner.questions(7)
    text = html.read_text()
    assert all(source in text for source in asked["source"])


@pytest.mark.parametrize(
    ("with_matches", "with_file", "options", "said"),
    [
        (True, True, ["--questions", 5], "Expected ALIGNMENT or --questions N; found both"),
        (False, True, [], "Expected ALIGNMENT or --questions N; found neither"),
        (False, False, ["--questions", 5], "Expected --evidence FILE with --questions"),
        (False, True, ["--questions", 0], "greater than or equal to 1"),
    ],
)
def test_questions_that_nobody_could_ask_are_told(
    ibmea, pair_folder, matches, saved, tmp_path, with_matches, with_file, options, said
):
    given = [matches] if with_matches else []
    given += ["--evidence", saved[1]] if with_file else []
    done = ibmea("review", *given, "--pair", pair_folder, "--html", tmp_path / "a.html", *options)
    assert done.exit_code == 2 and said in " ".join(done.output.split())
