"""Tables of a comparison as people read them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from .protocol import METHODS_IN_WORDS, Protocol

_HEADERS = {
    "dataset": "Data",
    "aligner": "Aligner",
    "n_runs": "Runs",
    "hits@1_right_to_left": "Right to left",
    "hits@10": "Hits@10",
    "mrr": "MRR",
    "by_predict": "Right by predict",
    "f1": "One-to-one F1",
    "names_alone": "Names alone",
    "seconds": "Fit",
    "peak_memory_mib": "Peak memory",
}


def columns_in_words(table: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """Return the table of means with headings in words, and figures as a page shows them."""
    lead, *others = [METHODS_IN_WORDS[m] for m in protocol.matchings] or ["own"]
    said = pd.DataFrame(
        {
            "Data": table["dataset"],
            "Aligner": table["aligner"],
            "Runs": [_runs(*row) for row in zip(table["n_runs"], table["n_failed"], strict=True)],
            f"Hits@1 ({lead})": [
                _mean(*row) for row in zip(table["hits@1"], table["hits@1_std"], strict=True)
            ],
        }
    )
    for method, name in zip(others, protocol.matchings[1:], strict=True):
        said[method] = table[f"hits@1_{name}"].map(_number)
    for name in ("hits@1_right_to_left", "hits@10", "mrr", "by_predict", "f1", "names_alone"):
        if name in table and table[name].notna().any():
            said[_HEADERS[name]] = table[name].map(_number)
    if table["iterative"].nunique() > 1:  # one row is not as the others are
        said["Iterative"] = table["iterative"]
    said["Fit"] = table["seconds"].map(lambda s: "" if pd.isna(s) else f"{s:,.1f} s")
    memory = table["peak_memory_mib"].astype(float)
    said["Peak memory"] = memory.map(lambda m: "" if pd.isna(m) else f"{m:,.0f} MiB")
    return said


def table_in_words(differences: pd.DataFrame) -> pd.DataFrame:
    """Return the table of differences with headings in words."""
    rows = differences.itertuples(index=False)
    return pd.DataFrame(
        [
            (
                row.dataset,
                f"{row.aligner} less {row.other}",
                f"{row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}]",
                _chance(row.pvalue),
                _chance(row.pvalue_holm),
                f"{row.n_pairs:,}",
            )
            for row in rows
        ],
        columns=["Data", "Difference", "Hits@1", "p", "p (Holm)", "Test pairs"],
    )


def markdown(table: pd.DataFrame) -> str:
    """Return a table in Markdown; the first two columns are text, the others numbers."""
    lines = [
        list(table.columns),
        ["---" if i < 2 else "---:" for i in range(len(table.columns))],
        *table.astype(str).to_numpy().tolist(),
    ]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: Any) -> str:
    return " ".join(str(text).replace("|", "\\|").split())


def _runs(n_done: int, n_failed: int) -> str:
    return f"{n_done}, {n_failed} failed" if n_failed else str(n_done)


def _mean(mean: float, deviation: float) -> str:
    spread = "" if pd.isna(deviation) else f" ± {deviation:.3f}"
    return f"{_number(mean)}{spread}"


def _number(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.3f}"


def _chance(value: float) -> str:
    return "<.001" if value < 0.001 else f"{value:.3f}".removeprefix("0")
