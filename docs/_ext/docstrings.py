"""What autodoc shows of docstrings, and how names that end in an underscore are read."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

# In reStructuredText `n_features_out_` outside of quotes is a link to "n_features_out".
_QUOTED = re.compile(r"(``.+?``|`[^`]+`)")
_FITTED = re.compile(r"(?<![\w.`])([A-Za-z]\w*[A-Za-z0-9])_(?![\w`])")
_REQUEST = re.compile(r"set_(fit|score|transform|split|predict|partial_fit)_request")


def escape(line: str) -> str:
    """Escape the underscore of fitted attributes that stand outside of quotes."""
    if line.lstrip().startswith((">>>", "...", "..")):
        return line
    parts = _QUOTED.split(line)
    return "".join(p if i % 2 else _FITTED.sub(r"\1\\_", p) for i, p in enumerate(parts))


def escape_all(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Do so for a docstring, after numpydoc has laid it out."""
    lines[:] = map(escape, lines)


def skip(
    app: Sphinx, what: str, name: str, obj: Any, is_skipped: bool, options: Any
) -> bool | None:
    """Leave out what others have written: fields of tuples, scikit-learn's routing."""
    if type(obj).__name__ == "_tuplegetter":
        return True
    if _REQUEST.fullmatch(name) and not obj.__module__.startswith("ibmea_sklearn"):
        return True
    return None


def setup(app: Sphinx) -> dict[str, Any]:
    """Look at docstrings last."""
    app.connect("autodoc-process-docstring", escape_all, priority=900)
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True}
