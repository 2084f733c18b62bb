"""The figures of benchmarks/house.py, on a package that is small enough to count by hand."""

import textwrap

import pytest

from benchmarks import house

FILES = {
    "__init__.py": """
        '''Docstring.'''
        from typing import TYPE_CHECKING

        if TYPE_CHECKING:
            from .aligners import IBMEAAligner
        else:
            from .aligners import IBMEAAligner

        __all__ = ["IBMEAAligner"]
    """,
    "aligners/__init__.py": """
        from .one import IBMEAAligner, Settings

        __all__ = ["IBMEAAligner", "Settings"]
    """,
    "aligners/one.py": """
        '''Docstring
        of two lines.'''
        import ibmea_sklearn.graph
        from sklearn.base import BaseEstimator

        from .._utils import (
            checked,
        )


        class Settings(BaseEstimator):
            def __init__(self, epochs=1):
                self.epochs = epochs


        class IBMEAAligner(BaseEstimator):
            '''Docstring.'''

            def __init__(self, beta=1, fusion="all"):  # a comment
                '''Docstring.'''
                self.beta, self.fusion = beta, fusion

                # A comment, after an empty line.

            def fit(self, X):
                from .two import late

                return late(
                    self,

                    X,
                )
    """,
    "aligners/two.py": """
        from . import one
        def late(*given): return '''no
        docstring'''
        def _private(): pass
    """,
    "_utils.py": """
        from __future__ import annotations
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from . import graph
        def checked(): pass
        __all__ = ["checked"]
    """,
    "graph.py": """
        try:
            from ._utils import checked
        except ImportError:
            pass
        __all__ = ["a_graph", "number"]
        a_graph, number = 1, 2
    """,
    "training.py": "__all__ = ['Secret']",
}


@pytest.fixture
def checkout(tmp_path):
    for name, source in FILES.items():
        path = tmp_path / "ibmea_sklearn" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
    return tmp_path


def graph(checkout, type_checking):
    modules, stubs = (house.modules_of(checkout, kind) for kind in ("py", "pyi"))
    found = house.imports_between(modules, stubs, type_checking)
    short = {name: name.removeprefix("ibmea_sklearn.") for name in found}
    return {(short[a], short[b]) for a, b in found.edges}, found


def test_code_is_what_is_no_blank_line_comment_or_docstring(checkout):
    modules = house.modules_of(checkout)
    code = {name: len(module.code) for name, module in modules.items()}
    assert code == {
        "ibmea_sklearn": 6,
        "ibmea_sklearn._utils": 6,
        "ibmea_sklearn.aligners": 2,
        "ibmea_sklearn.aligners.one": 17,
        "ibmea_sklearn.aligners.two": 4,
        "ibmea_sklearn.graph": 6,
        "ibmea_sklearn.training": 1,
    }
    assert sorted(house.function_lengths(modules["ibmea_sklearn.aligners.one"])) == [2, 2, 6]
    found = house.sizes(list(modules.values()))
    # Of five files that are no __init__.py: _utils and two.
    assert found["files of one public definition"] == "2 (40%)"
    assert found["files"] == "7"
    assert found["code lines a file"] == "6"


def test_functions_of_more_than_30_lines_are_told():
    body = "\n".join(f"    x = {i}" for i in range(30))
    sources = (f"def f():\n{body}", f"def f():\n{body}\n\n    # why\n", "def f():\n    x = 1")
    modules = [
        house.Module("m", False, tree, house.code_lines(source, tree))
        for source in sources
        for tree in [house.ast.parse(source)]
    ]
    assert [house.function_lengths(m) for m in modules] == [[31], [31], [2]]
    assert house.sizes(modules)["functions of more than 30 code lines"] == "66.7%"


def test_public_names_count_once_and_private_rooms_not_at_all(checkout):
    modules = house.modules_of(checkout)
    assert house.public_names(modules, {}) == {
        "IBMEAAligner": "ibmea_sklearn",
        "Settings": "ibmea_sklearn.aligners",
        "a_graph": "ibmea_sklearn.graph",
        "number": "ibmea_sklearn.graph",
    }


def test_imports_at_the_top_and_those_of_type_checkers(checkout):
    edges, found = graph(checkout, False)
    assert edges == {
        ("ibmea_sklearn", "aligners"),
        ("aligners", "aligners.one"),
        ("aligners.one", "graph"),
        ("aligners.one", "_utils"),
        ("aligners.two", "aligners.one"),
        ("graph", "_utils"),
    }
    assert house.circles(found) == []
    assert house.deepest(found) == 5  # the package, aligners, one, graph, _utils
    edges, found = graph(checkout, True)
    assert ("_utils", "graph") in edges
    assert house.circles(found) == [["ibmea_sklearn._utils", "ibmea_sklearn.graph"]]
    assert house.deepest(found) == 5
    assert house.imports("", found)["import circles"] == "1: _utils, graph"


def test_a_stub_says_which_names_are_public_and_where_they_are_from(checkout):
    package = checkout / "ibmea_sklearn"
    (package / "__init__.py").write_text("import lazy_loader as lazy\n")
    (package / "__init__.pyi").write_text(
        "from . import graph as graph\nfrom .graph import number as number\n__version__: str\n"
    )
    (package / "_utils.py").write_text("")
    (package / "training.py").write_text("from ibmea_sklearn import number, __version__\n")
    modules, stubs = (house.modules_of(checkout, kind) for kind in ("py", "pyi"))
    names = house.public_names(modules, stubs)
    assert "graph" not in names and names["number"] == "ibmea_sklearn"
    edges, _ = graph(checkout, False)
    assert {b for a, b in edges if a == "training"} == {"graph", "ibmea_sklearn"}


# What is asked of scikit-learn in a process of its own, four of which would import it for seconds.
BASE_ESTIMATOR = """
import inspect


class BaseEstimator:
    @classmethod
    def _get_param_names(cls):
        return list(inspect.signature(cls).parameters)
"""


@pytest.fixture
def light_scikit_learn(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("light")
    (folder / "sklearn").mkdir()
    (folder / "sklearn" / "__init__.py").touch()
    (folder / "sklearn" / "base.py").write_text(BASE_ESTIMATOR)
    monkeypatch.setenv("PYTHONPATH", str(folder))


@pytest.mark.usefixtures("light_scikit_learn")
def test_checkouts_stand_side_by_side(checkout, capsys):
    house.main([str(checkout), str(checkout), "--repetitions", "1"])
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head == f"|  | {checkout} | {checkout} |"
    table = {
        name: values for name, *values in (row.strip("| ").split(" | ") for row in rows) if values
    }
    assert table["parameters of estimators, the largest"] == ["IBMEAAligner 2"] * 2
    assert table["parameters of settings objects, the largest"] == ["Settings 1"] * 2
    assert table["public names"] == ["4", "4"]
    assert all(0 < float(s) < 60 for s in table["seconds until IBMEAAligner is imported"])


def test_what_is_no_checkout_is_told(tmp_path, capsys):
    with pytest.raises(SystemExit):
        house.main([str(tmp_path)])
    assert "Expected a checkout, with a folder ibmea_sklearn" in capsys.readouterr().err
