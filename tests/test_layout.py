"""Who may import whom, and where the tests are."""

import ast
import importlib
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = "ibmea_sklearn"
ROOT = Path(__file__).parents[1] / PACKAGE
TESTS = Path(__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# Helpers that are no room: what is shared by all and knows nothing of alignment.
HELPERS = {"_utils"}
DATA_ROOMS = {"datasets", "featurizers", "graph", "io", "matching", "metrics", "model_selection"}
ROOMS = DATA_ROOMS | {
    "aligners", "channels", "cli", "evaluation", "inspection", "losses", "merging", "nn",
    "persistence", "reviews", "training",
}  # fmt: skip


# Besides itself and the helpers. Only aligners know all.
MAY_IMPORT = {
    "graph": set(),
    "nn": set(),
    "losses": set(),
    **dict.fromkeys(DATA_ROOMS - {"graph"}, DATA_ROOMS),
    "featurizers": DATA_ROOMS | {"losses", "nn"},  # VAEImputer is trained
    "channels": DATA_ROOMS - {"datasets"},
    "inspection": DATA_ROOMS,
    "merging": DATA_ROOMS - {"datasets"},
    "persistence": {"graph", "nn"},
    "training": {"channels", "graph", "losses", "matching", "nn", "persistence"},
    "reviews": DATA_ROOMS | {"inspection"},
    "aligners": ROOMS - {"cli", "evaluation", "reviews"},
    "evaluation": DATA_ROOMS | {"aligners", "inspection"},
    "cli": ROOMS - {"nn", "losses", "training"},
}
# torch_sparse and torch_scatter belong to torch: a backend of nn may use them.
TORCH_ONLY = {"torch", "torch_sparse", "torch_scatter"}


def room_of(module):
    """Second part of the dotted name: 'ibmea_sklearn.io.rdf' is of the room 'io'."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def module_of(file):
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(file):
    name = module_of(file)
    return name if file.name == "__init__.py" else name.rpartition(".")[0]


def imports_of(source, package, nodes=ast.walk):
    """Yield (module, name or None) of every import, inside functions too, and by name."""
    for node in nodes(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) + 1 - node.level]
            module = ".".join([*(base if node.level else []), *filter(None, [node.module])])
            yield from ((module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Call) and _called(node) in ("import_module", "import_optional"):
            if node.args and isinstance(node.args[0], ast.Constant):
                yield node.args[0].value, None


def _called(node):
    return getattr(node.func, "id", getattr(node.func, "attr", None))


def rooms_imported(source, package):
    """Rooms of ours, without the importer's own."""
    own = room_of(package)
    for module, name in imports_of(source, package):
        if module.split(".")[0] == PACKAGE:
            room = room_of(module) or (name if name in ROOMS | HELPERS else "")
            if room and room != own:
                yield room


def packages_imported(source, package):
    """Packages of others, the standard library left out."""
    roots = {module.split(".")[0] for module, _ in imports_of(source, package)}
    return roots - {PACKAGE} - sys.stdlib_module_names


def of_room(room):
    return [f for f in FILES if room_of(module_of(f)) == room]


def run_at_import(node):
    """Yield the nodes that an import runs: not the body of a function, no type checking."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return
    is_typing = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    yield node
    for child in node.orelse if is_typing else ast.iter_child_nodes(node):
        yield from run_at_import(child)


def modules_imported(file, nodes=ast.walk):
    """Modules of ours that this one imports: of a package's name, what defines or passes it on."""
    names = {module_of(f) for f in FILES}
    for module, name in imports_of(file.read_text(), package_of(file), nodes):
        inside = f"{module}.{name}"
        if module in names and module_of(file) not in (module, inside):
            yield inside if inside in names else module


def graph_of_imports(nodes=ast.walk):
    return {module_of(file): set(modules_imported(file, nodes)) for file in FILES}


def in_circles(graph):
    """Names of all that import themselves by way of others."""

    def reached(start):
        seen, ahead = set(), [start]
        while ahead:
            new = graph.get(ahead.pop(), set()) - seen
            seen |= new
            ahead += new
        return seen

    return {module for module in graph if module in reached(module)}


def longest_chain(graph):
    """Return the modules of the longest way down, the first of them imported by none."""
    chains = {}
    for module in TopologicalSorter(graph).static_order():
        below = (chains[other] for other in graph.get(module, ()))
        chains[module] = [module, *max(below, key=len, default=[])]
    return max(chains.values(), key=len)


def test_every_folder_and_module_is_a_room_or_a_helper():
    folders = {f.parent.name for f in ROOT.glob("*/__init__.py")}
    assert folders == ROOMS | HELPERS
    assert [f.name for f in ROOT.glob("*.py")] == ["__init__.py"]
    assert set(MAY_IMPORT) == ROOMS


def test_imports_only_rooms_it_may_know():
    wrong = []
    for file in FILES:
        room = room_of(module_of(file))
        if file.parent != ROOT and room not in HELPERS:
            known = MAY_IMPORT[room] | HELPERS
            imported = rooms_imported(file.read_text(), package_of(file))
            wrong += [f"{file.relative_to(ROOT)}: {other}" for other in {*imported} - known]
    assert not wrong, f"must not import: {sorted(wrong)}"


def test_no_circle_of_imports():
    """Of any kind: for type checking, or inside of a function, it binds two files as well."""
    circles = in_circles(graph_of_imports())
    assert not circles, f"{sorted(circles)} import themselves by way of others"


def test_chains_of_imports_are_short():
    chain = longest_chain(graph_of_imports(run_at_import))
    assert len(chain) <= 12, f"{len(chain)} modules deep, more than 12: {' > '.join(chain)}"


def test_circles_and_chains_are_found():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}
    assert in_circles(graph) == {"b", "c"}
    assert longest_chain({"a": {"b", "d"}, "b": {"c"}, "c": {"d"}, "d": set()}) == [*"abcd"]
    source = (
        "import a\nif TYPE_CHECKING:\n    import b\nelse:\n    import c\n"
        "def f():\n    import d\nclass C:\n    import e\n"
        "try:\n    import g\nexcept X:\n    import h\n"
    )
    assert [*dict(imports_of(source, PACKAGE, run_at_import))] == [*"aceg", "h"]
    assert {*dict(imports_of(source, PACKAGE))} == {*"abcdegh"}


