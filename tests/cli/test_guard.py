"""Exit codes tell whose fault an error is."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

import ibmea_sklearn
from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn._utils.optional import import_optional
from ibmea_sklearn.cli._guard import guarded, note_written

INSIDE = str(Path(ibmea_sklearn.__file__).parent / "some_room" / "some_file.py")


def run(work):
    app = typer.Typer()
    app.command()(guarded(lambda: work()))
    return CliRunner().invoke(app)


def as_if_inside(source):
    """What this source does, as if it stood in a file of the package."""
    exec(compile(source, INSIDE, "exec"), {})


def test_done():
    assert run(lambda: None).exit_code == 0


def test_what_the_package_complains_of_is_one_line():
    result = run(lambda: KnowledgeGraph())
    assert result.exit_code == 2
    assert result.stderr.startswith("Graph '' has no entity. Expected")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("kind", ["ValueError", "TypeError", "MemoryError", "ConnectionError"])
def test_a_raise_in_the_package_is_the_users_input(kind):
    result = run(lambda: as_if_inside(f"raise {kind}('Expected [a]; found b.')"))
    assert (result.exit_code, result.stderr) == (2, "Expected [a]; found b.\n")


def test_a_missing_extra_is_the_users_input():
    result = run(lambda: import_optional("no_such_package", "rdf", "Reading RDF"))
    assert result.exit_code == 2
    assert "pip install 'ibmea_sklearn[rdf]'" in result.stderr


def test_a_missing_file_is_the_users_input():
    result = run(lambda: open("no/such/file"))
    assert result.exit_code == 2
    assert result.stderr == (
        "Expected to read or write no/such/file; found: No such file or directory. "
        "Check the path and its permissions.\n"
    )


@pytest.mark.parametrize(
    "work",
    [
        pytest.param(lambda: np.zeros(3).reshape(2), id="ValueError of numpy"),
        pytest.param(lambda: as_if_inside("None + 1"), id="TypeError of a wrong line of ours"),
        pytest.param(lambda: as_if_inside("int('x')"), id="ValueError of a wrong line of ours"),
        pytest.param(lambda: as_if_inside("raise KeyError('x')"), id="KeyError of ours"),
        pytest.param(lambda: as_if_inside("import no_such_package"), id="ImportError of ours"),
    ],
)
def test_anything_else_is_a_bug(work):
    result = run(work)
    assert result.exit_code == 1
    assert result.stderr.startswith("Traceback")
    assert "Please report it" in result.stderr


def interrupt():
    raise KeyboardInterrupt


def test_an_interrupt_before_anything_was_written():
    result = run(interrupt)
    assert (result.exit_code, result.stderr) == (130, "Interrupted. No file was written.\n")


def test_an_interrupt_names_what_was_written():
    def work():
        note_written(Path("alignment.tsv"))
        interrupt()

    assert run(work).stderr == "Interrupted. Written: alignment.tsv.\n"
    assert "No file was written" in run(interrupt).stderr, "remembered from the command before"


def test_a_warning_is_one_line_without_code():
    def work():
        warnings.simplefilter("always")
        warnings.warn("2 of 3 images", stacklevel=1)

    before = warnings.showwarning
    result = run(work)
    assert (result.exit_code, result.stderr) == (0, "Warning: 2 of 3 images\n")
    assert warnings.showwarning is before


def test_exit_codes_of_typer_pass():
    def work():
        raise typer.Exit(7)

    assert run(work).exit_code == 7


@pytest.mark.parametrize(
    "work",
    [
        lambda: np.empty(1 << 50),
        lambda: torch.empty(1 << 60),
        lambda: as_if_inside("raise MemoryError"),
    ],
    ids=["numpy", "torch", "python"],
)
def test_out_of_memory_is_said_with_what_to_lower(work):
    result = run(work)
    assert result.exit_code == 2
    assert result.stderr.startswith("Out of memory") and result.stderr.count("\n") == 1
    assert "lower" in result.stderr and "training__batch_size" in result.stderr
