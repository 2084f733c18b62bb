"""What both graphs say, a row each, in the ids and names of the merged graph."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..featurizers.values.reading import parse_value
from ..graph import KnowledgeGraph
from ._entities import Entities
from ._predicates import Predicates

# Numbers in another unit, to so many digits: 187 * 0.01 is 1.87.
_DIGITS = 12
SIDES = np.array(["left", "right"], object)

# Each table has the column `fact`: rows of one number say the same.


def frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Make a table whose columns of objects stay so: pandas would make NaN of None among texts."""
    kept = {
        name: pd.Series(column, dtype=object) if column.dtype == object else column
        for name, column in columns.items()
    }
    return pd.DataFrame(kept)


def groups_of(*columns: pd.Series) -> np.ndarray:
    """Give one number to rows that are equal in all columns, None and NaN among them."""
    # Of objects, pandas would make an index of texts, which must be unicode.
    codes = {
        i: pd.factorize(column.to_numpy(), use_na_sentinel=False)[0]
        for i, column in enumerate(columns)
    }
    return pd.DataFrame(codes).groupby(list(codes), sort=False).ngroup().to_numpy()


def relation_rows(
    graphs: tuple[KnowledgeGraph, KnowledgeGraph],
    entities: Entities,
    predicates: tuple[Predicates, Predicates],
) -> pd.DataFrame:
    """Return relation triples, those of the left graph first; the same triple is one fact."""
    parts = []
    for side, (kg, places, names) in enumerate(zip(graphs, entities[1:], predicates, strict=True)):
        heads, relations, tails = kg.relation_triples.T
        ends = np.column_stack([places[heads], places[tails]])
        is_inverse = names.is_inverse[relations]
        ends[is_inverse] = ends[is_inverse, ::-1]
        columns = {"head": ends[:, 0], "relation": names.places[relations], "tail": ends[:, 1]}
        original = kg.relation_names.astype(object)[relations]
        columns |= {"original": original, "is_inverse": is_inverse}
        parts.append(frame(columns).assign(side=side))
    rows = _concat(parts)
    rows["fact"] = groups_of(*(rows[column] for column in ("head", "relation", "tail")))
    return rows


def attribute_rows(
    graphs: tuple[KnowledgeGraph, KnowledgeGraph],
    entities: Entities,
    predicates: tuple[Predicates, Predicates],
    read: Callable[[Any], Hashable],
) -> pd.DataFrame:
    """Return attribute triples; a value of the right graph that reads as a left one is one fact.

    ``group`` numbers what is said of one entity by one attribute in one language; ``is_shared`` are
    the groups in which both graphs say something, for which ``reading`` is what `read` returns.
    """
    parts = []
    for side, (kg, places, names) in enumerate(zip(graphs, entities[1:], predicates, strict=True)):
        owners, attributes = kg.attribute_triples.T
        values, datatypes = _converted(kg, names.factors[attributes])
        columns = {"entity": places[owners], "attribute": names.places[attributes]}
        columns |= {"value": values, "datatype": datatypes}
        columns["original"] = kg.attribute_names.astype(object)[attributes]
        columns |= {"original_value": kg.attribute_values}
        columns |= {"original_datatype": kg.attribute_datatypes}
        parts.append(frame(columns).assign(side=side))
    rows = _concat(parts)
    language = [d if isinstance(d, str) and d[:1] == "@" else "" for d in rows["datatype"].tolist()]
    rows["group"] = groups_of(rows["entity"], rows["attribute"], pd.Series(language, dtype=object))
    shared = _are_shared(rows["group"].to_numpy(), rows["side"].to_numpy())
    rows["is_shared"] = shared
    readings = np.full(len(rows), None, object)
    readings[shared] = [read(value) for value in rows["value"].to_numpy()[shared].tolist()]
    rows["reading"] = pd.Series(readings, dtype=object)
    rows["fact"] = _attached(rows, ["group", "reading"])
    return rows


def _are_shared(groups: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Mask of the rows in whose group both sides have rows."""
    size = groups.max(initial=-1) + 1
    counts = (np.bincount(groups[sides == side], minlength=size) for side in (0, 1))
    return np.logical_and(*(count > 0 for count in counts))[groups]


def _concat(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Put tables together whose columns stay what they are: of no row, pandas would guess."""
    kept = [part for part in parts if len(part)] or parts[:1]
    return pd.concat(kept, ignore_index=True)


def _converted(kg: KnowledgeGraph, factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn numbers into the unit of the other graph; their datatype named their own."""
    values, datatypes = kg.attribute_values, kg.attribute_datatypes
    rows = np.flatnonzero(factors != 1)
    if not len(rows):
        return values, datatypes
    values, datatypes = values.copy(), datatypes.copy()
    for row in rows.tolist():
        number = parse_value(values[row])
        if isinstance(number, float):
            values[row] = float(f"{number * factors[row]:.{_DIGITS}g}")
            datatypes[row] = None
    return values, datatypes


def said_rows(
    said: tuple[Any, Any], entities: Entities, what: str, key: Callable[[Any], Hashable]
) -> pd.DataFrame:
    """Return names, images or texts of both graphs; equal ones of one entity are one fact.

    `said` are EntityNames or EntityValues; `key` returns by what two are equal.
    """
    parts = []
    for side, (one, places) in enumerate(zip(said, entities[1:], strict=True)):
        columns = {"entity": places[one.entities], what: one.values}
        if hasattr(one, "languages"):
            columns["language"] = one.languages
        parts.append(frame(columns).assign(side=side))
    rows = _concat(parts)
    keys = [key(value) for value in rows[what].tolist()]
    rows["key"] = pd.Series(keys, dtype=object)
    by = ["entity", "key", *(["language"] if "language" in rows else [])]
    rows["fact"] = _attached(rows, by)
    return rows.drop(columns="key")


def image_key(image: Any) -> Hashable:
    """Return by what two images are the same: the path, the bytes, or the object."""
    if isinstance(image, (str, os.PathLike)):
        return os.fspath(image)
    return image if isinstance(image, bytes) else id(image)


def _attached(rows: pd.DataFrame, by: list[str]) -> np.ndarray:
    """Give facts numbers: a row of the right graph is one with the first left row that is equal.

    Rows of one graph stay apart: what it says twice, the merged graph does as well.
    """
    n_left = int((rows["side"] == 0).sum())
    facts = np.arange(len(rows))
    if 0 < n_left < len(rows):
        same = groups_of(*(rows[column] for column in by))
        first = pd.Series(facts[:n_left], index=same[:n_left])
        first = first[~first.index.duplicated()]
        place = first.reindex(same[n_left:]).to_numpy()
        known = ~np.isnan(place)
        facts[n_left:][known] = place[known].astype(np.int64)
    return facts
