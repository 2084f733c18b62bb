"""The code of a page, by Sybil: found, and run from top to bottom.

The tests use it, and ``python docs``. ``<!-- skip: next "reason" -->`` leaves out the next block.
"""

from __future__ import annotations

import doctest
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import SkipTest

from sybil import Document, Example
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.myst import CodeBlockParser, PythonCodeBlockParser, SkipParser
from sybil.typing import Parser

__all__ = ["examples_of", "run_page"]

OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def parsers() -> list[Parser]:
    """Return what finds Python, the set-up that the site hides, and what says not to run it."""
    python = PythonCodeBlockParser(doctest_optionflags=OPTIONS)
    return [python, CodeBlockParser(r"{testsetup}", PythonEvaluator()), SkipParser()]


def examples_of(path: Path, smaller: Mapping[str, str] | None = None) -> list[Example]:
    """Return the examples of a page in Markdown, in their order.

    Parameters
    ----------
    path : Path
    smaller : mapping, optional
        What stands in for code that takes long.
    """
    text = path.read_text(encoding="utf-8")
    for large, small in (smaller or {}).items():
        text = text.replace(large, small)
    document = Document(text, str(path))
    for parser in parsers():
        for region in parser(document):
            document.add(region)
    return list(document.examples())


def run_page(path: Path, smaller: Mapping[str, str] | None = None, **names: Any) -> list[str]:
    """Run the code of a page; return the reasons for which some of it was left out.

    Parameters
    ----------
    path : Path
    smaller : mapping, optional
        What stands in for code that takes long.
    **names
        What the code may use besides what it defines.
    """
    left_out = []
    for example in examples_of(path, smaller):
        example.namespace.update(names)
        try:
            example.evaluate()
        except SkipTest as reason:
            left_out.append(str(reason))
    return left_out


if __name__ == "__main__":
    run_page(Path(sys.argv[1]))
