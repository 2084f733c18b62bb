"""Servers among what is fuzzed: an endpoint that answers with damaged bytes, damaged requests.

What goes over the wire lies in files, so that it is damaged as they are.
"""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import requests
from reviews.conftest import serving, small_pair

from ibmea_sklearn import io

# Bytes of an answer or a request that are sent, and lines of addresses.
MOST, LINES = 1 << 22, 20
PATIENCE = 0.5  # seconds for an answer to what is no whole request
TERMS = [
    {"type": "uri", "value": "http://x/b"},
    {"type": "literal", "value": "x", "xml:lang": "en"},
    {"type": "typed-literal", "value": "7", "datatype": "http://www.w3.org/2001/XMLSchema#int"},
    {"type": "bnode", "value": "b0"},
]


def content_of(path: Path) -> bytes | None:
    """Return the first bytes of a regular file; None of anything else."""
    with suppress(OSError):
        if path.is_file():
            return path.open("rb").read(MOST)
    return None


# A SPARQL endpoint


def write_answers(folder: Path) -> None:
    pages = [TERMS[:2], TERMS[2:], []]
    for i, terms in enumerate(pages):
        subject, predicate = ({"type": "uri", "value": f"http://x/{name}"} for name in "ap")
        rows = [{"s": subject, "p": predicate, "o": term} for term in terms]
        said = {"head": {"vars": list("spo")}, "results": {"bindings": rows}}
        body = json.dumps(said).encode()
        more = {0: "", 1: "Content-Encoding: gzip\r\n", 2: f"Content-Length: {len(body)}\r\n"}[i]
        head = "HTTP/1.1 200 OK\r\nContent-Type: application/sparql-results+json\r\n"
        head += f"{more}Connection: close\r\n\r\n"
        (folder / f"{i}.http").write_bytes(
            head.encode() + (gzip.compress(body) if i == 1 else body)
        )


def answered(folder: Path) -> Any:
    with answering(folder) as url:
        return io.read_sparql(url, page_size=2, n_retries=0, timeout=1)


@contextmanager
def answering(folder: Path) -> Iterator[str]:
    """Serve the files of a folder in turn, byte by byte as they are."""
    answers = [content_of(path) for path in sorted(folder.iterdir())]
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_answer, args=(server, answers))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/sparql"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _answer(server: socket.socket, answers: list[bytes | None]) -> None:
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                request = b""
                while b"\r\n\r\n" not in request and (part := connection.recv(MOST)):
                    request += part
                answer = answers.pop(0) if answers else None
                connection.sendall(answer or b"HTTP/1.1 404 Not Found\r\n\r\n")


# The server of a review page


def write_requests(folder: Path) -> None:
    verdict = {"s": 5, "t": 5, "verdict": "same", "date": "2026-01-31", "author": "Ada"}
    changes = [["5:5", verdict], ["6:", {"verdict": "none"}], ["7:7", None]]
    (folder / "verdicts.json").write_text(json.dumps({"since": 0, "changes": changes}))
    head = "#curie_map:\n#  skos: http://www.w3.org/2004/02/skos/core#\n"
    columns = "subject_id\tpredicate_id\tpredicate_modifier\tobject_id\tmapping_justification\n"
    row = "http://left.org/1\tskos:exactMatch\t\thttp://right.org/1\tsemapv:ManualMappingCuration\n"
    (folder / "load.json").write_text(json.dumps({"text": head + columns + row}))
    (folder / "get.txt").write_text(
        "\nmatches?start=0\npair?s=0&t=0\npicture?side=0&entity=1&number=0&size=small\n"
        "changes?since=0\nverdicts.sssom.tsv\n"
    )
    (folder / "raw.http").write_text(
        "GET /secret/pair?s=1&t=2 HTTP/1.1\r\nHost: HOST\r\nOrigin: http://HOST\r\n"
        "Sec-Fetch-Site: same-origin\r\nConnection: close\r\n\r\n"
    )


pair = lru_cache(maxsize=1)(small_pair)


def asked(folder: Path) -> None:
    """Send what lies in a folder; the server answers the next one, and its file is whole."""
    sent = [(path, content) for path in sorted(folder.iterdir()) if (content := content_of(path))]
    verdicts = folder / "kept" / "v.sssom.tsv"
    with serving(pair(), verdicts) as address:
        answers = [
            answer
            for path, content in sent
            for request, is_whole in requests_of(path.name, content, address)
            if (answer := exchange(address, request, 10 if is_whole else PATIENCE))
        ]
        assert requests.get(address, timeout=10).status_code == 200
        io.read_verdicts(verdicts)
    io.read_verdicts(verdicts)
    for answer in answers:
        check(answer)
    refused = [answer for answer in answers if b" 200 " not in answer[:14]]
    if refused:
        raise ValueError(f"Expected answers; found {refused[0][:14]!r}.")


def requests_of(name: str, content: bytes, address: str) -> Iterator[tuple[bytes, bool]]:
    """Make requests of a file; and whether they are whole, so that an answer must come."""
    host = address.split("/")[2]
    head = f"Host: {host}\r\nConnection: close\r\n".encode()
    if name == "get.txt":
        for line in content.split(b"\n")[:-1][:LINES]:
            yield b"GET /secret/" + line + b" HTTP/1.1\r\n" + head + b"\r\n", False
    elif name.endswith(".json"):
        start = f"POST /secret/{name.removesuffix('.json')} HTTP/1.1\r\n".encode() + head
        kind = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        yield start + kind.encode() + content, True
    else:
        yield content.replace(b"HOST", host.encode()), False


def exchange(address: str, request: bytes, seconds: float) -> bytes:
    """Send bytes; return all that comes back."""
    host, port = address.split("/")[2].split(":")
    parts = []
    with socket.create_connection((host, int(port)), timeout=seconds) as connection:
        with suppress(OSError):
            connection.sendall(request)
            while part := connection.recv(MOST):
                parts.append(part)
    return b"".join(parts)


def check(answer: bytes) -> None:
    """Check that an answer is of the server's making, and says what was expected."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head[:12].decode("latin1")
    assert status[:9] == "HTTP/1.1 " and status[9:] < "500", f"{status}: {body[-2000:]!r}"
    if status.endswith("400") and b"application/json" in head:
        problem = json.loads(body)["problem"]
        assert "xpected" in problem and "found" in problem and len(problem) < 5000, problem
