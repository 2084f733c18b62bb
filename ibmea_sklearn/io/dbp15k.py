"""DBP15K folders, in the form that EVA, MCLEA, MEAformer and IBMEA read."""

from __future__ import annotations

import json
import os
import re
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..graph import KnowledgeGraph
from ._pickles import read_array_dict
from ._text import find_file, malformed_row, pair_array, read_columns, read_lines, read_text

LOOKS_FOR = "ent_ids_1, ent_ids_2, triples_1, triples_2 and ill_ent_ids"


def looks_like(path: Path) -> bool:
    """Say whether a path is a folder of this format."""
    return all((path / name).is_file() for name in ("ent_ids_1", "triples_1", "ill_ent_ids"))


def read_dbp15k(
    folder: str | os.PathLike[str],
    *,
    names: bool = False,
    images: str | os.PathLike[str] | None = None,
) -> tuple[KnowledgeGraph, KnowledgeGraph, np.ndarray]:
    """Read a DBP15K folder.

    Parameters
    ----------
    folder : path-like
        Holds ``ent_ids_1/2`` (index, URI), ``triples_1/2`` (indices), ``ill_ent_ids`` (pairs of
        indices) and, if there are attributes, ``training_attrs_1/2`` (URI, then attribute names).
    names : bool, default=False
        Take the words of ``translated_ent_name.json`` as texts of the entities. Results with
        entity names are a protocol of their own and not comparable to results without.
    images : path-like, optional
        Pickled image features ``{index: vector}``. By default the file
        ``*_id_img_feature_dict.pkl`` of the folder, if there is one.

    Returns
    -------
    kg1, kg2 : KnowledgeGraph
        Entities are named by their URIs, in the order of the files; relations by "r" and their
        index. Attribute triples have no value (None): the format has attribute names only. Image
        features are ``features["image"]``.
    links : ndarray of shape (n_links, 2), object
        URIs of equivalent entities.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a line is malformed or not UTF-8, an index has no entity, or the pickle holds anything
        but arrays of numbers: nothing else in it is ever loaded or run.

    Warns
    -----
    UserWarning
        If attributes are given for entities that have no index, with their number; they are
        left out.

    References
    ----------
    Sun, Hu and Li: Cross-lingual entity alignment via joint attribute-preserving embedding,
    ISWC 2017. The data is derived from DBpedia (CC BY-SA).

    Examples
    --------
    >>> from ibmea_sklearn.io import read_dbp15k
    >>> kg1, kg2, links = read_dbp15k("DBP15K/zh_en")  # doctest: +SKIP
    """
    folder = Path(folder)
    sides = [_read_side(folder, side) for side in "12"]
    links = _read_links(folder, sides)
    features = _read_images(folder, images)
    texts = _read_names(folder) if names else {}
    kg1, kg2 = (_build(side, features, texts) for side in sides)
    return kg1, kg2, links


class _Side(NamedTuple):
    name: str
    uris: pd.Series  # by index of the files
    triples: tuple[np.ndarray, np.ndarray, np.ndarray]
    attributes: list[tuple[str, str, None]]


def _read_side(folder: Path, side: str) -> _Side:
    path = find_file(folder, f"ent_ids_{side}", "entities (index, URI)")
    indices, uris = read_columns(path, 2)
    by_index = pd.Series(uris, _integers(path, indices))
    if not by_index.index.is_unique or not by_index.is_unique:
        repeated = by_index.index.duplicated() | by_index.duplicated().to_numpy()
        malformed_row(path, int(np.argmax(repeated)), "an index and a URI not yet used")
    path = find_file(folder, f"triples_{side}", "relation triples (indices)")
    heads, relations, tails = (_integers(path, c) for c in read_columns(path, 3))
    triples = (
        _uris_of(path, by_index, heads),
        ("r" + pd.Series(relations).astype(str)).to_numpy(object),
        _uris_of(path, by_index, tails),
    )
    return _Side(f"{folder.name}/{side}", by_index, triples, _read_attributes(folder, side, uris))


def _integers(path: Path, column: np.ndarray) -> np.ndarray:
    try:
        return column.astype(np.int64)
    except (ValueError, OverflowError):
        row = next(i for i, text in enumerate(column) if not re.fullmatch(r"-?\d{1,18}", text))
        malformed_row(path, row, "integer indices")


def _uris_of(path: Path, uris: pd.Series, indices: np.ndarray) -> np.ndarray:
    rows = uris.index.get_indexer(indices)
    if (rows < 0).any():
        malformed_row(path, int(np.argmax(rows < 0)), "indices of entities that ent_ids_* names")
    return uris.to_numpy()[rows]


def _read_links(folder: Path, sides: list[_Side]) -> np.ndarray:
    path = find_file(folder, "ill_ent_ids", "links (pairs of indices)")
    columns = [_integers(path, column) for column in read_columns(path, 2)]
    left, right = (_uris_of(path, s.uris, c) for s, c in zip(sides, columns, strict=True))
    return pair_array(left, right)


def _read_attributes(folder: Path, side: str, uris: np.ndarray) -> list[tuple[str, str, None]]:
    path = folder / f"training_attrs_{side}"
    if not path.exists():
        return []
    lines = [line.split("\t") for line in read_lines(path) if line]
    known = set(uris)
    strangers = sum(entity not in known for entity, *_ in lines)
    if strangers:
        warnings.warn(
            f"{path}: {strangers} of {len(lines)} lines name entities that ent_ids_{side} does "
            "not; their attributes are left out.",
            stacklevel=4,
        )
    triples = ((e, a, None) for e, *attributes in lines if e in known for a in attributes if a)
    return list(dict.fromkeys(triples))


def _read_images(folder: Path, images: Any) -> dict[int, np.ndarray]:
    if images is not None:
        return read_array_dict(find_file(Path(images).parent, Path(images).name, "image features"))
    found = sorted(folder.glob("*_id_img_feature_dict.pkl"))
    if len(found) > 1:
        raise ValueError(
            f"Expected one file *_id_img_feature_dict.pkl in {folder}; found "
            f"{', '.join(p.name for p in found)}. Pass the one you mean as `images`."
        )
    return read_array_dict(found[0]) if found else {}


def _read_names(folder: Path) -> dict[int, str]:
    path = find_file(folder, "translated_ent_name.json", "names of entities")
    try:
        return {index: " ".join(words) for index, words in json.loads(read_text(path))}
    except (json.JSONDecodeError, TypeError, ValueError) as error:
        raise ValueError(
            f"Expected JSON of the form [[index, [word, ...]], ...] in {path}; found: {error}."
        ) from None


def _build(side: _Side, features: dict[int, np.ndarray], texts: dict[int, str]) -> KnowledgeGraph:
    vectors = {uri: features[i] for i, uri in side.uris.items() if i in features}
    return KnowledgeGraph(
        dict(zip(("head", "relation", "tail"), side.triples, strict=True)),
        side.attributes,
        texts={uri: texts[i] for i, uri in side.uris.items() if texts.get(i)},
        features={"image": vectors} if vectors else None,
        entities=side.uris.to_numpy(),
        name=side.name,
    )
