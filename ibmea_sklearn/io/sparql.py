"""SPARQL endpoints, asked page by page; the pages are kept, and the next call goes on."""

from __future__ import annotations

import json
import os
import re
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from .._utils.files import atomic_write
from .._utils.validation import (
    Choice,
    Integer,
    Number,
    brief,
    checked_integer,
    checked_positive,
)
from ..graph import KnowledgeGraph
from ._sparql_client import Client, PassingError
from ._sparql_login import check_of_file, read_login
from ._text import malformed, read_lines, read_text, shown
from ._values import unescape
from .rdf import NAMES, predicates, read_rdf

LOOKS_FOR = "a file .rq that begins with # endpoint: URL, and holds a SPARQL query of ?s ?p ?o"
ALL = "SELECT ?s ?p ?o WHERE { ?s ?p ?o }"
MANIFEST = "pages.json"
MOST_TRIPLES = 10_000_000

_PROLOGUE = re.compile(
    r"(?:\s+|#[^\n]*\n?|PREFIX\s+[^\s:]*:\s*<[^>]*>|BASE\s*<[^>]*>)*", re.IGNORECASE
)
_SETTING = re.compile(r"#\s*(endpoint|page size|paging|timeout|login env|token env)\s*:\s*(.*?)\s*")
_SUBJECT = re.compile(r"<([^>]*)>")


def looks_like(path: Path) -> bool:
    """Say whether a path is a file of this format."""
    return path.is_file() and path.suffix == ".rq"


def pages_of(path: Path) -> Path:
    """Return the folder in which the pages of a file .rq are kept."""
    return path.with_suffix(".pages")


def read_sparql(
    endpoint: str | os.PathLike[str],
    query: str = ALL,
    *,
    folder: str | os.PathLike[str] | None = None,
    page_size: int = 10_000,
    paging: str = "offset",
    timeout: float = 60.0,
    n_retries: int = 4,
    backoff: float = 1.0,
    login_env: str | None = None,
    token_env: str | None = None,
    names: Sequence[str] = NAMES,
    name: str | None = None,
) -> KnowledgeGraph:
    """Read a graph from a SPARQL endpoint, page by page (needs pyoxigraph: the extra ``rdf``).

    Parameters
    ----------
    endpoint : str or path-like
        Address ``http://...`` or ``https://...``. Or a file ``NAME.rq`` that holds the query and,
        before it, lines ``# endpoint: ADDRESS`` and, if you like, ``# page size: 5000``,
        ``# paging: keyset``, ``# timeout: 120`` and ``# login env: VARIABLE`` or
        ``# token env: VARIABLE``, whose name begins with ``IBMEA_``; its pages are kept in
        ``NAME.pages``. Such a file is a graph for :func:`read_graph`, and on the command line.
    query : str, optional
        A SELECT of ``?s``, ``?p`` and ``?o`` without ORDER BY, LIMIT and OFFSET. By default all
        triples of the default graph.
    folder : path-like, optional
        Where pages are kept, as N-Triples. The same call goes on from there after an interrupt or
        a fault, and once all are there it asks nobody. By default they are not kept.
    page_size : int, default=10_000
        Rows that are asked for at once. A server may give fewer.
    paging : {"offset", "keyset"}, default="offset"
        "offset" asks for rows from the n-th on, in the order ``?s ?p ?o``. Servers refuse that
        beyond some depth or get slow: "keyset" asks for subjects from the last one on. That leaves
        out blank nodes as subjects.
    timeout : float, default=60.0
        Seconds to wait for a next byte; ten times as long for a whole page.
    n_retries : int, default=4
        More tries at a page after no answer, an answer that is cut off or wrong, or the server's
        own trouble (such as 503).
    backoff : float, default=1.0
        Seconds before the second try, doubled for each further one; a minute at most, and as long
        as the server asks for.
    login_env, token_env : str, optional
        For an endpoint that asks who you are: the *name* of the environment variable that holds
        ``USER:PASSWORD``, or a bearer token. It is sent to this server alone, and is in no error
        and no file.
    names : sequence of str, optional
        As of :func:`read_rdf`.
    name : str, optional
        The name of the graph; by default the host, or the stem of the file.

    Returns
    -------
    KnowledgeGraph
        As :func:`read_rdf` makes it of the pages.

    Raises
    ------
    OSError
        If the server gives no page, after all tries. Pages before it are kept in `folder`.
    ValueError
        If a parameter is out of its range, a variable is not set, the server refuses the query,
        gives more than it is asked for, the same page twice, no triple or more than 10,000,000; or
        if `folder` holds pages of another query.
    ImportError
        If pyoxigraph is not installed.

    Warns
    -----
    UserWarning
        If rows came twice: the data changed meanwhile, or the server's order is not stable, and
        others may be missing. If there are blank nodes in several pages, whose names hold in one.
        If a password or a token is sent to another machine unencrypted.

    Notes
    -----
    Answers are asked for in JSON, which every endpoint gives and which tells when it is cut off;
    CSV does not tell addresses from texts. One of more than 64 MiB is refused.

    Examples
    --------
    >>> from ibmea_sklearn.io import read_sparql
    >>> query = "SELECT ?s ?p ?o WHERE { ?s a <http://schema.org/City> ; ?p ?o }"
    >>> kg = read_sparql(  # doctest: +SKIP
    ...     "https://dbpedia.org/sparql", query, folder="cities.pages", paging="keyset"
    ... )
    """
    if not re.match(r"https?://", os.fspath(endpoint)):
        how: dict[str, Any] = {"n_retries": n_retries, "backoff": backoff}
        how |= {"login_env": login_env, "token_env": token_env}
        return _read_file(Path(endpoint), names=names, name=name, **how)
    url = os.fspath(endpoint)
    predicates(names)
    checked_integer(page_size, "page_size")
    Choice("offset", "keyset").check("paging", paging)
    checked_positive(timeout, "timeout")
    Integer(0).check("n_retries", n_retries)
    Number().check("backoff", backoff)
    login = read_login(url, login_env, token_env)
    client = Client(url, timeout, n_retries, backoff, login)
    place: AbstractContextManager[Any] = (
        tempfile.TemporaryDirectory() if folder is None else nullcontext(folder)
    )
    with place as pages_folder:
        pages = _Pages(Path(pages_folder), url, query, page_size, paging)
        pages.complete(client, is_kept=folder is not None)
        pages.warn()
        host = re.sub(r"https?://([^/:?#]*).*", r"\1", url)
        return read_rdf(pages.files(), names=names, name=host if name is None else name)


