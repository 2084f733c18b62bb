"""How a command ends: exit codes, and what is said of errors, warnings and interrupts."""

from __future__ import annotations

import dis
import errno
import functools
import os
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import typer

DONE, BUG, USER_INPUT, INTERRUPTED = 0, 1, 2, 130

_PACKAGE = str(Path(__file__).parents[1])
_OF_USER_INPUT = (ValueError, TypeError, ImportError, MemoryError)
# What torch and threads say without a class of their own.
_OF_MEMORY = ("can't allocate memory", "not enough memory", "can't start new thread")
# Both BLAS took 68 MB on x86-64, one thread each.
_BLAS_BYTES = 80 << 20
_written: list[str] = []
_authors: list[str] = []


def note_written(path: Path) -> None:
    """Remember a file that was written, to be named on an interrupt."""
    _written.append(str(path))


def note_author(file: str) -> None:
    """Remember a file of the user's own whose class is run: what it raises is said as ours is."""
    _authors.append(file)


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """Make a command end with the exit code that tells whose fault an error is.

    Parameters
    ----------
    command : callable

    Returns
    -------
    callable
        With the same parameters.
    """

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        _written.clear()
        _authors.clear()
        try:
            _reserve_blas()
            with _plain_warnings():
                command(*args, **kwargs)
        except (typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            _say(f"Interrupted. {_say_written()}")
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            raise typer.Exit(_report(error)) from None

    return run


def _reserve_blas() -> None:
    """Let numpy's and scipy's OpenBLAS take their memory before a command's data does.

    Each takes it at its first call for good. Where none is left, numpy's ends the process without
    an exception, and scipy's waits for ever.

    Raises
    ------
    MemoryError
        If there is no room for both.
    """
    import numpy as np  # help and completion should not wait for these
    from scipy import linalg

    np.empty(_BLAS_BYTES, np.uint8)
    small = np.eye(256)
    small @ small
    linalg.lu(small)


def _report(error: Exception) -> int:
    if _is_out_of_memory(error) and not (_raised_here(error) and str(error)):
        said = f" ({_first_line(error)})" if str(error) else ""
        _say(
            f"Out of memory{said}. Take smaller graphs or a larger machine, leave modalities out, "
            "or lower what takes most: --set training__batch_size, --set features__n_components, "
            f"--set graph__n_components. {_say_written()}"
        )
        return USER_INPUT
    if isinstance(error, OSError) and not _raised_here(error):
        name = f" {error.filename}" if error.filename else ""
        found = error.strerror or error
        _say(f"Expected to read or write{name}; found: {found}. {_advice(error)}")
        return USER_INPUT
    if isinstance(error, (*_OF_USER_INPUT, OSError)) and _raised_here(error):
        _say(str(error))
        return USER_INPUT
    typer.echo("".join(traceback.format_exception(error)), err=True)
    _say(f"{_whose_bug(error)} {_say_written()}")
    return BUG


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    said = str(error)
    return isinstance(error, RuntimeError) and any(words in said for words in _OF_MEMORY)


def _advice(error: OSError) -> str:
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    advice = "Make room there." if is_full else "Check the path and its permissions."
    return " ".join([advice, *getattr(error, "__notes__", ())])


def _whose_bug(error: Exception) -> str:
    files = [place.f_code.co_filename for place, _ in traceback.walk_tb(error.__traceback__)]
    author = next((file for file in reversed(files) if file in _authors), None)
    if author:
        return f"Expected {author} to run; found the error above. Correct it, or report it there."
    return (
        "This is a bug of ibmea_sklearn, not of your input. Please report it with the lines above "
        "and the command you gave."
    )


def _raised_here(error: BaseException) -> bool:
    """Whether a `raise` in this package's code, or in a user's aligner, made the error.

    What numpy, torch or a wrong line of ours causes (``None + 1`` is a TypeError, too) is a bug.
    """
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return last is not None and _is_ours(last) and _is_raise(last)


def _is_ours(place: TracebackType) -> bool:
    file = place.tb_frame.f_code.co_filename
    return file.startswith(_PACKAGE) or file in _authors


def _is_raise(place: TracebackType) -> bool:
    return place.tb_frame.f_code.co_code[place.tb_lasti] == dis.opmap["RAISE_VARARGS"]


def _say(text: str, color: str = typer.colors.RED) -> None:
    typer.echo(text if os.environ.get("NO_COLOR") else typer.style(text, fg=color), err=True)


def _say_written() -> str:
    return f"Written: {', '.join(_written)}." if _written else "No file was written."


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Show a warning as one line, without the place in the code that gave it."""

    def show(message: Warning | str, *args: Any, **kwargs: Any) -> None:
        _say(f"Warning: {message}", typer.colors.YELLOW)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
