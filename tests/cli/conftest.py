"""A small pair in a folder, and the command line to run on it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ibmea_sklearn.cli import app
from ibmea_sklearn.io import write_pair


@pytest.fixture
def ibmea() -> Callable[..., Any]:
    """Run ``ibmea`` with these arguments."""
    return lambda *args: CliRunner().invoke(app, [str(a) for a in args])


@pytest.fixture(scope="session")
def pair_folder(toy_pair: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy pair as a folder of tables."""
    folder = tmp_path_factory.mktemp("pair") / "toy"
    write_pair(toy_pair.kg1, toy_pair.kg2, toy_pair.links, folder)
    return folder
