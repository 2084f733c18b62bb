"""What docstrings call by a short name is found, whichever room documents it.

``KnowledgeGraph`` lives in ``graph`` and is imported from the package itself. A docstring of
``featurizers`` calls it by its name alone, or by that of its room: there is one public thing of
that name, and this is it.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

PACKAGE = "ibmea_sklearn."


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.TextElement
) -> nodes.reference | None:
    """Link a Python name to the one documented name that ends like it."""
    if node.get("refdomain") != "py":
        return None
    objects = env.domains.python_domain.objects
    name = node["reftarget"].lstrip(".")
    own = node.get("py:class") or ""
    for wanted in (f"{own}.{name}", name, name.removeprefix(PACKAGE).partition(".")[2]):
        found = {o.docname: o for full, o in objects.items() if _is(full, wanted)}
        if wanted and len(found) == 1:
            (entry,) = found.values()
            return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, text)
    return None


def _is(full: str, wanted: str) -> bool:
    return full.startswith(PACKAGE) and f".{full}".endswith(f".{wanted}")


def setup(app: Sphinx) -> dict[str, Any]:
    """Help where Sphinx found nothing, before other projects are looked at."""
    app.connect("missing-reference", resolve, priority=400)
    return {"parallel_read_safe": True}
