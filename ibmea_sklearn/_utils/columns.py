"""Vectors in blocks of columns: of float16, in memory or in a file, or of an array as it is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import IO, Any, NamedTuple
from weakref import WeakValueDictionary, finalize

import numpy as np
import torch

__all__ = [
    "ArrayColumns",
    "Columns",
    "StoredVectors",
    "VectorStore",
    "column_blocks",
    "in_file",
    "is_stored",
    "some_rows",
]

# Bytes of a block once it is float32: what is held of a matrix at a time. That is 80 columns of
# 200,000 rows: with 32 columns the products of listed pairs take 1.6 times as long.
_BLOCK_BYTES = 1 << 26
_LEAST_WIDTH = 32
# Columns of an array that are read at once.
_ARRAY_WIDTH = 64
# Rows that are made, or converted, at once.
_ROWS = 4096
_BYTES = np.dtype(np.float16).itemsize


class Columns:
    """A matrix as blocks of columns, each float16, with a factor for each row of a block.

    The factor is the largest entry of the row in the block, so that float16 keeps 11 bits of
    numbers of any size. A file has no name in its folder, or is removed when it is closed: the
    system frees it with this object, and when the process is killed.

    Parameters
    ----------
    n_rows, width : int
    in_file : bool
        Whether it lies in a file of the folder for temporary files, else in memory.

    Attributes
    ----------
    starts : int64 ndarray of shape (n_blocks + 1,)
        First column of each block, and the width.
    factors : float32 ndarray of shape (n_blocks, n_rows)
    norms : float64 ndarray of shape (n_rows,)
        Lengths of the rows.

    Raises
    ------
    OSError
        If there is no room for the file.
    """

    itemsize = _BYTES

    def __init__(self, n_rows: int, width: int, in_file: bool) -> None:
        step = max(_LEAST_WIDTH, _BLOCK_BYTES // (4 * max(1, n_rows)) // 16 * 16)
        self.starts = np.append(np.arange(0, width, step), width)
        self.shape = n_rows, width
        self.factors = np.zeros((len(self.starts) - 1, n_rows), np.float32)
        self._squares = np.zeros(n_rows)
        self._file: IO[bytes] | None = None
        self._held: list[np.ndarray] = []
        if in_file:
            self._file = _file_of(n_rows * width * _BYTES)
            finalize(self, self._file.close)
        else:
            self._held = [np.zeros((n_rows, w), np.float16) for w in np.diff(self.starts)]
        self._begin()

    def _begin(self) -> None:
        self._pending: np.ndarray | None = None
        self._n_put = 0
        # Of a file: who keeps one, as a writer of files does, finds the same one again.
        self._maps: WeakValueDictionary[tuple[int, str], np.ndarray] = WeakValueDictionary()

    @classmethod
    def of_blocks(cls, blocks: Sequence[np.ndarray], factors: np.ndarray) -> Columns:
        """Take up blocks, float16 (n_rows, width of the block), and their factors."""
        if any(block.dtype != np.float16 for block in blocks):
            raise ValueError("found stored vectors that are not float16")
        made = cls.__new__(cls)
        widths = [block.shape[1] for block in blocks]
        made.starts = np.concatenate([[0], np.cumsum(widths)])
        made.shape = factors.shape[1], int(made.starts[-1])
        made.factors, made._held, made._file = factors, list(blocks), None
        made._begin()
        made._squares = np.zeros(made.shape[0])
        for number, block in enumerate(blocks):
            for rows in _row_blocks(made.shape[0]):
                part = _float32(block[rows]) * factors[number, rows, None]
                made._squares[rows] += (part**2).sum(axis=1)
        return made

    @property
    def norms(self) -> np.ndarray:
        """Lengths of the rows."""
        return np.sqrt(self._squares)

    def put(self, values: np.ndarray) -> None:
        """Write the next columns, (n_rows, n); all of them, in their order, are to be put."""
        done = 0
        while done < values.shape[1]:
            number = int(np.searchsorted(self.starts, self._n_put, side="right")) - 1
            start, end = self.starts[number : number + 2]
            if self._pending is None:
                self._pending = np.empty((self.shape[0], end - start), np.float32)
            at = self._n_put - start
            n = min(values.shape[1] - done, end - self._n_put)
            self._pending[:, at : at + n] = values[:, done : done + n]
            done, self._n_put = done + n, self._n_put + n
            if self._n_put == end:
                block, self._pending = self._pending, None
                for rows in _row_blocks(self.shape[0]):
                    self._write(number, rows, block[rows])

    def put_rows(self, rows: slice, values: np.ndarray) -> None:
        """Write some rows, (n, width), once."""
        for number, (start, end) in enumerate(zip(self.starts[:-1], self.starts[1:], strict=True)):
            self._write(number, rows, values[:, start:end])

    def _write(self, number: int, rows: slice, values: np.ndarray) -> None:
        largest = np.maximum(values.max(axis=1, initial=0), -values.min(axis=1, initial=0))
        if not np.isfinite(largest).all():
            raise ValueError("found vectors that are not finite")
        factor = np.where(largest > 0, largest, 1).astype(np.float32)
        scaled = values / factor[:, None]
        # torch converts 620 million numbers a second to float16, numpy 64 million.
        self.block(number, "r+")[rows] = torch.from_numpy(scaled).half().numpy()
        self.factors[number, rows] = factor
        lengths = (scaled**2).sum(axis=1, dtype=np.float64)
        self._squares[rows] += lengths * factor.astype(np.float64) ** 2

    def to_units(self) -> Columns:
        """Scale rows to length 1, by their factors alone; those of zeros stay."""
        norms = self.norms
        self.factors /= np.where(norms > 0, norms, 1)
        self._squares = (norms > 0).astype(np.float64)
        return self

    def blocks(self) -> list[np.ndarray]:
        """Return all blocks as they are kept."""
        return [self.block(number) for number in range(len(self.factors))]

    def block(self, number: int, mode: Any = "r") -> np.ndarray:
        """Return a block as it is kept, float16 (n_rows, width of the block).

        That of a file is a memory map of its own: what was read of it leaves the memory with it.
        """
        if self._file is None:
            return self._held[number]
        kept = self._maps.get((number, mode))
        if kept is None:
            start, end = self.starts[number : number + 2]
            shape, offset = (self.shape[0], int(end - start)), int(start) * self.shape[0] * _BYTES
            kept = np.memmap(self._file, np.float16, mode, offset, shape)
            self._maps[number, mode] = kept
        return kept

    def read(self, number: int, rows: Any) -> np.ndarray:
        """Return some rows of a block, float32 (n, width of the block)."""
        block, factor = self.block(number), self.factors[number][rows]
        values = _float32(block[rows])
        values *= factor[:, None]
        return values

    def __getstate__(self) -> dict[str, Any]:
        return {"blocks": list(map(np.array, self.blocks())), "factors": self.factors}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(vars(Columns.of_blocks(**state)))


class ArrayColumns:
    """The same of an array in memory, float32, which stays as it is.

    So channels that are arrays stand side by side without a copy of them.

    Parameters
    ----------
    values : float32 ndarray of shape (n_rows, width)
    """

    itemsize = np.dtype(np.float32).itemsize

    def __init__(self, values: np.ndarray) -> None:
        if values.ndim != 2:
            raise ValueError(f"found vectors of {values.ndim} dimensions")
        self.values = values
        self.shape = values.shape
        # Whatever the number of rows: both sides of a comparison have the same blocks.
        width = values.shape[1]
        self.starts = np.append(np.arange(0, width, _ARRAY_WIDTH), width)

    @cached_property
    def norms(self) -> np.ndarray:
        """Lengths of the rows."""
        norms = np.empty(self.shape[0])
        for rows in _row_blocks(self.shape[0]):
            norms[rows] = np.linalg.norm(self.values[rows], axis=1)
        return norms

    def read(self, number: int, rows: Any) -> np.ndarray:
        """Return some rows of a block, float32 (n, width of the block): a copy."""
        start, end = self.starts[number : number + 2]
        return np.array(self.values[rows, start:end])


class StoredVectors:
    """Vectors in some matrices of columns, side by side, as a read-only array of float32.

    A slice of rows is a view, as with arrays; rows by their numbers or a mask are an array of their
    own. ``numpy.asarray`` makes one of all.

    Parameters
    ----------
    parts : sequence of (Columns or ArrayColumns, float)
        What is side by side, and what each is multiplied by.
    rows : slice or int64 ndarray of shape (n,), optional
        Rows of the matrices; by default all.
    scale : float32 ndarray of shape (n,), optional
        What each row is multiplied by.
    """

    dtype = np.dtype(np.float32)
    ndim = 2

    def __init__(
        self,
        parts: Sequence[tuple[Columns | ArrayColumns, float]],
        rows: slice | np.ndarray | None = None,
        scale: np.ndarray | None = None,
    ) -> None:
        self.parts, self.scale = list(parts), scale
        self.rows: slice | np.ndarray = slice(0, parts[0][0].shape[0]) if rows is None else rows

    def check(self) -> StoredVectors:
        """Raise a ValueError if the rows are none of the matrices, as a damaged file may say."""
        n_rows = {columns.shape[0] for columns, _ in self.parts}
        if isinstance(self.rows, slice):
            ends = [self.rows.start, self.rows.stop]
        else:
            ends = [self.rows.min(initial=0), self.rows.max(initial=-1) + 1]
        is_right = len(n_rows) == 1 and 0 <= ends[0] <= ends[1] <= min(n_rows)
        if not is_right or (self.scale is not None and self.scale.shape != (len(self),)):
            raise ValueError("found vectors of which there are fewer than rows")
        return self

    @property
    def shape(self) -> tuple[int, int]:
        """Number of vectors and their width."""
        n = self.rows.stop - self.rows.start if isinstance(self.rows, slice) else len(self.rows)
        return n, sum(columns.shape[1] for columns, _ in self.parts)

    @property
    def nbytes(self) -> int:
        """Bytes that these rows take as they are kept."""
        numbers = (columns.shape[1] * columns.itemsize for columns, _ in self.parts)
        return self.shape[0] * sum(numbers)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        n, width = self.shape
        return f"<{n} vectors of width {width}, read at use: asarray() makes an array>"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return all as an array."""
        made = np.empty(self.shape, np.float32)
        for columns, block in self.blocks():
            made[:, columns] = block
        return made if dtype is None else made.astype(dtype, copy=False)

    def __getitem__(self, key: Any) -> Any:
        """Return a view of a slice of rows, an array of others; of these, maybe some columns."""
        if isinstance(key, tuple):
            return np.asarray(self[key[0]])[(slice(None), *key[1:])]
        if isinstance(key, (int, np.integer)):
            return np.asarray(self.take(np.array([key])))[0]
        if isinstance(key, slice) and key.step in (None, 1):
            return self.take(key)
        return np.asarray(self.take(key))

    def __matmul__(self, other: Any) -> np.ndarray:
        """Multiply with a matrix (width, n), or a vector, a block of columns at a time."""
        other = np.asarray(other)
        products = np.zeros((len(self), *other.shape[1:]), np.float32)
        for columns, block in self.blocks():
            products += block @ other[columns]
        return products

    def take(self, key: Any) -> StoredVectors:
        """Return a view of some rows."""
        if isinstance(key, slice):
            start, stop, _ = key.indices(len(self))
            key = slice(start, max(start, stop))
        else:
            key = np.arange(len(self))[np.asarray(key)]
        rows: Any = _composed(self.rows, key)
        scale = None if self.scale is None else self.scale[key]
        return StoredVectors(self.parts, rows, scale)

    def blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield columns, and them as float32 (n, width of the block), until all are through."""
        first = 0
        for columns, times in self.parts:
            factor: Any = times if self.scale is None else (self.scale * np.float32(times))[:, None]
            for number, width in enumerate(np.diff(columns.starts)):
                block = columns.read(number, self.rows)
                if times != 1 or self.scale is not None:
                    block *= factor
                yield slice(first, first + width), block
                first += width

    def norms(self) -> np.ndarray:
        """Return the lengths of the rows, float32 (n,)."""
        squares = sum(t**2 * columns.norms[self.rows] ** 2 for columns, t in self.parts)
        norms = np.sqrt(squares) if self.scale is None else np.sqrt(squares) * np.abs(self.scale)
        return np.asarray(norms, np.float32)

    def any(self, axis: int | None = None) -> Any:
        """Tell which rows (axis=1) hold anything but zeros; without an axis, whether one does."""
        has = self.norms() > 0
        return has if axis == 1 else bool(has.any())

    def units(self) -> StoredVectors:
        """Return the same with rows of length 1; those of zeros stay."""
        norms = self.norms()
        scale = np.ones(len(self), np.float32) if self.scale is None else self.scale
        return StoredVectors(self.parts, self.rows, scale / np.where(norms > 0, norms, 1))

    def joined(self, other: StoredVectors, times: float, others: float) -> StoredVectors:
        """Put others beside these, each multiplied by a number; both of the same rows."""
        mine = [(columns, t * times) for columns, t in self.parts]
        return StoredVectors([*mine, *((c, t * others) for c, t in other.parts)], self.rows)


class VectorStore(NamedTuple):
    """Where vectors of entities are kept: as float16 in memory, or in files."""

    in_file: bool

    def columns(self, n_rows: int, width: int) -> Columns:
        """Return a matrix to be written."""
        return Columns(n_rows, width, self.in_file)

    def of_rows(
        self, n_rows: int, width: int, make: Callable[[slice], np.ndarray], units: bool = True
    ) -> StoredVectors:
        """Keep rows that are made some at a time, scaled to length 1 unless told otherwise."""
        columns = self.columns(n_rows, width)
        for rows in _row_blocks(n_rows):
            columns.put_rows(rows, make(rows))
        return StoredVectors([(columns.to_units() if units else columns, 1.0)])

    def of_columns(
        self, n_rows: int, width: int, blocks: Iterator[np.ndarray], units: bool = True
    ) -> StoredVectors:
        """Keep columns that are made some at a time, rows scaled to length 1."""
        columns = self.columns(n_rows, width)
        for block in blocks:
            columns.put(block)
        return StoredVectors([(columns.to_units() if units else columns, 1.0)])

    def kept(self, values: np.ndarray, units: bool = True) -> Any:
        """Keep an array, rows scaled to length 1 unless told otherwise.

        One with numbers that are not finite is returned as it is: whoever trains what has made it
        has to see them.
        """
        if not np.isfinite([values.min(initial=0), values.max(initial=0)]).all():
            return values
        n_rows, width = values.shape
        return self.of_rows(n_rows, width, values.__getitem__, units)


def in_file(values: np.ndarray) -> np.ndarray:
    """Put an array into a file without a name, and return it as a map of this; an empty one stays.

    Raises
    ------
    OSError
        If there is no room for the file.
    """
    if not values.size:
        return values
    with _file_of(values.nbytes) as file:  # the map keeps what is in it
        values.tofile(file)
        file.flush()
        return np.memmap(file, values.dtype, "r", shape=values.shape)


def some_rows(vectors: Any, rows: Any) -> Any:
    """Return some rows, of stored vectors without a copy."""
    return vectors.take(rows) if isinstance(vectors, StoredVectors) else vectors[rows]


def is_stored(vectors: Any) -> bool:
    """Tell whether vectors are stored, not an array."""
    return isinstance(vectors, StoredVectors)


def column_blocks(vectors: Any) -> Iterator[np.ndarray]:
    """Yield the columns of vectors in blocks: of an array, all at once."""
    if isinstance(vectors, StoredVectors):
        yield from (block for _, block in vectors.blocks())
    else:
        yield vectors


def _float32(values: np.ndarray) -> np.ndarray:
    """Convert float16 to float32: torch 790 million numbers a second, numpy 130 million."""
    own = np.asarray(values) if values.flags.writeable else np.array(values)  # torch warns of it
    return np.asarray(torch.from_numpy(own).float())


def _composed(rows: slice | np.ndarray, key: slice | np.ndarray) -> slice | np.ndarray:
    """Return which rows of a matrix are some of those that a view has."""
    if isinstance(rows, np.ndarray):
        return rows[key]
    if isinstance(key, slice):
        return slice(rows.start + key.start, rows.start + key.stop)
    return key + rows.start


def _row_blocks(n_rows: int) -> Iterator[slice]:
    return (slice(start, min(start + _ROWS, n_rows)) for start in range(0, n_rows, _ROWS))


def _file_of(n_bytes: int) -> IO[bytes]:
    """Return a file without a name, with room for some bytes.

    Room is taken at once: a map into a file that the disk has no room for ends the process.
    """
    file = tempfile.TemporaryFile(prefix="ibmea-")
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, max(1, n_bytes))
        else:
            file.truncate(max(1, n_bytes))
    except OSError as error:
        file.close()
        raise OSError(
            error.errno,
            f"Expected room for {n_bytes / 1e6:,.0f} MB of vectors in {tempfile.gettempdir()}; "
            f"found none: {error.strerror}. Free some, raise memory_limit, or name another folder "
            "in the environment variable TMPDIR",
        ) from error
    return file