def _read_file(
    path: Path,
    names: Sequence[str],
    name: str | None,
    login_env: str | None,
    token_env: str | None,
    **how: Any,
) -> KnowledgeGraph:
    text = read_text(path, advice=f" Write {LOOKS_FOR}.")
    said: dict[str, str] = {}
    asked = []
    for line in text.split("\n"):
        if found := _SETTING.fullmatch(line):
            said[found[1]] = found[2]
        else:
            asked.append(line)
    query = "\n".join(asked)
    if not re.match(r"https?://", said.get("endpoint", "")):
        malformed(path, 1, text.partition("\n")[0], "a line # endpoint: https://ADDRESS")
    try:
        size, seconds = int(said.get("page size", 10_000)), float(said.get("timeout", 60))
    except ValueError as error:
        raise ValueError(f"{path}: expected numbers as settings; found: {brief(error)}.") from None
    for line in ("login env", "token env"):
        if line in said:
            check_of_file(line, said[line])
    has_query = _PROLOGUE.sub("", query, count=1).strip()
    return read_sparql(
        said["endpoint"],
        query if has_query else ALL,
        folder=pages_of(path),
        page_size=size,
        paging=said.get("paging", "offset"),
        timeout=seconds,
        login_env=said.get("login env", login_env),
        token_env=said.get("token env", token_env),
        names=names,
        name=path.stem if name is None else name,
        **how,
    )


