"""Questions to a SPARQL endpoint, which may be slow, cut off or wrong, and its answers as lines."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import requests
from urllib3.exceptions import HTTPError

from .._utils.validation import brief
from ._sparql_login import Login
from ._text import shown

# Worth another try: too early, too many, or the server's own trouble.
_PASSING = (408, 425, 429, 500, 502, 503, 504, 509)
# The server wants to know who asks, or does not admit this one.
_WHO_ASKS = (401, 403)
# Seconds: nobody waits longer, whatever a server asks for.
_LONGEST_WAIT = 60
# How many times `timeout` an answer may take from its first byte to its last, and its bytes.
_PATIENCE, LARGEST = 10, 1 << 26
_CHUNK = 1 << 16
_LONGEST_ADDRESS = 2000

_HEADERS = {"Accept": "application/sparql-results+json", "User-Agent": "ibmea_sklearn"}
_TAG = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*", re.ASCII)
_IN_IRI = re.compile(r'[\x00-\x20<>"{}|^`\\]')
_IN_TEXT = re.compile(r'[\x00-\x1f"\\\x7f]')
_NO_LABEL = re.compile(r"[^A-Za-z0-9]", re.ASCII)


class PassingError(Exception):
    """What may go better at the next try; waits for some seconds, if the server says so."""

    def __init__(self, found: str, seconds: float | None = None) -> None:
        super().__init__(found)
        self.seconds = seconds


class Client(NamedTuple):
    """An endpoint, and how patient one is with it."""

    url: str
    timeout: float
    n_retries: int
    backoff: float
    login: Login = Login()

    def ask(self, query: str) -> list[str]:
        """Return the rows of ?s ?p ?o as lines of N-Triples; PassingError after the last try."""
        for attempt in range(self.n_retries + 1):
            try:
                return self._rows(query)
            except PassingError as error:
                if attempt == self.n_retries:
                    raise
                waits = self.backoff * 2**attempt if error.seconds is None else error.seconds
                time.sleep(min(waits, _LONGEST_WAIT))
        raise AssertionError("a try is the last one")

    def _rows(self, query: str) -> list[str]:
        """Return the rows; what a server says of who asks is hidden where it is repeated."""
        try:
            return lines_of(self._fetch(query))
        except PassingError as error:
            raise PassingError(self.login.hide(str(error)), error.seconds) from None
        except ValueError as error:
            raise ValueError(self.login.hide(str(error))) from None

    def _fetch(self, query: str) -> bytes:
        method, place = ("GET", "params") if len(query) <= _LONGEST_ADDRESS else ("POST", "data")
        asked: dict[str, Any] = {place: {"query": query}}
        try:
            with requests.request(
                method,
                self.url,
                headers=_HEADERS,
                timeout=self.timeout,
                stream=True,
                auth=self.login,
                **asked,
            ) as response:
                return self._read(response)
        except (requests.Timeout, requests.ConnectionError) as error:
            raise PassingError(f"no answer ({type(error).__name__})") from None
        except HTTPError as error:  # of the library below, in reading the body
            raise PassingError(f"an answer that was cut off ({type(error).__name__})") from None
        except requests.RequestException as error:  # no address, too many redirections
            raise ValueError(
                f"Expected the address of a SPARQL endpoint; found {shown(self.url)}: "
                f"{brief(error)}. Correct it."
            ) from None

    def _read(self, response: requests.Response) -> bytes:
        """Read the body, which may have no end, or come a byte a second."""
        end, parts, n_bytes = time.monotonic() + _PATIENCE * self.timeout, [], 0
        while part := response.raw.read1(_CHUNK, decode_content=True):
            parts.append(part)
            n_bytes += len(part)
            if n_bytes > LARGEST:
                raise ValueError(
                    f"Expected answers of at most {LARGEST >> 20} MiB from {self.url}; found more. "
                    "Lower page_size."
                )
            if time.monotonic() > end:
                raise PassingError("an answer that did not end")
        data = b"".join(parts)
        if response.status_code in _PASSING:
            said = f"the status {response.status_code}{_said(data)}"
            raise PassingError(said, _seconds(response))
        if response.status_code != 200:
            is_refused = response.status_code in _WHO_ASKS
            raise ValueError(
                f"Expected an answer from {self.url}; found the status "
                f"{response.status_code}{_said(data)}. Check "
                + ("login_env or token_env." if is_refused else "the address and the query.")
            )
        if "X-SQL-State" in response.headers:  # Virtuoso, of what it found in its time
            raise PassingError("a part of an answer, as the server had no more time")
        return data


def _said(data: bytes) -> str:
    text = " ".join(data[:2000].decode("utf-8", "replace").split())
    return f" ({text[:200]})" if text else ""


def _seconds(response: requests.Response) -> float | None:
    said = response.headers.get("Retry-After", "")
    return float(said) if re.fullmatch(r"\d{1,6}", said, re.ASCII) else None


def lines_of(data: bytes) -> list[str]:
    """Turn an answer in JSON into lines of N-Triples, a row a line.

    Raises
    ------
    PassingError
        If it is none, which it also is when it was cut off.
    """
    try:
        rows = json.loads(data)["results"]["bindings"]
        lines = [" ".join([*(_term(row[name]) for name in "spo"), "."]) for row in rows]
        "".join(lines).encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        found = f"{_said(data)[1:] or 'nothing'}: {type(error).__name__}, {brief(error)}"
        raise PassingError(f"no rows of ?s ?p ?o in JSON, but {found}") from None
    return lines


def _term(term: Mapping[str, str]) -> str:
    return _TERMS[term["type"]](term["value"], term)


def _iri(value: str, _: Mapping[str, str]) -> str:
    return f"<{_IN_IRI.sub(_escaped, value)}>"


def _blank(value: str, _: Mapping[str, str]) -> str:
    return "_:b" + _NO_LABEL.sub(lambda found: f"x{ord(found[0]):x}", value)


def _literal(value: str, term: Mapping[str, str]) -> str:
    text = f'"{_IN_TEXT.sub(_escaped, value)}"'
    if language := term.get("xml:lang", "").replace("_", "-"):
        if not _TAG.fullmatch(language):
            raise ValueError(f"no language {shown(language)}")
        return f"{text}@{language}"
    datatype = term.get("datatype")
    return f"{text}^^{_iri(datatype, term)}" if datatype else text


# "typed-literal" is what servers said before SPARQL 1.1.
_TERMS: dict[str, Callable[[str, Mapping[str, str]], str]] = {
    "uri": _iri,
    "bnode": _blank,
    "literal": _literal,
    "typed-literal": _literal,
}


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04X}"
