"""Every public name stands in the API reference, and its docstring says what it should."""

from __future__ import annotations

import importlib
import inspect
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ibmea_sklearn

DOCS = Path(__file__).parents[1] / "docs"
NAMED = re.compile(r"^(?:   |\.\. py:\w+:: )(ibmea_sklearn\.[\w.]+)", re.MULTILINE)


def homes() -> Iterator[str]:
    """Modules whose `__all__` is public: the package and its rooms."""
    yield "ibmea_sklearn"
    things = (getattr(ibmea_sklearn, name) for name in ibmea_sklearn.__all__)
    names = (thing.__name__ for thing in things if inspect.ismodule(thing))
    # Ranges of parameters are for authors of aligners: a how-to shows them.
    yield from (name for name in names if name != "ibmea_sklearn._utils.validation")


def public() -> dict[str, Any]:
    """Public things by one of their names."""
    found: dict[str, Any] = {}
    for home in homes():
        module = importlib.import_module(home)
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if inspect.ismodule(thing):
                continue
            if not any(thing is other for other in found.values()):
                found[f"{home}.{name}"] = thing
    return found


PUBLIC = public()


def in_reference() -> dict[str, Any]:
    names = [n for page in (DOCS / "api").glob("*.rst") for n in NAMED.findall(page.read_text())]
    assert len(names) == len(set(names)), "a name stands there twice"
    return {name: _thing(name) for name in names}


def _thing(name: str) -> Any:
    home, _, last = name.rpartition(".")
    return getattr(importlib.import_module(home), last)


def test_every_public_name_stands_in_the_reference():
    shown = list(in_reference().values())
    assert [name for name, thing in PUBLIC.items() if not any(thing is s for s in shown)] == []


def test_the_reference_shows_nothing_else():
    public_things = list(PUBLIC.values())
    shown = in_reference().items()
    assert [name for name, thing in shown if not any(thing is p for p in public_things)] == []


# -- Docstrings ------------------------------------------------------------------------------------

CLASSES_AND_FUNCTIONS = {
    name: thing
    for name, thing in PUBLIC.items()
    if inspect.isclass(thing) or inspect.isfunction(thing)
}


def is_plain(thing: Any) -> bool:
    """Named tuples, exceptions and abstract classes: nothing to call in an example."""
    if not inspect.isclass(thing):
        return False
    return issubclass(thing, (tuple, BaseException)) or inspect.isabstract(thing)


def has_foreign_start(thing: Any) -> bool:
    """Whether the constructor is torch's own, or a protocol's: its arguments are none of ours."""
    homes = [c for c in getattr(thing, "__mro__", ()) if "__init__" in vars(c)]
    # By the class, not by the function: what compiles modules puts another in its place.
    is_torch = bool(homes) and homes[0].__module__.startswith("torch.")
    return is_torch or getattr(thing, "_is_protocol", False)


def own_methods(name: str, thing: Any) -> Iterator[str]:
    """Methods and properties that this package has written, inherited ones included."""
    for member in dir(thing) if inspect.isclass(thing) else ():
        home = next(c for c in thing.__mro__ if member in vars(c)) if member[0] != "_" else object
        written = inspect.getattr_static(thing, member)
        if not home.__module__.startswith("ibmea_sklearn") or member == "training":
            continue
        if isinstance(written, (classmethod, staticmethod, property)) or (
            inspect.isfunction(written) and written.__module__.startswith("ibmea_sklearn")
        ):
            yield f"{name}.{member}"


@pytest.fixture(scope="module")
def checks() -> set[str]:
    """Checks that are off in the build are off here."""
    if str(DOCS / "_ext") not in sys.path:
        sys.path.append(str(DOCS / "_ext"))
    return runpy.run_path(str(DOCS / "conf.py"))["numpydoc_validation_checks"]


def errors(name: str, off: set[str]) -> list[str]:
    from numpydoc.validate import validate

    found = validate(name)["errors"]
    return [f"{name}: {code} {text}" for code, text in found if code not in off]


def test_docstrings_are_valid(checks):
    assert "all" in checks
    off = checks - {"all"}
    found: list[str] = []
    for name, thing in CLASSES_AND_FUNCTIONS.items():
        for one in (name, *own_methods(name, thing)):
            # Fields of a named tuple are told in its summary.
            strict = set() if is_plain(thing) else {"PR01", "RT01", "YD01"}
            if one == name and has_foreign_start(thing):
                strict = strict - {"PR01"}
            found += errors(one, off - strict)
    assert found == []


def test_public_things_have_an_example(checks):
    without = [
        name
        for name, thing in CLASSES_AND_FUNCTIONS.items()
        if not is_plain(thing) and ">>>" not in (inspect.getdoc(thing) or "")
    ]
    assert without == []


def test_validation_sees_what_is_wrong(tmp_path, monkeypatch, checks):
    source = 'def f(x):\n    """Do it\n\n    Parameters\n    ----------\n    y : int\n    """\n'
    (tmp_path / "wrong_docs.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    found = "".join(errors("wrong_docs.f", checks))
    assert "SS03" in found and "PR02" in found
