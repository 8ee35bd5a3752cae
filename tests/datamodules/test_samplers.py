from __future__ import annotations

import pytest

from datamodules.samplers import EvaluationBatches, NeighbouringBatches, TrainingSampler


@pytest.mark.parametrize("length", [0, 1, 7, 12])
@pytest.mark.parametrize("world_size", [1, 2, 3])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_evaluation_sees_every_picture_once_in_as_many_batches_everywhere(
    length: int, world_size: int, batch_size: int
) -> None:
    samplers = [
        EvaluationBatches(length, world_size, rank, batch_size) for rank in range(world_size)
    ]
    batches = [list(sampler) for sampler in samplers]
    seen = [item for own in batches for batch in own for item in batch]
    assert sorted(seen) == [(index, 0) for index in range(length)]
    assert {len(own) for own in batches} == {len(sampler) for sampler in samplers}
    assert len({len(own) for own in batches}) == 1
    assert all(len(batch) <= batch_size for own in batches for batch in own)


@pytest.mark.parametrize("length", [1, 2, 5, 17])
@pytest.mark.parametrize("batch_size", [1, 2, 4])
def test_batches_are_those_of_one_process_whatever_the_number(length: int, batch_size: int) -> None:
    kinds = (EvaluationBatches, lambda *args: NeighbouringBatches(*args, num_workers=2))
    for make in kinds:
        alone = sorted(make(length, 1, 0, batch_size))
        for world_size in (2, 3):
            ranks = [make(length, world_size, rank, batch_size) for rank in range(world_size)]
            assert sorted(b for own in ranks for b in own if b) == alone


def epoch_of(sampler: TrainingSampler, epoch: int) -> list[tuple[int, int]]:
    sampler.set_epoch(epoch)
    return list(sampler)


def test_training_shuffles_anew_each_epoch_and_repeats_with_its_seed() -> None:
    data = list(range(20))
    sampler = TrainingSampler(len(data), 1, 0, seed=4)
    first, second = epoch_of(sampler, 0), epoch_of(sampler, 1)
    assert sorted(first) == [(i, 0) for i in data]
    assert sorted(second) == [(i, 1) for i in data]
    assert [i for i, _ in first] != [i for i, _ in second]
    again = TrainingSampler(len(data), 1, 0, seed=4)
    assert epoch_of(again, 1) == second
    other = TrainingSampler(len(data), 1, 0, seed=5)
    assert epoch_of(other, 1) != second


def test_training_shares_out_over_processes() -> None:
    data = list(range(20))
    parts = [list(TrainingSampler(len(data), 2, rank, seed=0)) for rank in range(2)]
    assert sorted(parts[0] + parts[1]) == [(i, 0) for i in data]


@pytest.mark.parametrize("length", [0, 1, 7, 12, 29])
@pytest.mark.parametrize("world_size", [1, 2, 3])
@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("loaders", [0, 1, 2, 3])
def test_neighbours_meet_in_one_loader(
    length: int, world_size: int, batch_size: int, loaders: int
) -> None:
    samplers = [
        NeighbouringBatches(length, world_size, rank, batch_size, loaders)
        for rank in range(world_size)
    ]
    batches = [list(sampler) for sampler in samplers]
    seen = [item for own in batches for batch in own for item in batch]
    assert sorted(seen) == [(index, 0) for index in range(length)]
    assert len({len(own) for own in batches}) == 1
    assert {len(own) for own in batches} == {len(sampler) for sampler in samplers}
    for own in batches:
        assert all(len(batch) <= batch_size for batch in own)
        for loader in range(max(1, loaders)):
            indices = [index for batch in own[loader :: max(1, loaders)] for index, _ in batch]
            assert not indices or indices == list(range(indices[0], indices[0] + len(indices)))
