"""How long a reviewer waits: a page of 100,000 matches, opened and judged in a real browser.

Needs the extras review and test, and a chromium on the PATH::

    python -m benchmarks.review_page [N_MATCHES]
"""

from __future__ import annotations

import multiprocessing
import shutil
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn.reviews import serve_review

# From a key to the next match on the screen, thirty times, in milliseconds.
JUDGE = """async () => {
  const content = document.getElementById("content"), times = [];
  for (let i = 0; i < 30; i += 1) {
    const before = content.dataset.pair, start = performance.now();
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "d", bubbles: true }));
    while (content.dataset.pair === before) await new Promise((done) => setTimeout(done, 1));
    times.push(performance.now() - start);
    await new Promise((done) => setTimeout(done, 150));
  }
  return times;
}"""


def graph(name: str, n: int) -> KnowledgeGraph:
    """Five triples and three values an entity."""
    ids = [f"http://{name}.org/resource/{i}" for i in range(n)]
    ends = np.random.default_rng(0).integers(0, n, (5 * n, 2))
    triples = [(ids[a], f"http://{name}.org/r{i % 20}", ids[b]) for i, (a, b) in enumerate(ends)]
    said = [(e, f"http://{name}.org/a{k}", 7 * i + k) for i, e in enumerate(ids) for k in range(3)]
    names = [(e, f"{name} number {i}", "en") for i, e in enumerate(ids)]
    return KnowledgeGraph(triples, said, names=names, name=name)


def serve(n: int, path: Path, address: Any) -> None:
    kg1, kg2 = graph("one", n), graph("two", n)
    ids = {kg.name: [f"http://{kg.name}.org/resource/{i}" for i in range(n)] for kg in (kg1, kg2)}
    confidence = np.random.default_rng(1).random(n)
    matches = pd.DataFrame({"source": ids["one"], "target": ids["two"], "confidence": confidence})
    serve_review(matches, kg1, kg2, path, open_browser=False, announce=address.put)


def main(n: int) -> None:
    from playwright.sync_api import sync_playwright

    address = multiprocessing.Queue()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "verdicts.sssom.tsv"
        server = multiprocessing.Process(target=serve, args=(n, path, address), daemon=True)
        server.start()
        url = address.get()
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        start = perf_counter()
        page.goto(url)
        page.wait_for_selector("#content article")
        first = perf_counter() - start
        page.wait_for_selector("body[data-ready]")
        print(
            f"{n:,} matches: the first is shown after {first:.1f} s, all are there after", end=" "
        )
        print(f"{perf_counter() - start:.1f} s")
        times = np.array(page.evaluate(JUDGE))
        print(f"a verdict: median {np.median(times):.0f} ms, longest {times.max():.0f} ms")
        browser.close()
        server.kill()
        server.join()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
