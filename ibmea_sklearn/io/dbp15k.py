"""DBP15K folders, in the form that EVA, MCLEA, MEAformer and IBMEA read, and in that of JAPE."""

from __future__ import annotations

import json
import os
import re
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .._utils.validation import brief
from ..graph import KnowledgeGraph
from ._pickles import read_array_dict
from ._text import (
    find_file,
    listing,
    malformed_row,
    pair_array,
    read_columns,
    read_lines,
    read_text,
    resolved,
)
from .openea import Splits

LOOKS_FOR = (
    "ent_ids_1, ent_ids_2, triples_1, triples_2 and ill_ent_ids (or ref_ent_ids and sup_ent_ids)"
)
_ALL, _SEEDS, _TEST = "ill_ent_ids", "sup_ent_ids", "ref_ent_ids"
# Of the folder of a split: 30% of the links to learn from.
_JAPE = re.compile(r"0_\d")


def looks_like(path: Path) -> bool:
    """Say whether a path is a folder of this format."""
    has_graphs = all((path / name).is_file() for name in ("ent_ids_1", "triples_1"))
    return has_graphs and any((path / name).is_file() for name in (_ALL, _TEST))


def is_split(path: str | os.PathLike[str]) -> bool:
    """Say whether a folder says which links are to learn from, and which to test on."""
    return all((Path(path) / name).is_file() for name in (_SEEDS, _TEST))


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
        In JAPE's form ``sup_ent_ids`` and ``ref_ent_ids`` stand in place of ``ill_ent_ids``, and
        of a folder named like ``0_3`` the attributes may lie one or two folders above it.
    names : bool, default=False
        Take the words of ``translated_ent_name.json`` as names of the entities, in the language
        "en". Those of the graph in another language are machine translations: say so with results.
        For the names as they are in the URIs, see :meth:`~ibmea_sklearn.KnowledgeGraph.with_names`.
        Results with names are a protocol of their own and not comparable to results without.
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
        URIs of equivalent entities. In JAPE's form the pairs to learn from, then those to test on;
        for either alone see :func:`read_dbp15k_splits`.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a line is malformed or not UTF-8, a link stands in both files of JAPE's, an index has no
        entity, or the pickle holds anything but arrays of numbers: nothing else in it is ever
        loaded or run.

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
    links = _read_links(folder, [side.uris for side in sides])
    features = _read_images(folder, images)
    said = _read_names(folder) if names else {}
    kg1, kg2 = (_build(side, features, said) for side in sides)
    return kg1, kg2, links


def read_dbp15k_splits(folder: str | os.PathLike[str]) -> Splits:
    """Read the published split of the links of a DBP15K folder in JAPE's form.

    Parameters
    ----------
    folder : path-like
        As ``zh_en/mapping/0_3``: holds ``sup_ent_ids``, 30% of the links, and ``ref_ent_ids``.

    Returns
    -------
    Splits
        ``train``, ``valid`` and ``test``, each an array of shape (n_pairs, 2): the pairs of
        ``sup_ent_ids``, none, and those of ``ref_ent_ids``.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        As :func:`read_dbp15k`.

    Examples
    --------
    >>> from ibmea_sklearn.io import read_dbp15k_splits
    >>> train, _, test = read_dbp15k_splits("DBP15K/zh_en/mapping/0_3")  # doctest: +SKIP
    """
    folder = Path(folder)
    uris = [_read_entities(find_file(folder, f"ent_ids_{s}", "entities")) for s in "12"]
    for name, purpose in ((_SEEDS, "links to learn from"), (_TEST, "links to test on")):
        find_file(folder, name, purpose)
    train, test = _read_split(folder, uris)
    return Splits(train, train[:0], test)


class _Side(NamedTuple):
    name: str
    uris: pd.Series  # by index of the files
    triples: tuple[np.ndarray, np.ndarray, np.ndarray]
    attributes: list[tuple[str, str, None]]


