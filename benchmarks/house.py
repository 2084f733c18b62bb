"""How a checkout is built: sizes, names, imports.

Several checkouts stand side by side::

    python -m benchmarks.house [CHECKOUT ...]

Code lines are those without blank ones, comments and docstrings. Among the files of one public
definition is no ``__init__.py``. A public name counts once, wherever else it is listed. An import
chain counts modules, and all of a circle; what a module imports inside of functions does not belong
to it. A name that a stub (``.pyi``) hands on leads to where it is from.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import networkx as nx
import numpy as np

from .report import markdown_table

PACKAGE, PRIVATE_ROOMS = "ibmea_sklearn", {"training", "persistence"}
LONG = 30
NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (*FUNCTIONS, ast.ClassDef)
# In a process of its own: what a constructor takes, and the seconds until an aligner is there.
ASK = """
import json, sys, time
start = time.perf_counter()
import ibmea_sklearn
ibmea_sklearn.IBMEAAligner
seconds = time.perf_counter() - start
import importlib
from sklearn.base import BaseEstimator
found = {}
for home, name in json.load(sys.stdin):
    thing = getattr(importlib.import_module(home), name)
    if isinstance(thing, type) and issubclass(thing, BaseEstimator):
        found[name] = len(thing._get_param_names()), hasattr(thing, "fit")
print(json.dumps([seconds, found]))
"""


class Module(NamedTuple):
    """One file: its dotted name, its tree, and the lines that hold code."""

    name: str
    is_package: bool
    tree: ast.Module
    code: set[int]


def modules_of(checkout: Path, kind: str = "py") -> dict[str, Module]:
    """Read all modules of the package, or its stubs."""
    found = {}
    for path in sorted((checkout / PACKAGE).rglob(f"*.{kind}")):
        parts = path.relative_to(checkout).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        source = path.read_text(encoding="utf8")
        tree = ast.parse(source)
        found[name] = Module(name, is_package, tree, code_lines(source, tree))
    return found


def code_lines(source: str, tree: ast.Module) -> set[int]:
    """Return the numbers of the lines that hold code."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, *DEFINITIONS)) and ast.get_docstring(node) is not None:
            told = node.body[0]
            lines.difference_update(range(told.lineno, (told.end_lineno or told.lineno) + 1))
    return lines


def defined(module: Module) -> int:
    """Count the public classes and functions at the top of a module."""
    found = (node for node in module.tree.body if isinstance(node, DEFINITIONS))
    return sum(not node.name.startswith("_") for node in found)


def function_lengths(module: Module) -> list[int]:
    """Return the code lines of each function, methods and inner ones included."""
    return [
        len(module.code.intersection(range(node.lineno, (node.end_lineno or node.lineno) + 1)))
        for node in ast.walk(module.tree)
        if isinstance(node, FUNCTIONS)
    ]


# -- Names -----------------------------------------------------------------------------------------


def public_names(modules: dict[str, Module], stubs: dict[str, Module]) -> dict[str, str]:
    """Return the public names, each with a module whose ``__all__`` has it; no modules."""
    found = {}
    for name, module in modules.items():
        inside = name.split(".")[1:]
        if PRIVATE_ROOMS & set(inside) or any(part.startswith("_") for part in inside):
            continue
        for public in listed(stubs[name].tree) if name in stubs else listed(module.tree):
            if f"{name}.{public}" not in modules:
                found.setdefault(public, name)
    return found


def listed(tree: ast.Module) -> list[str]:
    """Return what ``__all__`` lists, or what ``from x import Y as Y`` hands on where it is none."""
    handed_on = []
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return [c.value for c in ast.walk(node.value) if isinstance(c, ast.Constant)]
        if isinstance(node, ast.ImportFrom):
            handed_on += [alias.name for alias in node.names if alias.asname == alias.name]
    return handed_on


# -- Imports ---------------------------------------------------------------------------------------


def imports_between(
    modules: dict[str, Module], stubs: dict[str, Module], type_checking: bool
) -> nx.DiGraph:
    """Return who imports whom when it is imported itself."""
    lazy = {
        (name, alias): found
        for name, stub in stubs.items()
        for found, alias in imported(stub, stub.tree.body, type_checking)
    }
    graph = nx.DiGraph()
    graph.add_nodes_from(modules)
    for module in modules.values():
        for home, name in imported(module, module.tree.body, type_checking):
            below = f"{home}.{name}"
            target = below if below in modules else lazy.get((home, name), home)
            if target in modules and target != module.name:
                graph.add_edge(module.name, target)
    return graph


