"""``ibmea review --model``: a real server on this machine is asked, and weighed by seeds."""

import pandas as pd
import pytest
from chat_server import CLOSED, Server
from playing import chooses

from ibmea_sklearn import PropagationAligner
from ibmea_sklearn.io import (
    read_alignment,
    read_opinions,
    read_verdicts,
    write_alignment,
    write_verdicts,
)


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("IBMEA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    server = Server()
    yield server
    server.close()


@pytest.fixture
def truth(toy_pair):
    """Choose as the links say."""
    partners = {str(a): str(b) for a, b in toy_pair.links}
    partners |= {b: a for a, b in partners.items()}

    def choose(question):
        right = partners.get(question.thing["names"][0])
        return next(
            (k for k, e in question.options.items() if e["names"][0] == right), question.none
        )

    return chooses(choose)


@pytest.fixture
def fitted(toy_pair, tmp_path):
    aligner = PropagationAligner(modalities=["graph"], random_state=0, verbose=0)
    aligner.fit(toy_pair.kg1, toy_pair.kg2, toy_pair.links[20:]).save(tmp_path / "a.safetensors")
    return aligner


def options(server, pair_folder):
    return "--pair", pair_folder, "--model", "tiny", "--base-url", server.url


def test_questions_are_asked_of_a_model_and_weighed_by_seeds(
    ibmea, server, truth, fitted, pair_folder, tmp_path
):
    server.says(truth)
    common = options(server, pair_folder)
    done = ibmea("review", "--questions", 7, *common, "--evidence", "a.safetensors", "-o", "w.tsv")
    assert done.exit_code == 0, done.output
    assert "The model says: " in done.output and "'same' multiplies the odds by" in done.output
    said = read_opinions(tmp_path / "opinions.sssom.tsv")
    asked = fitted.questions(7)
    assert said["source"].tolist()[:7] == asked["source"].tolist()
    weighed, matches = read_alignment(tmp_path / "w.tsv"), fitted.align()
    assert len(weighed) == len(matches)
    assert weighed["opinion"].isin(["same", "different"]).sum() > 0
    with pytest.raises(ValueError, match="nor is what a model says"):
        read_verdicts(tmp_path / "opinions.sssom.tsv")
    n_calls = len(server.requests)
    again = ibmea("review", "--questions", 7, *common, "--evidence", "a.safetensors")
    assert again.exit_code == 0 and len(server.requests) == n_calls  # kept


def test_matches_of_a_file_are_weighed_by_verdicts_of_a_person(
    ibmea, server, truth, toy_pair, pair_folder, tmp_path
):
    links = toy_pair.links
    wrong = [(a, b) for (a, _), (_, b) in zip(links[:12], links[1:13], strict=True)]
    judged = [*((a, b, "same") for a, b in links[:12]), *((a, b, "different") for a, b in wrong)]
    write_verdicts(
        pd.DataFrame(judged, columns=["source", "target", "verdict"]), tmp_path / "v.tsv"
    )
    right, others = links[12:16], zip(links[16:19, 0], links[17:20, 1], strict=True)
    table = pd.DataFrame([*right, *others], columns=["source", "target"]).assign(confidence=0.5)
    write_alignment(table, tmp_path / "m.tsv")
    server.says(truth)
    common = options(server, pair_folder)
    more = "--verdicts", "v.tsv", "-o", "w.csv", "--opinions", "said.sssom.tsv", "--quiet"
    done = ibmea("review", "m.tsv", *common, *more)
    assert done.exit_code == 0, done.output
    weighed = read_alignment(tmp_path / "w.csv")
    assert set(weighed["source"][:4]) == set(right[:, 0])
    assert weighed["confidence"][3] > 0.8 and weighed["confidence"][4] < 0.3
    assert len(read_opinions(tmp_path / "said.sssom.tsv")) == 7


def test_without_known_pairs_it_says_so(ibmea, server, truth, toy_pair, pair_folder, tmp_path):
    table = pd.DataFrame(toy_pair.links[:3], columns=["source", "target"])
    write_alignment(table.assign(confidence=0.5), tmp_path / "m.tsv")
    server.says(truth)
    done = ibmea("review", "m.tsv", *options(server, pair_folder), "--max-matches", 2)
    assert done.exit_code == 0 and "The opinions count for nothing; known pairs: 0" in done.output
    assert len(read_opinions(tmp_path / "opinions.sssom.tsv")) == 2
    server.says(CLOSED)
    done = ibmea("review", "m.tsv", *options(server, pair_folder), "--max-matches", 1)
    assert done.exit_code == 0  # answers are kept


@pytest.mark.filterwarnings("default")
def test_a_server_that_never_answers_leaves_no_file(ibmea, server, toy_pair, pair_folder, tmp_path):
    table = pd.DataFrame(toy_pair.links[:3], columns=["source", "target"])
    write_alignment(table.assign(confidence=0.5), tmp_path / "m.tsv")
    server.says((400, {}, "no"), CLOSED)
    done = ibmea("review", "m.tsv", *options(server, pair_folder))
    assert done.exit_code == 2 and "found the status 400" in done.output
    server.says((200, {}, "garbage"))
    done = ibmea("review", "m.tsv", *options(server, pair_folder))
    assert done.exit_code == 2 and "Expected answers from" in done.output, done.output
    assert "answered 0 of 3 questions" in done.output
    assert not (tmp_path / "opinions.sssom.tsv").exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--model", "tiny"], "Expected --base-url with --model"),
        (["--base-url", "URL", "--html", "a.html"], "Expected --model NAME with --base-url"),
        (["--model", "tiny", "--base-url", "URL", "--serve"], "found --serve and --model NAME"),
        (["--model", "tiny", "--base-url", "here"], "Expected base_url to be an address"),
        (["--model", "tiny", "--base-url", "URL", "-o", "w.tsv"], "Expected --evidence FILE or"),
        (["--model", "tiny", "--base-url", "URL", "--opinions", "m.tsv"], "that of ALIGNMENT"),
        (["--model", "tiny", "--base-url", "URL", "--max-calls", "1"], "at least 2: 0 known pairs"),
        (
            ["--model", "tiny", "--base-url", "URL", "--api-key-env", "NO_SUCH_KEY"],
            "variable that api_key_env names",
        ),
    ],
)
def test_what_does_not_fit_is_told(ibmea, server, toy_pair, pair_folder, tmp_path, given, said):
    table = pd.DataFrame(toy_pair.links[:3], columns=["source", "target"])
    write_alignment(table.assign(confidence=0.5), tmp_path / "m.tsv")
    given = [server.url if option == "URL" else option for option in given]
    done = ibmea("review", "m.tsv", "--pair", pair_folder, *given)
    assert said in " ".join(done.output.split()), done.output
    assert done.exit_code == 2 and not server.requests
    assert not (tmp_path / "opinions.sssom.tsv").exists()
