"""``python tests``: every check runs, and each that fails is told."""

import runpy
from pathlib import Path

import pytest

MAIN = runpy.run_path(str(Path(__file__).with_name("__main__.py")))
NAMES = ["ruff", "ruff", "codespell_lib", "pytest", "mypy"]


@pytest.fixture
def checked(monkeypatch):
    """Run all checks as if those of some names failed."""

    def checked(*failing):
        names = []

        def run(check):
            names.append(check[0])
            return check[0] not in failing

        run_all = MAIN["run_all"]
        monkeypatch.setitem(run_all.__globals__, "run", run)
        monkeypatch.setitem(
            run_all.__globals__, "run_quietly", lambda check: (run(check), f"{check[0]} has said\n")
        )
        return run_all(["-k", "word"]), names

    return checked


def test_all_that_fails_is_told(checked, capsys):
    failed, names = checked("mypy", "pytest")
    assert sorted(names) == sorted(NAMES)
    assert failed == ["pytest", "mypy"]
    assert capsys.readouterr().out == "$ mypy\nmypy has said\n"
    assert checked()[0] == []


def test_what_runs_beside_is_kept_with_its_errors():
    has_passed, said = MAIN["run_quietly"](("no_such_module",))
    assert not has_passed and "No module named no_such_module" in said


def test_arguments_go_to_pytest():
    assert MAIN["tests"](["-k", "word"])[-2:] == ("-k", "word")
