"""What the server of a review page answers, and whom."""

from __future__ import annotations

import json
import secrets
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from .. import __version__
from .._utils.files import only_unicode
from .._utils.optional import import_optional
from .._utils.validation import brief
from ..io import read_verdicts, write_verdicts
from ._contents import LARGE, SMALL, Contents
from ._page import page, policy
from ._verdicts import Verdicts

CHUNK = 20_000
# Characters of a literal, and bytes of what a page may send.
_MOST_CHARACTERS = 2_000_000
_LARGEST_BODY = 1 << 26
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# Of a drawing that is opened by itself, as a document: it runs nothing there either.
_OF_PICTURES = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
# What stands for an image that can't be read: the page says so where there is room for it.
_BLANK = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
Answer = Callable[[Any, bytes], Any]


def make_app(
    contents: Contents, verdicts: Verdicts, token: str, address: str, told: Mapping[str, str]
) -> Any:
    """Return the ASGI application.

    Parameters
    ----------
    contents : Contents
    verdicts : Verdicts
    token : str
        The path begins with it.
    address : str
        Host and port: the only ones that a request may be for, and come from.
    told : mapping
        ``author`` and ``path``, for the page.
    """
    starlette = import_optional("starlette.applications", "review", "Serving a review page")
    routing = import_optional("starlette.routing", "review", "Serving a review page")
    answers = _Answers(contents, verdicts, told)
    gets = {
        "": answers.page, "matches": answers.matches, "pair": answers.pair,
        "picture": answers.picture, "changes": answers.changes,
        "verdicts.sssom.tsv": answers.file,
    }  # fmt: skip
    posts = {"verdicts": answers.judge, "load": answers.load}
    routes = [
        routing.Route(f"/{token}/{name}", _endpoint(answer), methods=[method])
        for method, answered in (("GET", gets), ("POST", posts))
        for name, answer in answered.items()
    ]
    return _Guard(starlette.Starlette(routes=routes), token, address)


class _Guard:
    """Refuses what is not from the page itself: other hosts, origins, paths."""

    def __init__(self, app: Any, token: str, address: str) -> None:
        self._app, self._token = app, token
        port = address.rpartition(":")[2]
        self._hosts = {address, f"localhost:{port}"}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            return
        why = self._why_not(scope)
        if why:
            response = _response(403, "text/plain; charset=utf-8", why.encode())
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _why_not(self, scope: Any) -> str:
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin1").lower(), []).append(value.decode("latin1"))
        (host, *more) = headers.get("host", [""])
        if host not in self._hosts or more:
            return "Refused: this server answers to its own address only."
        origins = headers.get("origin", [])
        if any(origin != f"http://{host}" for origin in origins):
            return "Refused: a page of another origin has asked."
        if any(s not in ("same-origin", "none") for s in headers.get("sec-fetch-site", [])):
            return "Refused: a page of another site has asked."
        if scope["method"] == "POST" and headers.get("content-type") != ["application/json"]:
            return "Refused: verdicts are sent as JSON."
        given = scope["path"].split("/")[1].encode("utf8", "replace")
        if not secrets.compare_digest(given, self._token.encode()):
            return "Refused: open the address that `ibmea review --serve` has said."
        return ""


