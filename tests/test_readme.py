"""The two commands of the README, and that CI runs the second word for word."""

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COMMANDS = re.findall(r"```sh\n(.*?)\n```", (ROOT / "README.md").read_text(), re.DOTALL)


def test_there_are_exactly_two_commands():
    demo, test = COMMANDS
    assert demo.endswith("ibmea demo") and test.endswith("bin/python tests")


def test_ci_runs_the_test_command_word_for_word():
    assert COMMANDS[1] in (ROOT / ".ci" / "run").read_text().splitlines()


def test_constraints_are_exact():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    assert "torch==2.13.0" in pins


# -- What the first command writes does not fail the second ----------------------------------------

SPELLED = runpy.run_path(str(ROOT / "tests" / "__main__.py"))["spelled"]
TYPO = "te" + "h"


def spelling_of(folder):
    """What codespell finds, as `python tests` calls it in a checkout."""
    shutil.copy(ROOT / "setup.cfg", folder)
    command = [sys.executable, "-m", "codespell_lib", *SPELLED(folder)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout


def git(folder, *arguments):
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


def test_spelling_looks_at_the_files_of_the_repository(tmp_path):
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    for name in ("alignment.tsv", "page with space.md", "gone.md"):
        (tmp_path / name).write_text(f"{TYPO}\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "page with space.md", "gone.md")
    (tmp_path / "gone.md").unlink()
    assert [line.partition(":")[0] for line in spelling_of(tmp_path).splitlines()] == [
        "page with space.md"
    ]


def test_spelling_looks_at_all_where_git_is_absent(tmp_path, monkeypatch, capsys):
    (tmp_path / "alignment.tsv").write_text(f"{TYPO}\n")
    monkeypatch.setenv("PATH", "")
    assert "alignment.tsv:1" in spelling_of(tmp_path)
    assert "spelling looks at all" in capsys.readouterr().out


def test_spelling_looks_at_all_outside_of_a_repository(tmp_path, monkeypatch, capsys):
    (tmp_path / "alignment.tsv").write_text(f"{TYPO}\n")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert "alignment.tsv:1" in spelling_of(tmp_path)
    assert "spelling looks at all" in capsys.readouterr().out


def test_a_list_of_matches_in_the_checkout_is_not_read():
    assert "README.md" in SPELLED(ROOT)
    assert "alignment.tsv" not in SPELLED(ROOT)
