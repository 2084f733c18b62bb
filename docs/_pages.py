"""The code of a page: found, and run from top to bottom. The tests use it, and ``python docs``."""

from __future__ import annotations

import doctest
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Block", "blocks_of", "run_block", "run_page"]

_BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>.+?) -->\n+)?"
    r"```(?P<kind>python|pycon|\{testsetup\})\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """Code of a page: its first line, kind and text, and the reason if it is not to be run."""

    line: int
    kind: str
    code: str
    reason: str | None


def blocks_of(text: str) -> list[Block]:
    """Return the blocks of a page in Markdown."""
    return [
        Block(text[: m.start("code")].count("\n") + 1, m["kind"], m["code"], m["reason"])
        for m in _BLOCK.finditer(text)
    ]


def run_block(page: Path, block: Block, names: dict[str, Any], smaller: Mapping[str, str]) -> None:
    """Run a block among the names that those before it have set.

    Parameters
    ----------
    page : Path
    block : Block
    names : dict
    smaller : mapping
        What stands in for code that takes long.
    """
    code = block.code
    for large, small in smaller.items():
        code = code.replace(large, small)
    if block.kind == "pycon":
        test = doctest.DocTestParser().get_doctest(code, names, page.name, str(page), block.line)
        options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
        said: list[str] = []
        runner = doctest.DocTestRunner(optionflags=options)
        runner.run(test, out=said.append, clear_globs=False)
        assert not runner.failures, "".join(said)
        return
    # Empty lines before it, so that an error tells the line of the page.
    exec(compile("\n" * (block.line - 1) + code, str(page), "exec"), names)


def run_page(page: Path, smaller: Mapping[str, str], **names: Any) -> None:
    """Run the code of a page from top to bottom, but for what says that it is not to be run."""
    for block in blocks_of(page.read_text(encoding="utf-8")):
        if block.reason is None:
            run_block(page, block, names, smaller)


if __name__ == "__main__":
    run_page(Path(sys.argv[1]), {})
