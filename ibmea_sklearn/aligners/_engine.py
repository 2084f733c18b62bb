"""Where tasks run that know nothing of each other: one by one in this process, or on Dask."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

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


def computed(engine: Any, task: Callable[[Given], Made], given: Iterable[Given]) -> list[Made]:
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

    Raises
    ------
    ValueError
        If there is no client, or it is closed.
    RuntimeError
        If one task has ended several workers.
    """
    if engine is None:
        return [task(argument) for argument in given]
    distributed = import_optional("distributed", "dask", "A Dask cluster")
    client = _client(distributed, engine)
    # What is sent is large on purpose; Dask would advise to scatter it.
    with import_optional("dask", "dask", "A Dask cluster").config.set(
        {"distributed.admin.large-graph-warning-threshold": "1TB"}
    ):
        futures = [client.submit(functools.partial(task, a), pure=False) for a in given]
    try:
        return list(client.gather(futures))
    except distributed.KilledWorker as error:
        raise RuntimeError(
            "Expected each partition to fit on a worker; found one whose task ended several of "
            f"them, mostly for want of memory: {error}. Raise n_partitions, or give workers more "
            "memory."
        ) from error
    finally:
        client.cancel(futures)  # what an error or an interrupt leaves


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
