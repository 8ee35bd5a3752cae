from __future__ import annotations

import pytest

from datamodules.samplers import EvaluationSampler, TrainingSampler


@pytest.mark.parametrize("length", [0, 1, 7, 12])
@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_evaluation_sees_every_picture_once(length: int, world_size: int) -> None:
    samplers = [EvaluationSampler(length, world_size, rank) for rank in range(world_size)]
    seen = [item for sampler in samplers for item in sampler]
    assert sorted(seen) == [(index, 0) for index in range(length)]
    assert sum(map(len, samplers)) == length


def epoch_of(sampler: TrainingSampler, epoch: int) -> list[tuple[int, int]]:
    sampler.set_epoch(epoch)
    return list(sampler)


def test_training_shuffles_anew_each_epoch_and_repeats_with_its_seed() -> None:
    data = list(range(20))
    sampler = TrainingSampler(data, 1, 0, seed=4)  # type: ignore[arg-type]
    first, second = epoch_of(sampler, 0), epoch_of(sampler, 1)
    assert sorted(first) == [(i, 0) for i in data]
    assert sorted(second) == [(i, 1) for i in data]
    assert [i for i, _ in first] != [i for i, _ in second]
    again = TrainingSampler(data, 1, 0, seed=4)  # type: ignore[arg-type]
    assert epoch_of(again, 1) == second
    other = TrainingSampler(data, 1, 0, seed=5)  # type: ignore[arg-type]
    assert epoch_of(other, 1) != second


def test_training_shares_out_over_processes() -> None:
    data = list(range(20))
    parts = [list(TrainingSampler(data, 2, rank, seed=0)) for rank in range(2)]  # type: ignore[arg-type]
    assert sorted(parts[0] + parts[1]) == [(i, 0) for i in data]
