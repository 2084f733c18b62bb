"""Image features as a pickle of numpy arrays, read without running any of its code.

Unpickling calls whatever the file names. Here it may name the constructors of numpy arrays and
nothing else, and even these are stand-ins that only take in bytes, shape and dtype.
"""

from __future__ import annotations

import pickle
import pickletools
from pathlib import Path
from typing import IO, Any

import numpy as np


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
