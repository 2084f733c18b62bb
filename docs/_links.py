"""Links inside a built site: each leads to a file that is there, and to a place in it."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["broken_links"]

# Of the theme: pieces of pages, with links that a script completes.
NO_PAGES = {"_static"}


class _Page(HTMLParser):
    """What a page links to, and the places in it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif name in ("id", "name") and value:
                self.places.add(value)


def broken_links(site: Path) -> Iterator[str]:
    """Find links to files or places of the site that are not there.

    Parameters
    ----------
    site : Path
        Folder of the built pages.

    Yields
    ------
    str
        "page: link", in the order of the pages.
    """
    pages = {p.resolve(): _Page(p) for p in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        if NO_PAGES & set(path.parts):
            continue
        for link in dict.fromkeys(page.links):
            if not _leads_somewhere(link, path, pages):
                yield f"{path.relative_to(site.resolve())}: {link}"


def _leads_somewhere(link: str, path: Path, pages: dict[Path, _Page]) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if target not in pages:
        return target.is_file()
    return not parts.fragment or unquote(parts.fragment) in pages[target].places