def imported(
    module: Module, body: Sequence[ast.stmt], type_checking: bool
) -> Iterator[tuple[str, str]]:
    """Yield module and name of what statements import, but not inside of functions."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            home = home_of(module, node)
            yield from ((home, alias.name) for alias in node.names)
        elif not isinstance(node, FUNCTIONS) and (type_checking or not is_type_checking(node)):
            for part in ("body", "orelse", "handlers", "finalbody"):
                yield from imported(module, getattr(node, part, ()), type_checking)
        elif isinstance(node, ast.If):
            yield from imported(module, node.orelse, type_checking)


def home_of(module: Module, node: ast.ImportFrom) -> str:
    """Return the absolute name of what ``from ... import`` imports from."""
    parts = module.name.split(".")
    base = parts[: len(parts) + module.is_package - node.level] if node.level else []
    return ".".join([*base, *filter(None, [node.module])])


def is_type_checking(node: ast.stmt) -> bool:
    """Tell whether a block is for type checkers alone."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def circles(graph: nx.DiGraph) -> list[list[str]]:
    """Return the groups of modules that import each other in a circle."""
    return sorted(sorted(c) for c in nx.strongly_connected_components(graph) if len(c) > 1)


def deepest(graph: nx.DiGraph) -> int:
    """Return the modules in the longest chain; those of a circle count all."""
    knots = nx.condensation(graph)
    for before, after in knots.edges:
        knots.edges[before, after]["size"] = len(knots.nodes[after]["members"])
    chain = nx.dag_longest_path(knots, weight="size")
    return sum(len(knots.nodes[knot]["members"]) for knot in chain)


# -- The table -------------------------------------------------------------------------------------


def asked(
    checkout: Path, names: dict[str, str], repetitions: int
) -> tuple[float, dict[str, tuple[int, bool]]]:
    """Import the package in fresh processes: median seconds, and parameters by estimator.

    They import a copy, which can be compiled where the checkout can't be written to: a first
    process, which is not timed, does so.
    """
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    things = json.dumps([(home, name) for name, home in names.items()])
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(
            checkout / PACKAGE,
            Path(folder) / PACKAGE,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        told = [
            subprocess.run(
                [sys.executable, "-c", ASK],
                input=things,
                cwd=folder,
                env=env,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            ).stdout
            for _ in range(repetitions + 1)
        ]
    answers = [json.loads(answer) for answer in told]
    return statistics.median(seconds for seconds, _ in answers[1:]), answers[0][1]


def figures(checkout: Path, repetitions: int) -> dict[str, str]:
    """Return what the table says of one checkout."""
    modules, stubs = modules_of(checkout), modules_of(checkout, "pyi")
    names = public_names(modules, stubs)
    seconds, parameters = asked(checkout, names, repetitions)
    return {
        **sizes(list(modules.values())),
        "parameters of estimators, the largest": largest(parameters, True),
        "parameters of settings objects, the largest": largest(parameters, False),
        "public names": str(len(names)),
        **imports("", imports_between(modules, stubs, False)),
        **imports(", with those for type checkers", imports_between(modules, stubs, True)),
        "seconds until IBMEAAligner is imported": f"{seconds:.2f}",
    }


def sizes(modules: Sequence[Module]) -> dict[str, str]:
    """Return the figures of files and functions."""
    single = [defined(m) == 1 for m in modules if not m.is_package]
    lengths = [n for m in modules for n in function_lengths(m)]
    long = np.mean([n > LONG for n in lengths])
    return {
        "files": str(len(modules)),
        "code lines a file": f"{statistics.fmean(len(m.code) for m in modules):.0f}",
        "files of one public definition": f"{sum(single)} ({np.mean(single):.0%})",
        "code lines a function: median, 90%": "{:.0f}, {:.0f}".format(
            *np.quantile(lengths, (0.5, 0.9))
        ),
        f"functions of more than {LONG} code lines": f"{long:.1%}",
    }


def largest(parameters: dict[str, tuple[int, bool]], fits: bool, n: int = 3) -> str:
    """Say which classes take the most parameters: those that fit, or those that do not."""
    counts = sorted(((k, name) for name, (k, has_fit) in parameters.items() if has_fit == fits))
    return ", ".join(f"{name} {k}" for k, name in counts[: -n - 1 : -1])


def imports(which: str, graph: nx.DiGraph) -> dict[str, str]:
    """Return the figures of imports."""
    found = circles(graph)
    said = f"{len(found)}: {'; '.join(map(_circle, found))}" if found else "0"
    return {
        f"modules in the longest import chain{which}": str(deepest(graph)),
        f"import circles{which}": said,
    }


def _circle(names: Sequence[str], shown: int = 4) -> str:
    short = [name.removeprefix(f"{PACKAGE}.") for name in names]
    more = f" and {len(short) - shown} more" if len(short) > shown else ""
    return ", ".join(short[:shown]) + more


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a column for each checkout."""
    parser = argparse.ArgumentParser("python -m benchmarks.house")
    parser.add_argument("checkouts", nargs="*", metavar="CHECKOUT", help="this one by default")
    parser.add_argument("--repetitions", type=int, default=3, help="of the timed import")
    options = parser.parse_args(arguments)
    given = options.checkouts or [Path(__file__).parents[1]]
    for path in given:
        if not (Path(path) / PACKAGE).is_dir():
            parser.error(f"Expected a checkout, with a folder {PACKAGE}; found {path}.")
    columns = [figures(Path(path).resolve(), options.repetitions) for path in given]
    rows = [(name, *(column[name] for column in columns)) for name in columns[0]]
    print(markdown_table(("", *map(str, given)), rows))


if __name__ == "__main__":
    main()
