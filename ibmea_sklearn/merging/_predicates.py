"""Under which name relations and attributes go into a merged graph."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..graph import KnowledgeGraph
from ._entities import of_one_kind

_NEEDED = ("source", "target", "kind", "direction", "predicate", "scale", "confidence")


class Predicates(NamedTuple):
    """Names of a merged graph, and what becomes of those of one of its two graphs.

    ``names`` are all names of the merged graph; ``places``, for each name of the graph, its index
    among them; ``is_inverse``, whether head and tail are swapped; ``factors``, what its numbers are
    multiplied by. These three are arrays with a row for each name of the graph.
    """

    names: np.ndarray
    places: np.ndarray
    is_inverse: np.ndarray
    factors: np.ndarray


def unite_predicates(
    kg1: KnowledgeGraph, kg2: KnowledgeGraph, schema: Any, kind: str, by_left: bool
) -> tuple[Predicates, Predicates]:
    """Bring the relations or attributes of both graphs under common names.

    Parameters
    ----------
    kg1, kg2 : KnowledgeGraph
    schema : DataFrame or None
        As :func:`align_schema` returns it. Those count that are the same, and each other's best.
    kind : {"relation", "attribute"}
    by_left : bool
        Whether the name of the left graph is kept, or that of the right one.

    Raises
    ------
    ValueError
        If the schema lacks a column, or names what no graph has.
    """
    names = [getattr(kg, f"{kind}_names") for kg in (kg1, kg2)]
    plain = of_one_kind(*names)
    new = [array.astype(object) for array in plain]
    is_inverse = [np.zeros(len(array), bool) for array in plain]
    factors = [np.ones(len(array)) for array in plain]
    rows = [] if schema is None else _best(schema, kind).to_dict("records")
    index = [pd.Index(array, dtype=array.dtype) for array in names]
    other = 1 if by_left else 0
    for row in rows:
        ends = _places(row, index, kind)
        new[other][ends[other]] = plain[1 - other][ends[1 - other]]
        is_inverse[other][ends[other]] = row["direction"] == "inverse"
        if np.isfinite(row["scale"]):
            factors[other][ends[other]] = 1 / row["scale"] if by_left else row["scale"]
    codes, united = pd.factorize(np.concatenate(new))
    united = np.asarray(united, plain[0].dtype)
    parts = np.split(codes.astype(np.int64), [len(new[0])])
    left, right = (
        Predicates(united, *columns) for columns in zip(parts, is_inverse, factors, strict=True)
    )
    return left, right


def _best(schema: pd.DataFrame, kind: str) -> pd.DataFrame:
    missing = [name for name in _NEEDED if name not in schema]
    if missing:
        raise ValueError(
            f"Expected schema to be a table that align_schema returns; found none of {missing}. "
            "Keep all of its columns, and take out rows."
        )
    same = schema[(schema["kind"] == kind) & (schema["predicate"] == "same")]
    keys = ["confidence", "source", "target", "direction"]
    same = same.assign(confidence=same["confidence"].round(9)).sort_values(
        keys, ascending=[False, True, True, False]
    )
    return same[~(same["source"].duplicated() | same["target"].duplicated())]


def _places(row: dict[str, Any], index: list[pd.Index], kind: str) -> list[int]:
    places = []
    for side, known in zip(("source", "target"), index, strict=True):
        if row[side] not in known:
            graph = "first" if side == "source" else "second"
            raise ValueError(
                f"Expected the schema to name {kind}s of both graphs; found {row[side]!r}, which "
                f"the {graph} one has not. Take the schema of these graphs, in this order."
            )
        places.append(int(known.get_loc(row[side])))
    return places
