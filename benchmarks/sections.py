"""Sections of a page that commands write, between markers that name the command."""

from __future__ import annotations

from pathlib import Path

from ibmea_sklearn._utils.files import atomic_write


def markers(command: str) -> tuple[str, str]:
    """Return what stands before and after the section that a command writes."""
    return f"<!-- begin: written by {command} -->", f"<!-- end: written by {command} -->"


def write_section(page: Path, command: str, section: str) -> None:
    """Put a section between its markers on a page, or at the page's end.

    Raises
    ------
    ValueError
        If the page has one of the markers and not the other.
    """
    text = page.read_text(encoding="utf8") if page.is_file() else ""
    begin, end = markers(command)
    before, after = _around(text, begin, end, page)
    with atomic_write(page) as file:
        file.write(f"{before}{begin}\n{section}\n{end}{after}")


def _around(text: str, begin: str, end: str, page: Path) -> tuple[str, str]:
    if (begin in text) != (end in text) or text.find(end) < text.find(begin):
        raise ValueError(f"Expected both markers in {page}, or none: {begin} and {end}. Mend it.")
    if begin not in text:
        return (text.rstrip("\n") + "\n\n" if text else ""), "\n"
    return text.partition(begin)[0], text.partition(end)[2]
