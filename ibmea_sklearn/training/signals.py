"""Ending well when the system ends the process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

__all__ = ["sigterm_interrupts"]


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM raise a KeyboardInterrupt within the block, as SIGINT does.

    Only where it would end the process at once: a program that has a handler of its own, or
    ignores the signal, keeps to that. Only in the main thread: no other can set handlers.

    Yields
    ------
    None
        When the block is left, the signal does again what it did before.

    Raises
    ------
    KeyboardInterrupt
        When SIGTERM arrives.

    Examples
    --------
    >>> import signal
    >>> from ibmea_sklearn.training import sigterm_interrupts
    >>> try:
    ...     with sigterm_interrupts():
    ...         signal.raise_signal(signal.SIGTERM)
    ... except KeyboardInterrupt:
    ...     print("what was trained is written")
    what was trained is written
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt("SIGTERM")
