"""A job as a value: whose it is, how far it is, what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

Make = Callable[[Callable[[int, int], None], Callable[[], bool]], dict[str, Any]]
"""Makes what a job is for: tells its progress `(done, total)`, asks whether it must stop, and
gives its result as JSON knows it."""


class State(Enum):
    """How far a job is."""

    SUBMITTED = "Submitted"
    EXECUTING = "Executing"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLING = "Cancelling"
    CANCELLED = "Cancelled"

    @property
    def is_active(self) -> bool:
        return self in (State.SUBMITTED, State.EXECUTING, State.CANCELLING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job, as its record tells it."""

    id: str
    """Nobody can guess it."""

    service: str
    """Name of the service that was asked."""

    state: State = State.SUBMITTED

    done: int = 0
    """Pieces that are made."""

    total: int = 0
    """Pieces in all; 0 while that isn't known."""

    messages: tuple[str, ...] = ()
    """What was worth saying; of a failed job why it failed."""

    result: dict[str, Any] | None = None
    """Of a job that succeeded."""

    @property
    def percent(self) -> int:
        if self.state is State.SUCCEEDED:
            return 100
        return min(99, 100 * self.done // self.total) if self.total else 0
