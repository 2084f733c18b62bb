"""How a command ends: exit codes, and what is said of errors, warnings and interrupts."""

from __future__ import annotations

import dis
import functools
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
_written: list[str] = []


def note_written(path: Path) -> None:
    """Remember a file that was written, to be named on an interrupt."""
    _written.append(str(path))


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
        try:
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


def _report(error: Exception) -> int:
    if isinstance(error, OSError) and not _raised_here(error):
        name = f" {error.filename}" if error.filename else ""
        _say(f"Expected to read or write{name}; found: {error.strerror or error}.")
        return USER_INPUT
    if isinstance(error, (*_OF_USER_INPUT, OSError)) and _raised_here(error):
        _say(str(error))
        return USER_INPUT
    typer.echo("".join(traceback.format_exception(error)), err=True)
    _say(
        "This is a bug of ibmea_sklearn, not of your input. Please report it with the lines above "
        f"and the command you gave. {_say_written()}"
    )
    return BUG


def _raised_here(error: BaseException) -> bool:
    """Whether a `raise` in this package's code made the error.

    What numpy, torch or a wrong line of ours causes (``None + 1`` is a TypeError, too) is a bug.
    """
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return last is not None and _is_ours(last) and _is_raise(last)


def _is_ours(place: TracebackType) -> bool:
    return place.tb_frame.f_code.co_filename.startswith(_PACKAGE)


def _is_raise(place: TracebackType) -> bool:
    return place.tb_frame.f_code.co_code[place.tb_lasti] == dis.opmap["RAISE_VARARGS"]


def _say(text: str) -> None:
    typer.secho(text, fg=typer.colors.RED, err=True)


def _say_written() -> str:
    return f"Written: {', '.join(_written)}." if _written else "No file was written."


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Show a warning as one line, without the place in the code that gave it."""

    def show(message: Warning | str, *args: Any, **kwargs: Any) -> None:
        typer.secho(f"Warning: {message}", fg=typer.colors.YELLOW, err=True)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
