"""The page itself: one file of HTML with its style, its script and, offline, all that it shows."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

_SCRIPTS = ("dom.js", "sssom.js", "stores.js", "state.js", "view.js", "main.js")


def page(data: Mapping[str, Any]) -> str:
    """Return the page for some data.

    Parameters
    ----------
    data : mapping
        ``mode`` is "file" or "server"; what else there is, stores.js reads.

    Returns
    -------
    str
        HTML. Its policy lets nothing run but this script, and nothing be fetched but, from
        the server that has sent it, what that server has.
    """
    is_server = data["mode"] == "server"
    parts = {
        "@POLICY@": policy(is_server),
        "@STYLE@": _style(),
        "@SCRIPT@": _script(),
        "@DATA@": as_json(data),
    }
    text = _read("page.html")
    for mark, part in parts.items():
        before, _, after = text.partition(mark)
        text = before + part + after
    return text


def policy(is_server: bool) -> str:
    """Return the content security policy of the page."""
    own, asked = (" 'self'", "'self'") if is_server else ("", "'none'")
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src '{_hash(_script())}'",
            f"style-src '{_hash(_style())}'",
            f"img-src data:{own}",
            f"connect-src {asked}",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


@cache
def _script() -> str:
    return "\n".join(map(_read, _SCRIPTS))


@cache
def _style() -> str:
    return _read("page.css")


def _read(name: str) -> str:
    return files(__package__).joinpath("page", name).read_text(encoding="utf8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf8")).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def as_json(value: Any) -> str:
    """Write JSON that can stand in a script of HTML, in ASCII."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
