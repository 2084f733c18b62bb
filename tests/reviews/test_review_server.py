"""The server of the page: whom it answers, and what it keeps."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest
import requests
from reviews.conftest import N, serving

from ibmea_sklearn.io import read_verdicts, write_alignment, write_pair
from ibmea_sklearn.reviews import serve_review

SAME = ["5:5", {"s": 5, "t": 5, "verdict": "same", "date": "2026-01-31", "author": "Ada"}]


def ask(url, given=None, **headers):
    send = requests.get if given is None else requests.post
    more = {} if given is None else {"data": json.dumps(given)}
    kind = {} if given is None else {"Content-Type": "application/json"}
    return send(url, headers={**kind, **headers}, timeout=10, **more)


def judge(address, *changes, since=0):
    return ask(f"{address}verdicts", {"since": since, "changes": list(changes)})


def test_the_page_and_what_it_asks_for(address):
    page = ask(address)
    assert page.status_code == 200 and '"mode":"server"' in page.text
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert len(ask(f"{address}matches?start=0").json()["s"]) == N
    assert ask(f"{address}matches?start=50").json()["s"] == []
    found = ask(f"{address}pair?s=0&t=0").json()
    picture = ask(address + found["source"]["pictures"][0]["name"])
    assert picture.headers["Content-Type"] == "image/svg+xml"
    # By itself, as a document, a drawing runs nothing either.
    assert "sandbox" in picture.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_hosts_and_origins_are_refused(address, headers, path):
    assert ask(address, **headers).status_code == 403
    assert ask(f"{address}verdicts", {"changes": [SAME]}, **headers).status_code == 403
    assert read_verdicts(path).empty


@pytest.mark.parametrize("token", ["", "wrong", "secre", "secret%00", "Ü"])
def test_without_the_word_in_the_address_nothing_is_answered(address, token):
    place = address.removesuffix("secret/")
    assert ask(f"{place}{token}/").status_code == 403
    assert ask(f"{place}{token}/changes?since=0").status_code == 403


def test_a_form_of_another_page_can_not_judge(address):
    body = json.dumps({"changes": [SAME]})
    headers = {"Content-Type": "text/plain"}
    assert requests.post(f"{address}verdicts", body, headers=headers, timeout=10).status_code == 403


def test_it_listens_on_this_computer_alone(address):
    assert address.startswith("http://127.0.0.1:")


def test_a_verdict_is_on_disk_when_it_is_answered(address, path):
    answer = judge(address, SAME)
    assert answer.json() == {"sequence": 1, "changes": [[SAME[0], {**SAME[1], "comment": ""}]]}
    assert read_verdicts(path).values.tolist() == [
        ["http://left.org/5", "http://right.org/5", "same", "Ada", "2026-01-31", ""]
    ]
    judge(address, ["5:5", None], ["5:", {"s": 5, "t": None, "verdict": "none"}])
    assert read_verdicts(path)["verdict"].tolist() == ["none"]
    assert ask(f"{address}verdicts.sssom.tsv").text.count("NoTermFound") == 1


def test_tabs_hear_of_each_other_and_lose_nothing(address, path):
    def judge_some(start):
        for s in range(start, N, 2):
            judge(address, [f"{s}:{s}", {"verdict": "same"}])

    threads = [threading.Thread(target=judge_some, args=[start]) for start in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_verdicts(path)) == N
    assert len(ask(f"{address}changes?since=0").json()["changes"]) == N
    assert len(ask(f"{address}changes?since={N - 1}").json()["changes"]) == 1


def test_what_was_judged_is_there_at_the_next_start(pair, path):
    with serving(pair, path) as address:
        judge(address, SAME)
    with serving(pair, path) as address:
        ((key, verdict),) = ask(f"{address}changes?since=0").json()["changes"]
    assert (key, verdict["verdict"], verdict["author"]) == ("5:5", "same", "Ada")


def test_verdicts_of_a_colleague_are_loaded(address, path, pair, tmp_path):
    judge(address, SAME)
    text = path.read_text().replace("exactMatch\t\t", "exactMatch\tNot\t")
    answer = ask(f"{address}load", {"text": text + text.splitlines()[-1].replace(":5", ":gone")})
    assert answer.json()["left"] == 1
    assert read_verdicts(path)["verdict"].tolist() == ["different"]
    answer = ask(f"{address}load", {"text": "left\tright\na\tb\n"})
    assert answer.status_code == 400 and "subject_id" in answer.json()["problem"]


@pytest.mark.parametrize(
    "change",
    [
        "x", ["5:5"], ["5:5", {"verdict": "yes"}], ["5:99", {"verdict": "same"}],
        ["5:", {"verdict": "same"}], ["5:5", {"verdict": "none"}], [":", None], ["-1:5", None],
        [["5:5"], None], ["9" * 5000 + ":5", None],
        ["5:5", {"verdict": "same", "comment": "\ud800"}],
    ],
)  # fmt: skip
def test_what_is_no_verdict_is_refused_whole(address, path, change):
    answer = judge(address, SAME, change)
    assert answer.status_code == 400 and answer.json()["problem"].startswith("Expected")
    assert read_verdicts(path).empty


@pytest.mark.parametrize(
    "what", ["pair?s=0&t=99", "pair?s=x&t=0", "matches", "picture?side=2&entity=0&number=0", "load"]
)
def test_odd_questions_are_answered_with_what_was_expected(address, what):
    assert ask(address + what).status_code in (400, 405)
    assert ask(f"{address}verdicts", [1]).status_code == 400


@pytest.mark.parametrize("where", ["verdicts", "load"])
@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 3000, b"[]", b'{"changes": 1, "text": 1}']
)
def test_what_is_no_json_of_the_page_is_refused_in_words(address, where, body):
    headers = {"Content-Type": "application/json"}
    answer = requests.post(f"{address}{where}", body, headers=headers, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["problem"].startswith("Expected ") and "; found " in answer.text


def test_a_text_without_a_form_in_utf8_is_refused(address, path):
    answer = ask(f"{address}load", {"text": "\ud800"})
    assert answer.status_code == 400 and "lone surrogate U+D800" in answer.json()["problem"]


@pytest.mark.parametrize("since", ["x", -1, None, [], 1e99])
def test_verdicts_after_an_odd_sequence_are_not_written(address, path, since):
    assert judge(address, SAME, since=since).status_code == 400
    assert read_verdicts(path).empty


def test_a_disk_that_is_full_is_told_and_nothing_changes(address, path, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        answer = judge(address, SAME)
    assert answer.status_code == 500 and "No space left" in answer.json()["problem"]
    assert ask(f"{address}changes?since=0").json()["changes"] == []
    assert judge(address, SAME).status_code == 200 and len(read_verdicts(path)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_a_command_that_is_killed_loses_nothing(pair, path, tmp_path, kill):
    write_pair(pair.kg1, pair.kg2, pair.matches[["source", "target"]].to_numpy(), tmp_path / "pair")
    write_alignment(pair.matches, tmp_path / "matches.tsv")
    command = ("review", "matches.tsv", "--pair", "pair", "--serve", "--no-browser", "--quiet")
    start = [sys.executable, "-c", "from ibmea_sklearn.cli import main; main()", *command]
    with subprocess.Popen(start, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().strip()
        judge(address, SAME)
        process.send_signal(kill)
        said = process.stdout.read()
    assert len(read_verdicts(path)) == 1
    if kill == signal.SIGINT:
        assert process.returncode == 0 and said == ""


def test_a_port_that_is_taken_is_told(pair, address, tmp_path):
    port = int(address.split(":")[2].split("/")[0])
    with pytest.raises(ValueError, match=f"a port that is free; found {port}"):
        serve_review(pair.matches, pair.kg1, pair.kg2, tmp_path / "v.tsv", port=port)
    with pytest.raises(ValueError, match="port"):
        serve_review(pair.matches, pair.kg1, pair.kg2, tmp_path / "v.tsv", port=-1)
