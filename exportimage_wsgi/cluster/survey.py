"""Asking workers one by one: the same work on each of several, within a bounded time."""

from __future__ import annotations

import asyncio
import operator
import pickle
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from typing import TYPE_CHECKING, Any

from ..errors import ExportImageError, OverloadedError
from .batch import gathered, told
from .link import Link

if TYPE_CHECKING:
    from distributed import Client, Future

_MARGIN = 5.0
"""Seconds for the end of what is no longer waited for."""
_FIRST = 100
"""Priority of what is asked: before exports that wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What came of the work, by the worker's address."""

    given: Mapping[str, Any]

    failed: Mapping[str, ExportImageError]
    """Those that cannot do it, and why."""

    silent: tuple[str, ...]
    """Those that said nothing in time: they are busy, or hang."""

    workers: int
    """In all, with those that were not asked."""


def asked_of_each(link: Link, packed: bytes, seconds: float, most: int) -> Answers:
    """Make a piece of packed work on each worker; of more than `most` on one a host, at first.

    Raises:
        OverloadedError: the scheduler is out of reach, or has no workers.
    """
    client, workers = link.client(), link.workers()
    futures: dict[str, tuple[Future[Any], Future[Any]]] = {}
    try:
        for worker in spread_over_hosts(workers, most):
            futures[worker] = _submitted(client, packed, worker)
        waiting = {worker: future for worker, (_, future) in futures.items()}
        outcomes = link.begun(_outcomes(client, waiting, seconds)).result(seconds + _MARGIN)
    except TimeoutError as error:
        raise OverloadedError("the cluster did not answer in time") from error
    finally:
        for future in chain.from_iterable(futures.values()):
            future.release()
    return Answers(
        given={each: value for each, (value, error) in outcomes.items() if error is None},
        failed={each: _in_our_words(error) for each, (_, error) in outcomes.items() if error},
        silent=tuple(each for each in futures if each not in outcomes),
        workers=len(workers),
    )


def _submitted(client: Client, packed: bytes, worker: str) -> tuple[Future[Any], Future[Any]]:
    """The work as it is opened there, and what comes of it. Only Python's own functions are named,
    so that the scheduler needs nothing of this package."""
    how: dict[str, Any] = {
        "workers": [worker],
        "allow_other_workers": False,
        "pure": False,
        "priority": _FIRST,
    }
    name = f"check-{uuid.uuid4().hex}"
    work = client.submit(pickle.loads, packed, key=name, **how)
    return work, client.submit(operator.call, work, 0, key=f"{name}-0", **how)


async def _outcomes(
    client: Client, futures: Mapping[str, Future[Any]], seconds: float
) -> dict[str, tuple[Any, Exception | None]]:
    """The value or the error of each that is done in time."""
    tasks = {worker: asyncio.ensure_future(_outcome(client, futures[worker])) for worker in futures}
    await asyncio.wait(tasks.values(), timeout=seconds)
    done = {worker: task.result() for worker, task in tasks.items() if _is_over(task)}
    for task in tasks.values():
        task.cancel()
    return done


def _is_over(task: asyncio.Task[Any]) -> bool:
    return task.done() and not task.cancelled()


async def _outcome(client: Client, future: Future[Any]) -> tuple[Any, Exception | None]:
    try:
        (value,) = await gathered(client, [future])
    except Exception as error:  # Of the worker, which may have any version of anything.
        return None, error
    return value, None


def _in_our_words(error: Exception) -> ExportImageError:
    try:
        with told(), suppress(ExportImageError):
            raise error
    except ExportImageError as ours:
        return ours
    except Exception as other:
        return ExportImageError(f"{type(other).__name__}: {other}")
    assert isinstance(error, ExportImageError)
    return error


def spread_over_hosts(workers: Sequence[str], most: int) -> tuple[str, ...]:
    """Up to `most` of the workers: one of each host, then the second of each, and so on."""
    hosts: dict[str, list[str]] = {}
    for worker in workers:
        hosts.setdefault(worker.rpartition(":")[0], []).append(worker)
    return tuple(islice(_in_turn(list(hosts.values())), most))


def _in_turn(groups: Sequence[Sequence[str]]) -> Iterator[str]:
    return (each for turn in zip_longest(*groups) for each in turn if each is not None)
