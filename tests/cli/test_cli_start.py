"""The command starts at once, and the package gives its names when they are asked for."""

import json
import subprocess
import sys

import pytest

import ibmea_sklearn

COMMANDS = ("demo", "align", "evaluate", "compare", "info", "review", "convert")
HEAVY = ("torch", "pandas", "numpy", "sklearn", "scipy", "skorch", "rich", "pyarrow")


def run(*args):
    command = [sys.executable, "-c", "from ibmea_sklearn.cli import main; main()", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def modules_after(statement):
    code = f"{statement}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_help_names_every_command():
    done = run("--help")
    assert done.returncode == 0
    assert done.stderr == ""
    for command in COMMANDS:
        assert f"\n  {command} " in done.stdout
    assert "..." not in done.stdout.partition("Commands:")[2], "a summary was cut"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(command):
    done = run(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: ")


def test_version():
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"ibmea {ibmea_sklearn.__version__}\n")


def test_an_unknown_option_is_the_users_input():
    assert run("align", "--nonsense").returncode == 2


def test_the_command_line_starts_without_heavy_packages():
    loaded = modules_after("import ibmea_sklearn.cli")
    assert not set(HEAVY) & set(loaded)


def test_a_name_brings_its_room_only():
    loaded = modules_after(
        "from ibmea_sklearn import KnowledgeGraph\n"
        "import ibmea_sklearn, sys\n"
        "assert 'ibmea_sklearn.io' not in sys.modules\n"
        "assert ibmea_sklearn.io.read_graph"  # a room is an attribute of the package
    )
    assert {"ibmea_sklearn.graph", "ibmea_sklearn.io"} <= set(loaded)
    assert "torch" not in loaded


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="IBMEAligner"):
        _ = ibmea_sklearn.IBMEAligner