def _read_side(folder: Path, side: str) -> _Side:
    path = find_file(folder, f"ent_ids_{side}", "entities (index, URI)")
    by_index = _read_entities(path)
    path = find_file(folder, f"triples_{side}", "relation triples (indices)")
    heads, relations, tails = (_integers(path, c) for c in read_columns(path, 3))
    triples = (
        _uris_of(path, by_index, heads),
        ("r" + pd.Series(relations).astype(str)).to_numpy(object),
        _uris_of(path, by_index, tails),
    )
    attributes = _read_attributes(folder, side, by_index.to_numpy())
    return _Side(f"{folder.name}/{side}", by_index, triples, attributes)


def _read_entities(path: Path) -> pd.Series:
    indices, uris = read_columns(path, 2)
    by_index = pd.Series(uris, _integers(path, indices))
    if not by_index.index.is_unique or not by_index.is_unique:
        repeated = by_index.index.duplicated() | by_index.duplicated().to_numpy()
        malformed_row(path, int(np.argmax(repeated)), "an index and a URI not yet used")
    return by_index


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


def _read_links(folder: Path, uris: list[pd.Series]) -> np.ndarray:
    """Read all links: of one file, or of both of JAPE's."""
    names = [name for name in (_ALL, _SEEDS, _TEST) if (folder / name).is_file()]
    if _ALL in names and len(names) > 1:
        raise ValueError(
            f"Expected links in {_ALL}, or in {_SEEDS} and {_TEST}; found {', '.join(names)} in "
            f"{folder}. Keep the ones you mean."
        )
    if _ALL not in names and _TEST not in names:
        raise FileNotFoundError(
            f"Expected links (pairs of indices) in the file {_ALL!r} of the folder {folder}, or in "
            f"{_SEEDS!r} and {_TEST!r}; found {listing(folder)}."
        )
    if _SEEDS in names:
        return np.concatenate(_read_split(folder, uris))
    return _read_pairs(folder / names[0], uris)


def _read_split(folder: Path, uris: list[pd.Series]) -> tuple[np.ndarray, np.ndarray]:
    """Read both files of JAPE's; what is learnt from is not tested on."""
    train, test = (_read_pairs(folder / name, uris) for name in (_SEEDS, _TEST))
    known = set(map(tuple, train))
    again = [tuple(pair) in known for pair in test]
    if any(again):
        malformed_row(folder / _TEST, again.index(True), f"a link that is not in {_SEEDS}")
    return train, test


def _read_pairs(path: Path, uris: list[pd.Series]) -> np.ndarray:
    columns = [_integers(path, column) for column in read_columns(path, 2)]
    return pair_array(*(_uris_of(path, u, c) for u, c in zip(uris, columns, strict=True)))


def attribute_files(folder: Path, side: str) -> list[Path]:
    """Name where the attributes may be, the nearest first: JAPE's splits share them."""
    whole = resolved(folder)
    above = [*whole.parents][:2] if _JAPE.fullmatch(whole.name) else []
    return [place / f"training_attrs_{side}" for place in (folder, *above)]


def _read_attributes(folder: Path, side: str, uris: np.ndarray) -> list[tuple[str, str, None]]:
    path = next((p for p in attribute_files(folder, side) if p.exists()), None)
    if path is None:
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
            f"Expected JSON of the form [[index, [word, ...]], ...] in {path}; found: "
            f"{brief(error)}."
        ) from None


def _build(side: _Side, features: dict[int, np.ndarray], names: dict[int, str]) -> KnowledgeGraph:
    vectors = {uri: features[i] for i, uri in side.uris.items() if i in features}
    return KnowledgeGraph(
        dict(zip(("head", "relation", "tail"), side.triples, strict=True)),
        side.attributes,
        names=[(uri, names[i], "en") for i, uri in side.uris.items() if names.get(i)],
        features={"image": vectors} if vectors else None,
        entities=side.uris.to_numpy(),
        name=side.name,
    )
