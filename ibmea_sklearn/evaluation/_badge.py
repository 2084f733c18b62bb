"""A badge: two words side by side, as an SVG that any page can show."""

from __future__ import annotations

import html

# Width of a letter of 11 px, on average; `textLength` makes the text fit whatever the font.
_LETTER, _PADDING = 6.6, 10
_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" \
aria-label="{label}: {value}">
<title>{title}</title>
<rect width="{width}" height="20" rx="3" fill="#0072B2"/>
<path d="M0 3a3 3 0 0 1 3-3h{inner}v20H3a3 3 0 0 1-3-3z" fill="#444"/>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="{x1}" y="14" textLength="{length1}">{label}</text>
<text x="{x2}" y="14" textLength="{length2}">{value}</text>
</g>
</svg>
"""


def badge(label: str, value: str, title: str) -> str:
    """Return a badge as SVG.

    Parameters
    ----------
    label, value : str
        What stands on the left and on the right.
    title : str
        What a reader sees who points at it.

    Returns
    -------
    str
    """
    lengths = [round(_LETTER * len(text)) for text in (label, value)]
    left, right = (length + 2 * _PADDING for length in lengths)
    return _SVG.format(
        width=left + right,
        inner=left - 3,
        label=html.escape(label),
        value=html.escape(value),
        title=html.escape(title),
        x1=_PADDING,
        x2=left + _PADDING,
        length1=lengths[0],
        length2=lengths[1],
    )