def test_helpers_import_nothing_of_ours():
    for file in (file for helper in HELPERS for file in of_room(helper)):
        assert not set(rooms_imported(file.read_text(), package_of(file))), file


def test_networks_and_losses_know_torch_only():
    for file in of_room("nn") + of_room("losses"):
        others = packages_imported(file.read_text(), package_of(file)) - TORCH_ONLY
        assert not others, f"{file.relative_to(ROOT)} must not import {sorted(others)}"


@pytest.mark.parametrize("room", ["cli", "reviews"])
def test_what_users_see_uses_public_names_only(room):
    for file in of_room(room):
        for module, name in imports_of(file.read_text(), package_of(file)):
            if module.split(".")[0] != PACKAGE or room_of(module) in {room, *HELPERS}:
                continue
            assert module.count(".") <= 1, f"{file.name}: {module} is inside a room"
            if name is not None and name not in ROOMS | HELPERS:
                public = [*importlib.import_module(module).__all__, "__version__"]
                assert name in public, f"{file.name}: {module}.{name} is not public"


def test_every_room_with_code_has_tests():
    missing = [
        room
        for room in sorted(ROOMS | HELPERS)
        if any(f.name != "__init__.py" for f in (ROOT / room).rglob("*.py"))
        and not list((TESTS / room).rglob("test_*.py"))
    ]
    assert not missing, f"no tests/<room>/test_*.py for {missing}"


def test_every_test_folder_has_a_room():
    folders = {f.relative_to(TESTS).parts[0] for f in TESTS.rglob("*/test_*.py")}
    assert folders <= ROOMS | HELPERS


def test_test_files_have_unique_names():
    names = [f.name for f in TESTS.rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(
    ("source", "package", "expected"),
    [
        ("from ..nn import spmm", "ibmea_sklearn.io", {"nn"}),
        ("from .. import nn", "ibmea_sklearn.io", {"nn"}),
        ("from .rdf import read", "ibmea_sklearn.io", set()),
        ("import ibmea_sklearn.losses.kl as kl", "ibmea_sklearn.io", {"losses"}),
        ("def f():\n    from ibmea_sklearn.aligners import base", "ibmea_sklearn.io", {"aligners"}),
        ("from .nn.gat import x", "ibmea_sklearn", {"nn"}),
        (
            "import importlib\nimportlib.import_module('ibmea_sklearn.nn')",
            "ibmea_sklearn.io",
            {"nn"},
        ),
        ("import numpy, torch.nn", "ibmea_sklearn.io", set()),
    ],
)
def test_this_file_sees_every_form_of_import(source, package, expected):
    assert set(rooms_imported(source, package)) == expected


def test_extras_that_messages_name_exist():
    text = (ROOT.parent / "pyproject.toml").read_text(encoding="utf8")
    extras = set(tomllib.loads(text)["project"]["optional-dependencies"])
    named = {
        node.args[1].value
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf8")))
        if isinstance(node, ast.Call) and _called(node) == "import_optional"
        if len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
    }
    assert len(named) > 5
    assert named <= extras
