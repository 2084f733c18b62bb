"""Pages of the repository that are shown here as they are: what they link to is not all here."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

# A link to a file of the repository becomes its path, which is what a reader of the site can use.
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|#)([^)]+)\)")
# A picture is shown, wherever the page is that includes it.
PICTURE = re.compile(r"!\[([^\]]*)\]\((?!https?:)([^)]+)\)")


def name_files(app: Sphinx, path: Path, parent: str, content: list[str]) -> None:
    """Turn links of an included page to files of the repository into their paths."""
    root = Path(app.srcdir).parent
    folder = path.resolve().parent
    here = (Path(app.srcdir) / parent).parent
    text = LINK.sub(lambda link: f"`{folder.relative_to(root) / link[2]}`", content[0])
    content[0] = PICTURE.sub(
        lambda shown: f"![{shown[1]}]({os.path.relpath(folder / shown[2], here)})", text
    )


def setup(app: Sphinx) -> dict[str, Any]:
    """Look at what is included, when it is."""
    app.connect("include-read", name_files)
    return {"parallel_read_safe": True}
