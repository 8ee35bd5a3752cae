"""Waiting longer after each failure, for a bounded number of times."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Protocol, TypeVar

LOG = logging.getLogger(__name__)
JITTER = 0.2  # of each pause, so that clients that failed together do not return together
T = TypeVar("T")


class Clock(Protocol):
    """Tells the time and lets it pass."""

    def now(self) -> datetime:
        """Aware, UTC."""

    def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Aware, UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""
        time.sleep(seconds)


@dataclass(frozen=True)
class Backoff:
    """A schedule of attempts.

    Attributes:
        first: Seconds before the second attempt.
        ceiling: No pause is longer, jitter aside.
        attempts: In all.
        factor: From pause to pause.
    """

    first: float
    ceiling: float
    attempts: int
    factor: float = 2.0

    def pauses(self, random: Random) -> Iterator[float | None]:
        """Seconds to wait after each failed attempt; None after the last one."""
        pause = self.first
        for _ in range(self.attempts - 1):
            yield pause * random.uniform(1 - JITTER, 1 + JITTER)
            pause = min(pause * self.factor, self.ceiling)
        yield None


@dataclass(frozen=True)
class Patience:
    """How to wait.

    Attributes:
        clock: Tells the time and lets it pass.
        random: Source of the jitter.
    """

    clock: Clock
    random: Random

    def pauses(self, backoff: Backoff) -> Iterator[float | None]:
        """Those of the schedule, with jitter; None after the last attempt."""
        return backoff.pauses(self.random)

    def wait(self, seconds: float, why: object) -> None:
        """Say why, then sleep."""
        LOG.info("%s; going on in %.0f s", why, seconds)
        self.clock.sleep(seconds)

    def retry(self, action: Callable[[], T], backoff: Backoff, *faults: type[Exception]) -> T:
        """Run an action again while it fails.

        Args:
            action: What to run.
            backoff: How often, and with what pauses.
            faults: Exceptions after which another attempt may help.

        Returns:
            What the action returns.

        Raises:
            Exception: the last fault, when all attempts are spent; any other one at once.
        """
        for pause in self.pauses(backoff):
            try:
                return action()
            except faults as fault:
                if pause is None:
                    raise
                self.wait(pause, fault)
        raise AssertionError("a schedule ends with None")
