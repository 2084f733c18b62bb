"""DBP15K folders, in the form that EVA, MCLEA, MEAformer and IBMEA read."""

from __future__ import annotations

import json
import os
import pickle
import pickletools
import re
import warnings
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import pandas as pd

from .._utils.validation import brief
from ..graph import KnowledgeGraph
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
    said = _read_names(folder) if names else {}
    kg1, kg2 = (_build(side, features, said) for side in sides)
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


# Image features are a pickle of numpy arrays, read without running any of its code.
#
# Unpickling calls whatever the file names. Here it may name the constructors of numpy arrays and
# nothing else, and even these are stand-ins that only take in bytes, shape and dtype.


class _DType:
    """Stands for numpy.dtype: a number type, by name."""

    def __init__(self, name: Any, *_: Any) -> None:
        self.dtype = np.dtype(name if isinstance(name, str) else "O")
        if self.dtype.kind not in "fiub":
            raise pickle.UnpicklingError(f"an array of dtype {name!r}, which is no number")

    def __setstate__(self, state: Any) -> None:
        self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """Stands for an array that is being rebuilt."""

    def __init__(self, *_: Any) -> None:
        self.value: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, raw = state
        self._fill(raw, dtype, shape, "F" if fortran else "C")

    def _fill(self, raw: Any, dtype: Any, shape: Any, order: Any) -> None:
        # Protocols 0 to 2 may write the bytes as a Latin-1 string.
        raw = raw.encode("latin1") if isinstance(raw, str) else raw
        self.value = np.frombuffer(raw, dtype.dtype).reshape(shape, order=order)


class _BufferArray(_Array):
    """Stands for an array of protocol 5."""

    def __init__(self, raw: Any, dtype: Any, shape: Any, order: Any, *_: Any) -> None:
        self._fill(raw, dtype, shape, order)


# Classes with __setstate__ and built-in methods only: a pickle may set attributes of whatever else
# it can name, such as the defaults of a function.
_ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): _DType,
    ("numpy", "ndarray"): object(),  # named as an argument, never called
    ("_codecs", "encode"): str.encode,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Array for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _BufferArray for core in ("core", "_core")},
}


# What such a pickle is made of. Not among them: to duplicate, to call in other ways, extensions.
_OPCODES = set(
    "PROTO FRAME STOP MARK POP_MARK POP EMPTY_DICT DICT SETITEM SETITEMS EMPTY_LIST LIST APPEND "
    "APPENDS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 NONE NEWTRUE NEWFALSE INT LONG BININT BININT1 "
    "BININT2 LONG1 LONG4 BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE BINUNICODE8 "
    "SHORT_BINUNICODE BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8 GLOBAL STACK_GLOBAL REDUCE "
    "BUILD PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET".split()
)
_DEEPEST = 20


class _Depths:
    """How deep the values on the stack of a pickle are nested, without making any of them.

    A pair made of twice the pair before, forty times over, is a file of 100 bytes, and a key whose
    hash takes a year.
    """

    def __init__(self) -> None:
        self.stack: list[int] = []
        self.marks: list[int] = []
        self.memo: dict[int, int] = {}

    def follow(self, opcode: pickletools.OpcodeInfo, argument: Any) -> None:
        name = opcode.name
        if name not in _OPCODES:
            raise pickle.UnpicklingError(f"the instruction {name}, which arrays don't need")
        if name == "MARK":
            self.marks.append(len(self.stack))
        elif "PUT" in name or name == "MEMOIZE":
            self._keep(len(self.memo) if argument is None else int(argument))
        elif "GET" in name:
            self.stack.append(self.memo[int(argument)])
        else:
            self._apply(opcode)

    def _keep(self, place: int) -> None:
        # The unpickler makes room for all places below one.
        if place > 2 * len(self.memo) + 1000:
            raise pickle.UnpicklingError(f"place {place} of a memo of {len(self.memo)}")
        self.memo[place] = self.stack[-1]

    def _apply(self, opcode: pickletools.OpcodeInfo) -> None:
        names = [kind.name for kind in opcode.stack_before]
        if "mark" in names:
            begin = self.marks.pop() - names.index("mark")
        else:
            begin = len(self.stack) - len(names)
        if begin < 0:
            raise pickle.UnpicklingError("instructions that take what is not there")
        taken, self.stack[begin:] = self.stack[begin:], []
        if opcode.stack_after:
            own, inner = (taken[:1], taken[1:]) if opcode.name in _IN_PLACE else ([], taken)
            depth = max([*own, 1 + max(inner, default=0)])
            if depth > _DEEPEST:
                raise pickle.UnpicklingError(f"values nested more than {_DEEPEST} deep")
            self.stack.append(depth)


_IN_PLACE = {"SETITEM", "SETITEMS", "APPEND", "APPENDS", "BUILD"}


def _check_instructions(file: IO[bytes]) -> None:
    depths = _Depths()
    for opcode, argument, _ in pickletools.genops(file):
        depths.follow(opcode, argument)
    file.seek(0)


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return _ADMITTED[module, name]


def read_array_dict(path: Path) -> dict[int, np.ndarray]:
    """Read a pickled ``{index: vector}``.

    Raises
    ------
    ValueError
        If the file holds anything else, or is no pickle; nothing of it has been run.
    """
    expected = f"Expected a pickled dictionary {{index: numpy array of numbers}} in {path}"
    if not path.is_file():  # a pipe would have no end
        raise ValueError(f"{expected}; found no file.")
    try:
        with path.open("rb") as file:
            _check_instructions(file)
            content = _ArrayUnpickler(file, encoding="latin1").load()
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{expected}; found {error}. It was not run. Trust only files whose source you know."
        ) from None
    except Exception as error:  # a damaged pickle raises nearly anything
        raise ValueError(f"{expected}; found a damaged file: {error!r}.") from None
    if not isinstance(content, dict) or not all(
        type(k) is int and isinstance(v, _Array) and v.value is not None for k, v in content.items()
    ):
        raise ValueError(f"{expected}; found {type(content).__name__} of something else.")
    return {index: array.value for index, array in content.items()}
