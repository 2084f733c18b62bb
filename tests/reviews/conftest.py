"""Two small graphs with images, odd names and matches; a server of their page."""

import socket
import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn.io import VerdictFile
from ibmea_sklearn.reviews._app import make_app
from ibmea_sklearn.reviews._contents import Contents
from ibmea_sklearn.reviews._verdicts import Verdicts

N = 12
SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="80" height="80" onload="window.hacked=1">'
    b"<script>window.hacked=1</script><circle cx='40' cy='40' r='30' fill='teal'/></svg>"
)
HOSTILE = [
    '<script>window.hacked=1</script><img src=x onerror="window.hacked=1">',
    "'\"></script><svg onload=window.hacked=1>",
    "\u202eright to left\u2028line &amp; <b>bold</b>\u2029end",
    "javascript:window.hacked=1",
]


def a_graph(name, side):
    ids = [f"http://{name}.org/{i}" for i in range(N)]
    names = {e: [(f"{name} {i}", "en"), (f"{name} {i} другой", "ru")] for i, e in enumerate(ids)}
    names |= {ids[i]: [(HOSTILE[i], "en")] for i in range(len(HOSTILE))}
    triples = [(ids[i], "http://x/near", ids[(i + 1) % N]) for i in range(N)]
    said = {e: {"born": 1900 + i, f"only {name}": side} for i, e in enumerate(ids)}
    said[ids[4]]["long"] = "x" * 999_990 + "<b>the end"
    images = {ids[0]: SVG, ids[1]: np.full((40, 60, 3), 100 * side, np.uint8), ids[2]: b"broken"}
    return KnowledgeGraph(triples, said, images, names=names, name=name)


def small_pair():
    kg1, kg2 = a_graph("left", 1), a_graph("right", 2)
    # Of equal confidence, they come in the order of their ids.
    matches = pd.DataFrame(
        {"source": kg1.entity_ids, "target": kg2.entity_ids, "confidence": np.full(N, 0.5)}
    )
    others = [(s, kg2.entity_ids[(i + k) % N], k, 1 / k)
              for i, s in enumerate(kg1.entity_ids) for k in (1, 2, 3)]  # fmt: skip
    candidates = pd.DataFrame(others, columns=["source", "target", "rank", "score"])
    evidence = pd.DataFrame(
        [(s, t, c, v) for s, t in matches[["source", "target"]].values
         for c, v in (("frozen_graph", 0.4), ("image", -0.1), ("name", float("nan")))],
        columns=["source", "target", "channel", "contribution"],
    )  # fmt: skip
    return SimpleNamespace(
        kg1=kg1, kg2=kg2, matches=matches, more={"candidates": candidates, "evidence": evidence}
    )


@pytest.fixture(scope="session")
def pair():
    return small_pair()


@contextmanager
def serving(pair, path, token="secret"):
    """A server in a thread; gives its address, and ends it without a word to the file."""
    uvicorn = pytest.importorskip("uvicorn", reason="extra [review] is not installed")
    contents = Contents(pair.matches, pair.kg1, pair.kg2, **pair.more)
    with VerdictFile(path) as file, socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        known = Verdicts(contents, file.table(), file)
        app = make_app(contents, known, token, address, {"author": "", "path": path.name})
        config = uvicorn.Config(
            app, log_level="critical", ws="none", lifespan="off", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://{address}/{token}/"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "verdicts.sssom.tsv"


@pytest.fixture
def address(pair, path):
    with serving(pair, path) as address:
        yield address
