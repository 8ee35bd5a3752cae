"""The learning rate rises linearly, then falls along half a cosine."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from detectors.schedules import WarmupCosine


def rates(total_steps: int, warmup: float, lrs: tuple[float, ...] = (1.0,)) -> list[list[float]]:
    """The rates of all groups at each step of a training."""
    groups = [{"params": [torch.zeros(1, requires_grad=True)], "lr": lr} for lr in lrs]
    optimizer = torch.optim.SGD(groups, lr=1.0)
    schedule = WarmupCosine(optimizer, total_steps, warmup)
    course = []
    for _ in range(total_steps):
        course.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    return course


def test_known_values() -> None:
    wanted = [0.5, 1.0, *(0.5 * (1 + math.cos(math.pi * k / 8)) for k in range(8))]
    assert [rate for (rate,) in rates(10, 0.2)] == pytest.approx(wanted)


@given(st.integers(1, 200), st.floats(0, 0.9))
def test_it_rises_to_the_full_rate_then_falls_and_stays_positive(
    total_steps: int, warmup: float
) -> None:
    course = [rate for (rate,) in rates(total_steps, warmup)]
    peak = max(1, round(warmup * total_steps)) - 1
    assert course[peak] == pytest.approx(1.0)
    assert course[: peak + 1] == sorted(course[: peak + 1])
    assert course[peak:] == sorted(course[peak:], reverse=True)
    assert all(0 < rate <= 1 for rate in course)


def test_groups_keep_their_own_rates() -> None:
    for slow, fast in rates(12, 0.25, lrs=(0.01, 0.02)):
        assert fast == pytest.approx(2 * slow)


def test_steps_past_the_end_stay_at_zero() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = WarmupCosine(optimizer, total_steps=4)
    for _ in range(10):
        optimizer.step()
        schedule.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.0)
