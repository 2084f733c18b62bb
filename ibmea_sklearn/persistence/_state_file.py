"""One safetensors file for a nested state: arrays as tensors, JSON in the metadata."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import sklearn
import torch
from safetensors import SafetensorError, safe_open

from .. import __version__
from .._utils.files import atomic_write
from .._utils.validation import brief
from ._codec import Decoder, Encoder
from ._kinds import DTYPES, KINDS

# To be raised when older code could not read what is written.
FORMAT_VERSION = 1

_PROGRAM = "ibmea_sklearn"
_ALIGNMENT = 8
# What it may come to where JSON is of another form than was written.
_OF_DAMAGE = (AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def write_state(
    path: str | os.PathLike[str],
    content: str,
    state: Mapping[str, Any],
    tuples: Iterable[type] = (),
) -> None:
    """Write a state, whole or not at all.

    Parameters
    ----------
    path : path-like
        Its folder is created if need be; a file that is there is replaced.
    content : str
        What the file holds, such as "aligner".
    state : mapping of {str: object}
        Numbers, texts, arrays, tensors and modules of this package; lists and mappings of these.
    tuples : iterable of NamedTuple classes, default=()
        That may be among the values.

    Raises
    ------
    TypeError
        If a value can't be written.
    OSError
        If the file can't be written. What was there before stays.

    See Also
    --------
    StateFile : Read it.

    Notes
    -----
    Arrays of any shape, of bool, integers or floats, become tensors of one file in the format of
    safetensors (https://huggingface.co/docs/safetensors), one that is met twice only once; all
    else is JSON in its metadata. Tensors of any device come back on the CPU.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from ibmea_sklearn.persistence import StateFile, write_state
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "model.safetensors"
    ...     write_state(path, "numbers", {"mean": np.arange(3.0), "n": 2})
    ...     with StateFile(path, "numbers") as file:
    ...         print(file["mean"], file["n"])
    [0. 1. 2.] 2
    """
    encoder = Encoder(KINDS, tuples)
    written = {name: encoder.encode(value, name) for name, value in state.items()}
    metadata = {
        "program": _PROGRAM,
        "content": content,
        "format_version": str(FORMAT_VERSION),
        "versions": json.dumps(_versions()),
        "state": json.dumps(written, allow_nan=False),
    }
    with atomic_write(path, "wb") as file:
        _write_tensors(file, encoder.tensors, metadata)


def _write_tensors(
    file: IO[bytes], tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> None:
    """Write arrays and texts to a file that is open, in the format of safetensors.

    That is the length of a header as 8 bytes, the header, and the arrays one after the other.
    Measured on 200 MB of arrays: 0 MB of memory on top of them. ``save_file`` of the package takes
    200 MB before version 0.8, and 0 MB since; but it syncs nothing, leaves a file of a name that
    nobody knows when it is killed, puts the metadata in an order that differs from one time to the
    next, and writes other numbers where an array has strides.
    """
    # Wide types first, so that each array starts where its type may.
    order = sorted(tensors, key=lambda name: -tensors[name].dtype.itemsize)
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    end = 0
    for name in order:
        array = tensors[name]
        start, end = end, end + array.nbytes
        header[name] = {
            "dtype": DTYPES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)
    for name in order:
        array = tensors[name]
        file.write(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data)


def to_json(value: Any, place: str) -> str:
    """Write a value that has no arrays, such as a parameter, as JSON.

    Parameters
    ----------
    value : object
        Of numbers, strings, dates, paths, or lists, tuples and mappings of these.
    place : str
        What it is, for the message of the error.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If it is of no kind that can be read back.

    Notes
    -----
    What JSON has no form for stands as a mapping from the name of its kind to what it is made of.

    Examples
    --------
    >>> from ibmea_sklearn.persistence import to_json
    >>> to_json([1, 2.5], "betas")
    '[1, 2.5]'
    >>> to_json((0.9, 0.999), "betas")
    '{"tuple": [0.9, 0.999]}'
    """
    return json.dumps(Encoder(KINDS).encode(value, place), allow_nan=False)


def _versions() -> dict[str, str]:
    """Say what has written a file, for whoever wonders why it is as it is."""
    return {
        _PROGRAM: __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "scikit-learn": sklearn.__version__,
        "torch": str(torch.__version__),
    }


class StateFile:
    """A file of :func:`write_state`, open for reading part by part.

    Parameters
    ----------
    path : path-like
    content : str
        What the file should hold.
    tuples : iterable of NamedTuple classes, default=()
        That may be among the values.

    Attributes
    ----------
    written_by : str
        The version of this package that wrote it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is of another program, or a newer format, or damaged, or holds something else.

    See Also
    --------
    write_state : Write such a file.

    Notes
    -----
    ``file[name]`` reads one value of the state, arrays with the shapes and types they had. It
    raises a `ValueError` if the value is not there, or can't be read. Nothing in the file is run:
    networks are made of the classes of this package and of torch, by name.

    A context manager, which closes the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import torch
    >>> from ibmea_sklearn.persistence import StateFile, write_state
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "model.safetensors"
    ...     write_state(path, "network", {"weights": torch.ones(2), "best": (3, 0.5)})
    ...     with StateFile(path, "network") as file:
    ...         print(file["weights"], file["best"])
    tensor([1., 1.]) (3, 0.5)
    """

    def __init__(
        self, path: str | os.PathLike[str], content: str, tuples: Iterable[type] = ()
    ) -> None:
        self.path, self.content = Path(path), content
        self._file = self._open()
        metadata = self._file.metadata() or {}
        self._check(metadata)
        try:
            self._state: dict[str, Any] = dict(json.loads(metadata["state"]))
            self.written_by = brief(json.loads(metadata["versions"])[_PROGRAM])
        except (KeyError, ValueError, TypeError, RecursionError) as error:
            raise self.damaged(f"no state in it ({error})") from error
        self._tensors: dict[str, np.ndarray] = {}
        self._decoder = Decoder(KINDS, self._tensor, tuples)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.__exit__(kind, error, traceback)

    def __getitem__(self, name: str) -> Any:
        """Return a value of the state.

        Parameters
        ----------
        name : str

        Returns
        -------
        object

        Raises
        ------
        ValueError
            If it is not there, or can't be read.
        """
        if name not in self._state:
            raise self.damaged(f"no {name!r} in it")
        try:
            return self._decoder.decode(self._state[name])
        except _OF_DAMAGE as error:
            raise self.damaged(f"{error}, in {name!r}") from error

    def mapping(self, name: str) -> dict[str, Any]:
        """Return a value of the state that is a mapping.

        Parameters
        ----------
        name : str

        Returns
        -------
        dict

        Raises
        ------
        ValueError
            If it is none, is not there, or can't be read.
        """
        value = self[name]
        if not isinstance(value, dict):
            raise self.damaged(f"{type(value).__name__} where a mapping is due, in {name!r}")
        return value

    def damaged(self, what: str) -> ValueError:
        """Return the error to raise where a file is not as it was written."""
        return ValueError(
            f"Expected {self._expected()}, whole; found that {self.path} is damaged, or was "
            f"changed, or written by a later version than {__version__} ({brief(what)})."
        )

    def _open(self) -> Any:
        if not self.path.is_file():
            raise FileNotFoundError(f"Expected {self._expected()}; found no file {self.path}.")
        try:
            return safe_open(self.path, "numpy").__enter__()
        except (SafetensorError, OSError) as error:
            raise ValueError(
                f"Expected {self._expected()}; found that {self.path} is no safetensors file, or "
                f"not a whole one ({brief(error)})."
            ) from error

    def _check(self, metadata: Mapping[str, str]) -> None:
        if metadata.get("program") != _PROGRAM:
            raise ValueError(
                f"Expected {self._expected()}; found that {self.path} is of another program."
            )
        form = metadata.get("format_version", "")
        if not form.isdecimal() or len(form) > 9:
            raise self.damaged("no version of the format in it")
        if int(form) > FORMAT_VERSION:
            raise ValueError(
                f"Expected a file of format {FORMAT_VERSION} or older; found format {form} in "
                f"{self.path}. Install a newer {_PROGRAM}: it was written by "
                f"{brief(metadata.get('versions'))}."
            )
        if metadata.get("content") != self.content:
            raise ValueError(
                f"Expected {self._expected()}; found that {self.path} holds "
                f"{brief(metadata.get('content'))!r}."
            )

    def _expected(self) -> str:
        return f"a file with the {self.content} that {_PROGRAM} has written"

    def _tensor(self, name: str) -> np.ndarray:
        # Once: what was one array for two names shall take the memory of one.
        if name not in self._tensors:
            try:
                self._tensors[name] = self._file.get_tensor(name)
            except SafetensorError:
                raise ValueError(f"found no tensor {name!r}") from None
        return self._tensors[name]
