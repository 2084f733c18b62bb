"""A file of verdicts that grows: nothing given is lost, whatever is killed."""

import errno
import os
import signal
import subprocess
import sys

import pandas as pd
import pytest

from ibmea_sklearn.io import VerdictFile, read_verdicts, write_verdicts


def row(source, target="x", verdict="same", **more):
    return {"source": source, "target": target, "verdict": verdict, **more}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "verdicts.sssom.tsv"


def said(path):
    table = read_verdicts(path)
    return dict(zip(table["source"], table["verdict"], strict=True))


def test_a_verdict_is_on_disk_at_once(path):
    with VerdictFile(path) as file:
        for i in range(3):
            file.give([row(f"http://a.org/{i}", 7, "unsure", author="Ada")])
            assert len(said(path)) == i + 1
        assert file.table().equals(read_verdicts(path))


def test_another_verdict_replaces_the_first_and_one_can_be_taken_back(path):
    with VerdictFile(path) as file:
        file.give([row("a"), row("b")])
        file.give([row("a", verdict="different")])
        file.take_back([("b", "x"), ("unknown", "x")])
        assert said(path) == {"a": "different"}
    assert path.read_text().count("ns1:a") == 1  # closed, each stands once


def test_what_was_there_goes_on_with_its_labels(path):
    path.parent.mkdir()
    table = pd.DataFrame([row("a", source_label="An A")])
    write_verdicts(table, path)
    with VerdictFile(path) as file:
        file.give([row("b", None, "none")])
    assert said(path) == {"a": "same", "b": "none"} and "An A" in path.read_text()


def test_many_at_once_come_by_a_rename(path):
    """One write of them a kill may cut in two; few are a line each, in the same file."""
    with VerdictFile(path) as file:
        file.give([row(i) for i in range(100)])
        before = path.stat().st_ino
        file.give([row("few")])
        assert path.stat().st_ino == before
        with path.open() as opened:  # or its number might be given again
            file.give([row(i, verdict="different") for i in range(100)])
            assert path.stat().st_ino != before and "few" in opened.read()
    assert len(said(path)) == 101


def test_a_text_without_a_form_in_utf8_is_refused_in_words(path):
    with VerdictFile(path) as file:
        with pytest.raises(ValueError, match=r"lone surrogate U\+D800"):
            file.give([row("a"), row("b", comment="\ud800")])
        assert file.table().empty and not said(path)


KILLED = """
import sys
from ibmea_sklearn.io import VerdictFile
file = VerdictFile(sys.argv[1])
for i in range(100_000):
    file.give([{"source": i, "target": "x", "verdict": "same"}])
    if i % 7 == 3:
        file.take_back([(i - 1, "x")])
    print(i, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 60])
def test_a_kill_loses_nothing(path, n):
    command = [sys.executable, "-c", KILLED, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if int(line) >= n:
                process.send_signal(signal.SIGKILL)
                break
        given = [int(line), *map(int, process.stdout.read().split())]
    kept = said(path)
    expected = {i for i in range(given[-1] + 1) if i % 7 != 2 or i == given[-1]}
    # The one on its way may be there or not.
    assert expected - {given[-1] - 1} <= set(kept) <= expected | {given[-1] + 1}
    with VerdictFile(path) as file:  # the lock has gone with the process
        assert len(file.table()) == len(kept)


def test_a_full_disk_leaves_the_file_as_it_was(path, monkeypatch):
    with VerdictFile(path) as file:
        file.give([row("a")])
        before = path.read_bytes()

        def full(handle):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            with pytest.raises(OSError, match="No space"):
                file.give([row("b")])
            with pytest.raises(OSError, match="No space"):
                file.take_back([("a", "x")])
        assert path.read_bytes() == before and file.table()["source"].tolist() == ["a"]
        file.give([row("c")])
    assert set(said(path)) == {"a", "c"}


def test_what_can_not_be_written_is_refused_whole(path):
    with VerdictFile(path) as file:
        with pytest.raises(ValueError, match="Expected verdicts same"):
            file.give([row("a"), row("b", verdict="yes")])
        with pytest.raises(ValueError, match="surrogate"):
            file.give([row("a", comment="\ud800")])
        assert file.table().empty


def test_a_last_line_that_is_cut_is_taken_off_and_told(path):
    with VerdictFile(path) as file:
        file.give([row("a"), row("b")])
    path.write_bytes(path.read_bytes()[:-25])
    with pytest.warns(UserWarning, match="last line has no end"), VerdictFile(path):
        pass
    assert said(path) == {"a": "same"}


def test_a_last_line_without_end_that_is_whole_stays(path):
    with VerdictFile(path) as file:
        file.give([row("a"), row("b")])
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    with VerdictFile(path) as file:
        file.give([row("c")])
    assert set(said(path)) == {"a", "b", "c"}


def test_a_file_has_one_writer(path):
    with VerdictFile(path), pytest.raises(ValueError, match="another review has open"):
        VerdictFile(path)
    VerdictFile(path).close()
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_an_alignment_is_not_written_to(path):
    path.parent.mkdir()
    path.write_text("subject_id\tobject_id\tmapping_justification\nskos:a\tskos:b\tsemapv:X\n")
    before = path.read_text()
    with pytest.raises(ValueError, match="An alignment is no verdict"):
        VerdictFile(path)
    assert path.read_text() == before
