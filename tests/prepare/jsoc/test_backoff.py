"""Schedules of attempts."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from prepare.jsoc.backoff import JITTER, Backoff, Patience


def test_pauses_double_up_to_a_ceiling_and_end() -> None:
    pauses = list(Backoff(first=30, ceiling=100, attempts=5).pauses(Random(0)))
    assert pauses[-1] is None
    for pause, expected in zip(pauses[:-1], (30, 60, 100, 100), strict=True):
        assert pause is not None
        assert abs(pause - expected) <= JITTER * expected


def test_the_jitter_is_that_of_the_seed() -> None:
    schedule = Backoff(first=30, ceiling=1800, attempts=7)
    assert list(schedule.pauses(Random(1))) == list(schedule.pauses(Random(1)))
    assert list(schedule.pauses(Random(1))) != list(schedule.pauses(Random(2)))


def test_only_named_faults_are_tried_again_and_only_so_often(clock: Any) -> None:
    patience, schedule = Patience(clock, Random(0)), Backoff(first=1, ceiling=10, attempts=3)
    attempts = []

    def fail() -> None:
        attempts.append(1)
        raise KeyError if len(attempts) == 5 else ConnectionError(f"no {len(attempts)}")

    with pytest.raises(ConnectionError, match="no 3"):
        patience.retry(fail, schedule, ConnectionError)
    assert len(clock.slept) == 2
    with pytest.raises(KeyError):
        patience.retry(fail, schedule, ConnectionError)
