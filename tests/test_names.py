"""The names of the package: in the stub, at run time, for type checkers after `pip install -e`."""

import ast
import importlib
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import ibmea_sklearn

ROOT = Path(__file__).parents[1]
STUB = ROOT / "ibmea_sklearn" / "__init__.pyi"
HANDED_ON = [
    (node.module, alias)
    for node in ast.parse(STUB.read_text(encoding="utf8")).body
    if isinstance(node, ast.ImportFrom)
    for alias in node.names
]


@pytest.mark.parametrize(("home", "alias"), HANDED_ON, ids=lambda given: getattr(given, "name", ""))
def test_names_of_the_stub_are_those_of_their_rooms(home, alias):
    assert alias.asname == alias.name  # or a type checker takes it for a private import
    name = alias.name if home is None else home
    room = importlib.import_module(f"ibmea_sklearn.{name}")
    expected = room if home is None else getattr(room, alias.name)
    assert getattr(ibmea_sklearn, alias.name) is expected
    # Rooms say what is public; `_utils` has no list, and hands on the ranges for authors.
    assert home in (None, "_utils") or alias.name in room.__all__


def test_stub_and_list_of_names_agree():
    names = [alias.name for _, alias in HANDED_ON]
    assert sorted(names) == ibmea_sklearn.__all__ == dir(ibmea_sklearn)
    assert len(set(names)) == len(names)


def test_rooms_that_are_handed_on_are_all_but_the_private_ones():
    rooms = {path.parent.name for path in STUB.parent.glob("*/__init__.py")}
    handed_on = {alias.name for home, alias in HANDED_ON if home is None}
    assert rooms - handed_on == {"_utils", "persistence", "training"}


# -- What a type checker sees ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of what is installed, since a build writes into it."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    leave = shutil.ignore_patterns("__pycache__")
    shutil.copytree(STUB.parent, copy / "ibmea_sklearn", ignore=leave)
    return copy


def built(kind, checkout, folder):
    """Build a wheel as pip does."""
    code = f"import sys; from setuptools.build_meta import build_{kind} as b; b(sys.argv[1])"
    command = [sys.executable, "-c", code, folder]
    subprocess.run(command, cwd=checkout, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return zipfile.ZipFile(wheel)


def test_an_installed_package_has_the_stubs_that_it_imports_by(checkout, tmp_path):
    """Not an editable one: what is no package data stays behind."""
    with built("wheel", checkout, tmp_path) as wheel:
        packed = set(wheel.namelist())
    stubs = {str(path.relative_to(ROOT)) for path in STUB.parent.rglob("*.pyi")}
    assert {name for name in packed if name.endswith(".pyi")} == stubs and len(stubs) > 5
    assert {"ibmea_sklearn/__init__.pyi", "ibmea_sklearn/py.typed"} < packed


@pytest.fixture(scope="module")
def python_of_a_user(checkout, tmp_path_factory):
    """A Python with nothing but what `pip install -e` puts there."""
    folder = tmp_path_factory.mktemp("user")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    base = {"base": str(folder / "venv"), "platbase": str(folder / "venv")}
    with built("editable", checkout, folder) as wheel:
        wheel.extractall(sysconfig.get_path("purelib", "venv", vars=base))
    scripts = Path(sysconfig.get_path("scripts", "venv", vars=base))
    return scripts / Path(sys.executable).name


@pytest.mark.slow
def test_type_checkers_see_the_names_of_an_editable_install(python_of_a_user, tmp_path):
    """Those that are there, by their types; and those alone."""
    (tmp_path / "right.py").write_text(
        "import ibmea_sklearn\n\nreveal_type(ibmea_sklearn.IBMEAAligner)\n"
        "print(ibmea_sklearn.__version__, ibmea_sklearn.graph.KnowledgeGraph)\n"
    )
    (tmp_path / "wrong.py").write_text("import ibmea_sklearn\n\nibmea_sklearn.IBMEAligner\n")
    files = ("right.py", "wrong.py")
    command = [sys.executable, "-m", "mypy", "--python-executable", python_of_a_user, *files]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    revealed, error, count = sorted(done.stdout.splitlines(), key=lambda line: line[:5] != "right")
    assert done.returncode == 1 and count.startswith("Found 1 error in 1 file"), done.stdout
    assert revealed.startswith("right.py:3: note: Revealed type is"), done.stdout
    assert "-> ibmea_sklearn.aligners.ibmea.IBMEAAligner" in revealed
    assert error.startswith('wrong.py:3: error: Module has no attribute "IBMEAligner"')
