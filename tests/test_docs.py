"""The pages of the documentation: their code runs, and each can be reached.

``python docs`` builds the site. What is tested here needs no build.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from ibmea_sklearn.datasets import make_mmkg_pair

DOCS = Path(__file__).parents[1] / "docs"
sys.path.append(str(DOCS))
from _links import broken_links  # noqa: E402
from _pages import examples_of, run_page  # noqa: E402
from sybil.example import SybilFailure  # noqa: E402

BUILT = {"_build", "_ext", "_static", "_templates", "gallery", "generated"}
PAGES = sorted(
    path
    for kind in ("*.md", "*.rst")
    for path in DOCS.rglob(kind)
    if not BUILT & set(path.relative_to(DOCS).parts)
)

# -- The code of each page runs, from top to bottom ------------------------------------------------

# What takes minutes, and what stands in for it.
SMALLER = {
    "load_emoji()": "make_mmkg_pair(60, random_state=0)",
    "IBMEAAligner(random_state=0)": "IBMEAAligner.from_preset(training__max_epochs=1, verbose=0)",
    "max_epochs=12": "max_epochs=1",
    "max_epochs=100": "max_epochs=1",
    "(1e-4, 1e-2, 0.1, 0.3, 1.0, 3.0)": "(1e-2,)",
    ", n_jobs=2": "",
}


WITH_CODE = [page for page in PAGES if page.suffix == ".md" and examples_of(page)]
# What needs a cluster; tests/aligners/test_clusters.py runs the one on dask.
LEFT_OUT = {"distributed": 6, "no_seeds": 1}


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.stem)
def test_code_of_page_runs(page, tmp_path, monkeypatch):
    pyplot = pytest.importorskip("matplotlib.pyplot", reason="extra [plot] is not installed")
    pyplot.switch_backend("Agg")
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        # Pages fit for a moment on a handful of pairs, of which a warning rightly tells.
        warnings.simplefilter("ignore")
        left_out = run_page(page, SMALLER, make_mmkg_pair=make_mmkg_pair)
    pyplot.close("all")
    assert len(left_out) == LEFT_OUT.get(page.stem, 0), "hardly any code is not run"


def test_what_is_made_smaller_is_there():
    text = "".join(page.read_text() for page in PAGES)
    assert not [large for large in SMALLER if large not in text]


def test_all_python_of_the_pages_is_found():
    for page in PAGES:
        if page.suffix == ".md":
            text = page.read_text()
            written = re.findall(
                r"^```(?:python|\{testsetup\})$|^<!-- skip: next", text, re.MULTILINE
            )
            assert len(examples_of(page)) >= len(written), page.name
            assert "```pycon" not in text, "write python, with its prompts"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("```python\nx = 1\n```\n\n```python\ny = x + 1\n```\n", {"x": 1, "y": 2}),
        ("a\n\n```{testsetup}\nx = 1\n```\n\n```python\n>>> x\n1\n```\n", {"x": 1}),
        ("```sh\nls\n```\n", {}),
        ("text ```python` text", {}),
        ('<!-- skip: next "slow" -->\n```python\nx = 1\n```\n\n```python\ny = 2\n```\n', {"y": 2}),
    ],
)
def test_blocks_are_run_in_their_order(tmp_path, text, shown):
    page = tmp_path / "page.md"
    page.write_text(text + "\n```python\nkept.update(globals())\n```\n")
    kept = {}
    assert run_page(page, kept=kept) == (["slow"] if "slow" in text else [])
    assert {name: kept[name] for name in ("x", "y") if name in kept} == shown


def test_wrong_code_fails_and_its_line_is_told(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Title\n\n```python\n1 / 0\n```\n")
    with pytest.raises(ZeroDivisionError) as caught:
        run_page(page)
    assert caught.traceback[-1].lineno + 1 == 4
    page.write_text("# Title\n\n```python\n>>> 1 + 1\n3\n```\n")
    with pytest.raises(SybilFailure, match=r"page.md.*line 4"):
        run_page(page)


def test_code_that_takes_long_is_made_smaller(tmp_path):
    page, kept = tmp_path / "page.md", {}
    page.write_text("```python\nkept['n'] = 100\n```\n")
    run_page(page, {"= 100": "= 1"}, kept=kept)
    assert kept["n"] == 1


# -- Every page can be reached ---------------------------------------------------------------------

TOCTREE = {
    ".md": re.compile(r"^```\{toctree\}\n(.*?)^```$", re.MULTILINE | re.DOTALL),
    ".rst": re.compile(r"^\.\. toctree::\n((?: .*\n|\n)*)", re.MULTILINE),
}


def children(page: Path) -> Iterator[Path]:
    for tree in TOCTREE[page.suffix].findall(page.read_text()):
        for line in tree.split("\n"):
            name = line.strip()
            if name and not name.startswith(":"):
                yield from (page.parent / f"{name}{kind}" for kind in (".md", ".rst"))


def test_every_page_is_reached_from_the_first():
    reached, waiting = set(), [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page.is_file() and page not in reached:
            reached.add(page)
            waiting.extend(children(page))
    assert [str(p.relative_to(DOCS)) for p in PAGES if p not in reached] == []


INCLUDED = re.compile(r"^```\{include\} (\S+)", re.MULTILINE)
TO_A_PAGE = re.compile(r"\]\(([\w./-]+\.(?:md|rst))[)#]")


def source_of(page: Path) -> Path:
    """Return what a page is made of: those of the gallery, of examples."""
    if page.parent.name != "gallery":
        return page
    examples = DOCS.parent / "examples"
    return examples / ("GALLERY_HEADER.rst" if page.stem == "index" else f"{page.stem}.py")


@pytest.mark.parametrize("page", [p for p in PAGES if p.suffix == ".md"], ids=lambda p: p.stem)
def test_links_to_other_pages_lead_there(page):
    # A file that a page includes is read at the place of the page: its links may lead elsewhere.
    text = page.read_text()
    texts = [text, *((page.parent / name).read_text() for name in INCLUDED.findall(text))]
    links = {link for part in texts for link in TO_A_PAGE.findall(part)}
    assert sorted(link for link in links if not source_of(page.parent / link).is_file()) == []


# -- The commands ----------------------------------------------------------------------------------


def test_ci_builds_the_site():
    lines = (DOCS.parent / ".ci" / "run").read_text().splitlines()
    assert any(line.endswith("python docs") for line in lines)
    assert "python docs" in (DOCS.parent / "CONTRIBUTING.md").read_text()


def test_links_are_checked(tmp_path):
    (tmp_path / "there.html").write_text('<p id="here">x</p>')
    page = '<a href="there.html#here">1</a><a href="there.html#gone">2</a><a href="no.html">3</a>'
    (tmp_path / "index.html").write_text(page + '<a href="#x">4</a><a href="https://a.org/b">5</a>')
    expected = ["there.html#gone", "no.html", "#x"]
    assert list(broken_links(tmp_path)) == [f"index.html: {link}" for link in expected]
