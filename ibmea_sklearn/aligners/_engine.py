"""Where tasks run that know nothing of each other: one by one in this process, or on Dask."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

from .._utils.optional import import_optional
from .._utils.validation import Range, did_you_mean

__all__ = ["Engine", "computed"]

Given = TypeVar("Given")
Made = TypeVar("Made")

_DASK = "dask"
_HOW = " Write Client('tcp://scheduler:8786'), of dask.distributed, or Client(LocalCluster())."


class Engine(Range):
    """None, "dask", or a client of Dask."""

    expected = "None, 'dask' or a dask.distributed.Client"

    def admits(self, value: Any) -> bool:
        """Tell whether a value is in the range; Dask is not imported for that."""
        if value is None or isinstance(value, str):
            return value in (None, _DASK)
        return all(callable(getattr(value, name, None)) for name in ("submit", "gather"))

    def advice(self, value: Any) -> str:
        """Guess which one was meant."""
        return did_you_mean(value, [_DASK]) if isinstance(value, str) else ""


class Kept(Protocol[Made]):
    """Keeps answers by the place of their argument."""

    def read(self, number: int) -> Made | None:
        """Return an answer that is there, or None."""

    def write(self, number: int, made: Made) -> None:
        """Keep an answer."""


def computed(
    engine: Any,
    task: Callable[[Given], Made],
    given: Iterable[Given],
    kept: Kept[Made] | None = None,
) -> list[Made]:
    """Return what a task makes of each of its arguments, in their order.

    On Dask each argument travels with its task and stays with the scheduler until the answer is
    there: a task of a worker that is lost is given to another one. What was scattered to workers
    would be lost with them.

    Parameters
    ----------
    engine : None, "dask" or dask.distributed.Client
    task : callable
        The same argument always gives the same answer, on whichever machine.
    given : iterable
    kept : Kept, optional
        Where answers are kept as soon as they are there, and need not be given again.

    Raises
    ------
    ValueError
        If there is no client, or it is closed.
    RuntimeError
        If one task has ended several workers.
    """
    made: dict[int, Made] = {}
    missing = _missing(given, made, kept)
    if engine is None:
        for number, argument in missing:
            _take(number, task(argument), made, kept)
        return [made[number] for number in sorted(made)]
    distributed = import_optional("distributed", "dask", "A Dask cluster")
    client = _client(distributed, engine)
    # What is sent is large on purpose; Dask would advise to scatter it.
    with import_optional("dask", "dask", "A Dask cluster").config.set(
        {"distributed.admin.large-graph-warning-threshold": "1TB"}
    ):
        futures = {
            client.submit(functools.partial(task, argument), pure=False): number
            for number, argument in missing
        }
    try:
        for future in distributed.as_completed(futures, loop=client.loop):
            _take(futures[future], future.result(), made, kept)
    except distributed.KilledWorker as error:
        raise RuntimeError(
            "Expected each partition to fit on a worker; found one whose task ended several of "
            f"them, mostly for want of memory: {error}. Raise n_partitions, or give workers more "
            "memory."
        ) from error
    finally:
        client.cancel(list(futures))  # what an error or an interrupt leaves
    return [made[number] for number in sorted(made)]


def _missing(
    given: Iterable[Given], made: dict[int, Made], kept: Kept[Made] | None
) -> Iterator[tuple[int, Given]]:
    """Yield arguments whose answers are not kept, with their places; take those that are."""
    for number, argument in enumerate(given):
        found = None if kept is None else kept.read(number)
        if found is None:
            yield number, argument
        else:
            made[number] = found


def _take(number: int, answer: Made, made: dict[int, Made], kept: Kept[Made] | None) -> None:
    made[number] = answer
    if kept is not None:
        kept.write(number, answer)


def _client(distributed: Any, engine: Any) -> Any:
    if isinstance(engine, str):
        try:
            engine = distributed.get_client()
        except ValueError:
            raise ValueError(
                f"Expected a client of Dask with engine='dask'; found none in this process.{_HOW}"
            ) from None
    if getattr(engine, "status", None) != "running":
        raise ValueError(
            "Expected engine to be a client that is connected; found one that is "
            f"{getattr(engine, 'status', 'unknown')}.{_HOW}"
        )
    return engine