class _Answers:
    """An answer for each path."""

    def __init__(self, contents: Contents, verdicts: Verdicts, told: Mapping[str, str]) -> None:
        self._contents, self._verdicts, self._told = contents, verdicts, told
        self._picture = lru_cache(maxsize=512)(contents.picture)

    def page(self, query: Any, body: bytes) -> Any:
        """Return the page, without matches."""
        data = {
            "mode": "server",
            "version": __version__,
            "title": "Review",
            "note": "",
            "graphs": self._contents.names(),
            "n": self._contents.n,
            "chunk": CHUNK,
            **self._told,
        }
        csp = policy(is_server=True) + "; frame-ancestors 'none'"
        return _response(200, "text/html; charset=utf-8", page(data).encode("utf8"), csp)

    def matches(self, query: Any, body: bytes) -> Any:
        """Return some matches, by column."""
        start = _number(query, "start")
        return self._contents.columns(start, start + CHUNK)

    def pair(self, query: Any, body: bytes) -> Any:
        """Return all there is to see of two entities."""
        s, t = (
            _number(query, name, kg.n_entities)
            for name, kg in zip("st", self._contents.graphs, strict=True)
        )
        return self._contents.pair(s, t, self._show, _MOST_CHARACTERS)

    def picture(self, query: Any, body: bytes) -> Any:
        """Return an image."""
        side = _number(query, "side", 2)
        entity = _number(query, "entity", self._contents.graphs[side].n_entities)
        size = SMALL if query.get("size") == "small" else LARGE
        picture = self._picture(side, entity, _number(query, "number"), size)
        if picture is None or picture.problem:
            return _response(200, "image/svg+xml", _BLANK, _OF_PICTURES)
        return _response(200, picture.kind, picture.content, _OF_PICTURES)

    def changes(self, query: Any, body: bytes) -> Any:
        """Return what was judged since."""
        since = _number(query, "since")
        return {"changes": self._verdicts.since(since), "sequence": self._verdicts.sequence}

    def judge(self, query: Any, body: bytes) -> Any:
        """Write verdicts, and return what else was judged since."""
        given = _given(body, "changes", list)
        since = _number({"since": 0, **given}, "since")  # before anything is written
        self._verdicts.change(given["changes"])
        return self.changes({"since": since}, b"")

    def file(self, query: Any, body: bytes) -> Any:
        """Return the file of all verdicts."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "verdicts.sssom.tsv"
            write_verdicts(self._verdicts.table(), path)
            return _response(200, "text/tab-separated-values; charset=utf-8", path.read_bytes())

    def load(self, query: Any, body: bytes) -> Any:
        """Take the verdicts of a file that the page has been given."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "verdicts.sssom.tsv"
            text = _given(body, "text", str)["text"]
            with only_unicode("verdicts"):
                path.write_text(text, encoding="utf8", newline="")
            since = self._verdicts.sequence
            left = self._verdicts.load(read_verdicts(path))
        return {"left": left, **self.changes({"since": str(since)}, b"")}

    def _show(self, side: int, entity: int, number: int, size: int) -> dict[str, str]:
        kind = "small" if size == SMALL else "large"
        name = f"picture?side={side}&entity={entity}&number={number}&size={kind}"
        if size == SMALL:
            return {"name": name}
        picture = self._picture(side, entity, number, size)
        if picture is None or picture.problem:
            return {"problem": picture.problem if picture else "it is gone"}
        return {"name": name}


def _endpoint(answer: Answer) -> Callable[[Any], Awaitable[Any]]:
    """Read a request, answer it in a thread of its own, and say what went wrong."""
    in_thread = import_optional("starlette.concurrency", "review", "Serving a review page")

    async def endpoint(request: Any) -> Any:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _LARGEST_BODY:
                return _problem(413, "Expected less than 64 MiB; found more.")
        try:
            answered = await in_thread.run_in_threadpool(answer, request.query_params, body)
        except (ValueError, KeyError, TypeError) as error:
            return _problem(400, str(error))
        except OSError as error:
            return _problem(500, f"Expected to read or write a file; found: {error}")
        return answered if hasattr(answered, "status_code") else _json(200, answered)

    return endpoint


def _given(body: bytes, name: str, kind: type) -> dict[str, Any]:
    """Return what a page sends: an object in JSON, with a value of this name and kind."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"Expected JSON; found {type(error).__name__}, {brief(error)}.") from None
    if not isinstance(given, dict) or not isinstance(given.get(name), kind):
        raise ValueError(f"Expected an object with {name}; found something else.")
    return given


def _number(query: Any, name: str, end: int | None = None) -> int:
    text = str(query.get(name, ""))
    if not (text.isascii() and text.isdigit() and len(text) < 12) or (
        end is not None and int(text) >= end
    ):
        below = "" if end is None else f" below {end}"
        raise ValueError(f"Expected {name} to be a number{below}; found {text[:40]!r}.")
    return int(text)


def _json(status: int, content: Any) -> Any:
    text = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return _response(status, "application/json", text.encode())


def _problem(status: int, text: str) -> Any:
    return _json(status, {"problem": text})


def _response(status: int, kind: str, content: bytes, csp: str = "default-src 'none'") -> Any:
    responses = import_optional("starlette.responses", "review", "Serving a review page")
    headers = {**_HEADERS, "Content-Type": kind, "Content-Security-Policy": csp}
    return responses.Response(content, status, headers)
