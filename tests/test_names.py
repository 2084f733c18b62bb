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


def test_stub_is_installed(checkout, tmp_path):
    with built("wheel", checkout, tmp_path) as wheel:
        assert {"ibmea_sklearn/__init__.pyi", "ibmea_sklearn/py.typed"} < set(wheel.namelist())


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


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("IBMEAAligner", 0, "-> ibmea_sklearn.aligners.ibmea.IBMEAAligner"),
        ("IBMEAligner", 1, 'Module has no attribute "IBMEAligner"'),
    ],
)
def test_type_checkers_see_the_names_of_an_editable_install(
    python_of_a_user, tmp_path, name, status, said
):
    (tmp_path / "script.py").write_text(
        f"import ibmea_sklearn\n\naligner = ibmea_sklearn.{name}\nreveal_type(aligner)\n"
        "print(ibmea_sklearn.__version__, ibmea_sklearn.graph.KnowledgeGraph)\n"
    )
    command = [sys.executable, "-m", "mypy", "--python-executable", python_of_a_user, "script.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, said in done.stdout) == (status, True), done.stdout + done.stderr


def test_an_installed_package_has_the_stubs_that_it_imports_by(tmp_path):
    """Not an editable one: what is no package data stays behind."""
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "-w",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".pyi")}
    stubs = {str(path.relative_to(ROOT)) for path in (ROOT / "ibmea_sklearn").rglob("*.pyi")}
    assert packed == stubs and len(stubs) > 5
