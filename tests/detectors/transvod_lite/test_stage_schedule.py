"""Each stage of a training has a schedule from the beginning."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR, MultiStepLR

from detectors.schedules import WarmupCosine
from detectors.transvod_lite.stage_schedule import schedule_of_stages


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)


def rates(schedule: torch.optim.lr_scheduler.LRScheduler, steps: int) -> list[float]:
    found = []
    for _ in range(steps):
        found.append(float(schedule.get_last_lr()[0]))
        schedule.optimizer.step()
        schedule.step()
    return found


def test_drops_are_counted_from_the_start_of_each_stage() -> None:
    make = partial(MultiStepLR, milestones=[2, 3])
    found = rates(schedule_of_stages(make, optimizer(), [4, 4]), 8)
    assert found == pytest.approx([1, 1, 0.1, 0.01] * 2)


def test_a_schedule_that_asks_for_its_length_is_given_that_of_its_stage() -> None:
    found = rates(schedule_of_stages(WarmupCosine, optimizer(), [5, 8]), 13)
    alone = [rates(WarmupCosine(optimizer(), total_steps=n), n) for n in (5, 8)]
    assert found == pytest.approx([*alone[0], *alone[1]])


def test_an_argument_that_lacks_is_named() -> None:
    with pytest.raises(ValueError, match=r"model\.schedule.*lr_lambda"):
        schedule_of_stages(LambdaLR, optimizer(), [4, 4])