class _Pages:
    """The folder of pages: which of them are there, and how to ask for the next one."""

    def __init__(self, folder: Path, url: str, query: str, page_size: int, paging: str) -> None:
        self.folder, self.page_size, self.paging = folder, page_size, paging
        prologue = _PROLOGUE.match(query)
        begin = prologue.end() if prologue else 0
        # Comments end with their line.
        self.prologue, self.pattern = query[:begin].rstrip() + "\n", query[begin:].rstrip() + "\n"
        self.asked = {"endpoint": url, "query": query, "paging": paging}
        self.is_complete = self._check_manifest()

    def _check_manifest(self) -> bool:
        path = self.folder / MANIFEST
        if not path.is_file():
            if self.files():
                raise ValueError(
                    f"Expected {MANIFEST} beside the pages in {self.folder}, which says what they "
                    "answer; found none. Choose another folder, or empty this one."
                )
            return False
        try:
            said = json.loads(read_text(path))
            asked, is_complete = {key: said[key] for key in self.asked}, bool(said["complete"])
        except (json.JSONDecodeError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(
                f"Expected what was asked for, as JSON, in {path}; found: {brief(error)}. Choose "
                "another folder, or empty this one."
            ) from None
        other = next((key for key in asked if asked[key] != self.asked[key]), None)
        if other:
            raise ValueError(
                f"Expected pages of the {other} {shown(self.asked[other])} in {self.folder}; found "
                f"those of {shown(asked[other])}. Choose another folder, or empty this one."
            )
        return is_complete

    def files(self) -> list[Path]:
        """List the pages that are there, up to the first that is not."""
        files: list[Path] = []
        while (path := self.folder / f"page-{len(files):06}.nt").is_file():
            files.append(path)
        return files

    def lines(self) -> Iterator[str]:
        """Yield the rows of all pages."""
        for path in self.files():
            yield from read_lines(path)

    def complete(self, client: Client, is_kept: bool) -> None:
        """Ask for the pages that are not there."""
        if self.is_complete:
            return
        self._write_manifest(False)
        n_pages, before = len(self.files()), self._last_page()
        place = _Place()
        for line in self.lines():
            place.pass_by(line)
        while True:
            try:
                page = client.ask(self._query(place))
            except PassingError as error:
                kept = f"{n_pages} pages are kept in {self.folder}: the same call goes on"
                raise OSError(
                    f"Expected page {n_pages + 1} from {client.url} within {client.n_retries + 1} "
                    f"tries; found {brief(error)}. "
                    f"{kept if is_kept else 'Pass folder, to keep what came'}. Try again later, or "
                    "lower page_size."
                ) from None
            self._check(page, before, place.n_rows, client.url)
            if not page:
                break
            with atomic_write(self.folder / f"page-{n_pages:06}.nt") as file:
                file.writelines(f"{line}\n" for line in page)
            n_pages, before = n_pages + 1, page
            for line in page:
                place.pass_by(line)
        self._write_manifest(True)

    def _last_page(self) -> list[str]:
        files = self.files()
        return read_lines(files[-1]) if files else []

    def _query(self, place: _Place) -> str:
        condition, order, offset = "", "?s ?p ?o", place.n_rows
        if self.paging == "keyset":
            # Addresses have no order for FILTER, their texts have.
            last = json.dumps(place.subject, ensure_ascii=False)
            condition = f"FILTER(isIRI(?s) && STR(?s) >= {last})"
            order, offset = "STR(?s) ?p ?o", place.n_of_subject
        return (
            f"{self.prologue}SELECT DISTINCT ?s ?p ?o WHERE {{ {{ {self.pattern} }} {condition} }} "
            f"ORDER BY {order} LIMIT {self.page_size} OFFSET {offset}"
        )

    def _check(self, page: list[str], before: list[str], n_rows: int, url: str) -> None:
        if not page and not n_rows:
            raise ValueError(f"Expected triples from {url}; found none. Check the query.")
        found = None
        if len(page) > self.page_size:
            found = f"{len(page):,} rows, though LIMIT is {self.page_size:,}"
        elif page and page == before:
            found = "the same page twice, though OFFSET is another"
        if found:
            raise ValueError(
                f"Expected pages from {url}; found {found}. It can't be read by pages."
            )
        if n_rows + len(page) > MOST_TRIPLES:
            raise ValueError(
                f"Expected at most {MOST_TRIPLES:,} triples from {url}; found more. Narrow the "
                "query, or get the data as a file and read it by read_rdf."
            )

    def _write_manifest(self, is_complete: bool) -> None:
        with atomic_write(self.folder / MANIFEST) as file:
            json.dump({**self.asked, "complete": is_complete}, file, indent=1, ensure_ascii=False)
            file.write("\n")

    def warn(self) -> None:
        """Say what may be wrong with the pages."""
        hashes, n_rows, n_blank = set(), 0, 0
        for line in self.lines():
            hashes.add(hash(line))
            n_rows += 1
            n_blank += line.startswith("_:") or "> _:" in line
        if len(hashes) < n_rows:
            warnings.warn(
                f"{n_rows - len(hashes):,} of {n_rows:,} rows came twice: the data changed, or the "
                "server's order is not stable, so others may be missing. Read it again, or try "
                'another paging ("keyset", "offset").',
                stacklevel=3,
            )
        if n_blank and len(self.files()) > 1:
            warnings.warn(
                f"{n_blank:,} of {n_rows:,} rows have blank nodes, whose names hold in one page: "
                "one that is in two pages is two entities. Raise page_size, or leave them out by "
                "FILTER(!isBlank(?s) && !isBlank(?o)).",
                stacklevel=3,
            )


class _Place:
    """How far the rows go: how many there are, and how many of them have the last subject."""

    def __init__(self) -> None:
        self.n_rows = self.n_of_subject = 0
        self.subject = ""

    def pass_by(self, line: str) -> None:
        """Count a row."""
        found = _SUBJECT.match(line)
        subject = unescape(found[1]) if found else ""
        self.n_of_subject = self.n_of_subject + 1 if subject == self.subject else 1
        self.subject = subject
        self.n_rows += 1
