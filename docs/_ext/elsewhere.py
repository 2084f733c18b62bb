"""Links into the documentation of other projects, without asking the network.

intersphinx reads a project's list of names. To fetch it would make a build depend on whether that
project's server answers, and to keep a copy of it would be 100,000 names for a dozen links. So the
names that this site links to stand here, and are written as such lists in the build.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

# By project: address, and by name its kind and its page below that address.
PAGES = {
    "sklearn": (
        "https://scikit-learn.org/stable/",
        {
            f"sklearn.{name}": ("class", f"modules/generated/sklearn.{name}.html#sklearn.{name}")
            for name in (
                "calibration.CalibrationDisplay",
                "compose.ColumnTransformer",
                "feature_extraction.text.TfidfVectorizer",
                "model_selection.GridSearchCV",
                "model_selection.KFold",
                "model_selection.ValidationCurveDisplay",
                "pipeline.Pipeline",
                "preprocessing.TargetEncoder",
            )
        }
        | {
            f"sklearn.{name}": ("function", f"modules/generated/sklearn.{name}.html#sklearn.{name}")
            for name in ("model_selection.cross_validate", "model_selection.train_test_split")
        },
    ),
    "joblib": (
        "https://joblib.readthedocs.io/en/stable/",
        {
            f"joblib.{name}": ("class", f"generated/joblib.{name}.html#joblib.{name}")
            for name in ("Memory", "parallel_config")
        },
    ),
}


HEADER = """# Sphinx inventory version 2
# Project: {project}
# Version:
# The remainder of this file is compressed using zlib.
"""


def names_of(project: str, pages: dict[str, tuple[str, str]]) -> bytes:
    """Return the list of a project's names in the form that intersphinx reads."""
    lines = [f"{name} py:{kind} 1 {page} -\n" for name, (kind, page) in sorted(pages.items())]
    return HEADER.format(project=project).encode() + zlib.compress("".join(lines).encode())


def write_lists(app: Sphinx, config: Config) -> None:
    """Write the list of each project, before intersphinx reads them."""
    folder = Path(app.srcdir) / "_build" / "names"
    folder.mkdir(parents=True, exist_ok=True)
    for project, (address, pages) in PAGES.items():
        path = folder / f"{project}.inv"
        path.write_bytes(names_of(project, pages))
        config.intersphinx_mapping[project] = (address, (str(path),))


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the lists first of all that is done with the configuration."""
    app.connect("config-inited", write_lists, priority=1)
    return {"parallel_read_safe": True}
