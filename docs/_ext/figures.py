"""``{decision}``: which aligner to take, as a figure whose words are links.

An SVG inside the page: it takes the colours of the theme, light or dark, and its words can be
searched and read aloud, which a picture's can't.
"""

from __future__ import annotations

import html
from typing import Any, NamedTuple

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

WIDTH, HEIGHT = 480, 640
REFERENCE = "../api/generated/ibmea_sklearn."


class Box(NamedTuple):
    """A rectangle with lines of text, centred on (x, y)."""

    x: int
    y: int
    width: int
    lines: tuple[str, ...]
    kind: str  # "question" or "answer"
    link: str = ""

    @property
    def height(self) -> int:
        """Of the rectangle: 19 a line."""
        return 19 * len(self.lines) + 18


LEFT, RIGHT = 125, 388
BOXES = {
    "pairs": Box(LEFT, 40, 230, ("Are any pairs known?",), "question"),
    "label": Box(RIGHT, 40, 174, ("Find some by hand:", "2 are the least"), "answer"),
    "first": Box(
        LEFT,
        140,
        240,
        ("PropagationAligner", "trains nothing: try it first"),
        "answer",
        REFERENCE + "PropagationAligner.html",
    ),
    "enough": Box(LEFT, 240, 230, ("Good enough on pairs", "that you held out?"), "question"),
    "done": Box(RIGHT, 240, 174, ("aligner.align()", "and you are done"), "answer"),
    "more": Box(
        LEFT,
        350,
        230,
        ("Anything besides relations?", "attributes, images, texts"),
        "question",
    ),
    "structure": Box(
        RIGHT,
        350,
        174,
        ("IBMEAAligner", "and more seeds"),
        "answer",
        REFERENCE + "IBMEAAligner.html",
    ),
    "lacking": Box(
        LEFT,
        465,
        230,
        ("Do many entities lack", "what others have?"),
        "question",
    ),
    "tmea": Box(
        RIGHT,
        465,
        174,
        ("TMEAAligner", "fills in; compare"),
        "answer",
        REFERENCE + "TMEAAligner.html",
    ),
    "ibmea": Box(
        LEFT,
        580,
        240,
        ("IBMEAAligner", "one bottleneck a modality"),
        "answer",
        REFERENCE + "IBMEAAligner.html",
    ),
}
# From, to, and what is said beside the arrow.
ARROWS = (
    ("pairs", "label", "no"),
    ("pairs", "first", "yes"),
    ("first", "enough", ""),
    ("enough", "done", "yes"),
    ("enough", "more", "no"),
    ("more", "structure", "no"),
    ("more", "lacking", "yes"),
    ("lacking", "tmea", "yes"),
    ("lacking", "ibmea", "no"),
)


def draw() -> str:
    """Return the figure as SVG."""
    body = "".join(_arrow(BOXES[a], BOXES[b], word) for a, b, word in ARROWS)
    body += "".join(map(_box, BOXES.values()))
    return (
        f'<svg class="decision" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'xmlns="http://www.w3.org/2000/svg" aria-labelledby="decision-title">'
        '<title id="decision-title">Which aligner to take</title>'
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L10 5L0 10z"/></marker></defs>'
        f"{body}</svg>"
    )


def _box(box: Box) -> str:
    left, top = box.x - box.width / 2, box.y - box.height / 2
    radius = 4 if box.kind == "question" else box.height / 2
    rows = "".join(
        f'<text x="{box.x}" y="{top + 26 + 19 * i}">{html.escape(line)}</text>'
        for i, line in enumerate(box.lines)
    )
    drawn = (
        f'<g class="{box.kind}"><rect x="{left}" y="{top}" width="{box.width}" '
        f'height="{box.height}" rx="{radius}"/>{rows}</g>'
    )
    return f'<a href="{box.link}">{drawn}</a>' if box.link else drawn


def _arrow(start: Box, end: Box, word: str) -> str:
    if start.y == end.y:
        x1, y1, x2, y2 = start.x + start.width / 2, start.y, end.x - end.width / 2 - 2, end.y
        place = ((x1 + x2) / 2, y1 - 8)
    else:
        x1, y1, x2, y2 = start.x, start.y + start.height / 2, end.x, end.y - end.height / 2 - 2
        place = (x1 + 20, (y1 + y2) / 2 + 4)
    line = f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" marker-end="url(#tip)"/>'
    return f'{line}<text class="word" x="{place[0]}" y="{place[1]}">{word}</text>'


class Decision(Directive):
    """The figure, in the page itself."""

    def run(self) -> list[nodes.Node]:
        """Draw it."""
        return [nodes.raw("", f'<div class="decision">{draw()}</div>', format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directive."""
    app.add_directive("decision", Decision)
    return {"parallel_read_safe": True}
