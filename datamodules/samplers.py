"""Which clips a process sees, in what order. Items are (index, epoch)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice, pairwise
from typing import Any

from torch.utils.data import BatchSampler, DistributedSampler, Sampler
from typing_extensions import override

_PASS_STRIDE = 1_000_003  # from the seed of one pass over the frames to that of the next


class TrainingSampler(DistributedSampler[Any]):
    """A shuffle seeded by (seed, epoch), shared out over the processes.

    Torch's sampler repeats a few pictures where the processes do not divide them evenly, which
    keeps the processes in step. Lightning calls `set_epoch`. The epoch travels with the index
    because workers hold copies of the dataset that nobody could tell a new epoch.

    Args:
        length: how many items there are.
        world_size: how many processes.
        rank: of this one.
        seed: with the epoch, of the order.
    """

    def __init__(self, length: int, world_size: int, rank: int, seed: int) -> None:
        # Torch's sampler asks its dataset for nothing but the length.
        items: Any = range(length)
        super().__init__(items, num_replicas=world_size, rank=rank, shuffle=True, seed=seed)
        self.length = length

    @override
    def __iter__(self) -> Iterator[tuple[int, int]]:  # type: ignore[override]
        return ((index, self.epoch) for index in super().__iter__())


class TrainingBatches(BatchSampler):
    """Batches of a `TrainingSampler`, of which a resumed training passes over those it has had.

    Args:
        sampler: of the items.
        batch_size: clips a batch.
        drop_last: whether a rest that makes no whole batch is left out.
        resume_at: the epoch that a resumed training begins in, and its batches that are done.
    """

    def __init__(
        self, sampler: TrainingSampler, batch_size: int, drop_last: bool, resume_at: tuple[int, int]
    ) -> None:
        super().__init__(sampler, batch_size, drop_last)
        self.resume_at = resume_at
        # Loader processes begin to load before Lightning names the epoch.
        sampler.set_epoch(resume_at[0])

    @override
    def __iter__(self) -> Iterator[list[int]]:
        sampler: Any = self.sampler
        return islice(super().__iter__(), self._done(sampler.epoch), None)

    def _done(self, epoch: int) -> int:
        first, done = self.resume_at
        return done if epoch == first else 0


class SingleFramesFirst(TrainingBatches):
    """Training batches of single frames of any videos until an epoch, and of clips from then on.

    The frames of a clip look alike, so that a detector of single frames learns from a batch of
    clips hardly more than from as many frames as it has clips. Batches of both kinds have the same
    number of frames, and epochs of both kinds the same number of batches: before the clips the
    frames are shuffled and passed over as often as it takes. Frame i has the index i in the first
    pass of an epoch, i plus the number of frames in the second, and so on.

    Args:
        clips: the batches of clips.
        frames: the sampler of frames.
        frames_per_batch: clips a batch times frames a clip.
        until_epoch: the first epoch of clips, counted from 0.
    """

    def __init__(
        self,
        clips: TrainingBatches,
        frames: TrainingSampler,
        frames_per_batch: int,
        until_epoch: int,
    ) -> None:
        sampler: Any = clips.sampler
        super().__init__(sampler, clips.batch_size, clips.drop_last, clips.resume_at)
        self._frames = frames
        self._frames_per_batch = frames_per_batch
        self._until_epoch = until_epoch

    @override
    def __iter__(self) -> Iterator[list[Any]]:
        sampler: Any = self.sampler
        if sampler.epoch >= self._until_epoch:
            return super().__iter__()
        frames = self._passes(sampler.epoch)
        batches = (list(islice(frames, self._frames_per_batch)) for _ in range(len(self)))
        return islice(batches, self._done(sampler.epoch), None)

    def _passes(self, epoch: int) -> Iterator[tuple[int, int]]:
        for number in count():
            self._frames.set_epoch(epoch + number * _PASS_STRIDE)
            first = number * self._frames.length
            yield from ((first + index, epoch) for index, _ in self._frames)


class EvaluationBatches(Sampler[list[tuple[int, int]]]):
    """Every picture exactly once over all processes: rank r gets batch r, r + world_size, …

    The batches are the same whatever the number of processes, for what a network computes of a
    picture may depend, in the last digit, on the others of its batch. Torch's DistributedSampler
    pads to equal lengths, and a picture judged twice changes the metrics. Here the processes with
    fewer batches end on an empty one: a process without it would miss the exchange of buffers in
    DistributedDataParallel's first pass and the mean of val/loss, and the training would break off.

    Args:
        length: how many clips there are.
        world_size: how many processes.
        rank: of this one.
        batch_size: clips a batch.
    """

    def __init__(self, length: int, world_size: int, rank: int, batch_size: int) -> None:
        batches = _batches(length, batch_size)
        own = batches[rank::world_size]
        missing = -(-len(batches) // world_size) - len(own)
        self.batches = own + [range(0)] * missing

    @override
    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for batch in self.batches:
            yield [(index, 0) for index in batch]

    def __len__(self) -> int:
        return len(self.batches)


class NeighbouringBatches(EvaluationBatches):
    """As `EvaluationBatches`, but each process, and each of its loaders, gets clips in a row.

    Clips that overlap then meet in one loader, which decodes their common frames once. The order
    of the batches depends on the number of loaders; what stands in each does not.

    Args:
        length: how many clips there are.
        world_size: how many processes.
        rank: of this one.
        batch_size: clips a batch.
        num_workers: loaders a process; torch hands them the batches by turns.
    """

    def __init__(
        self, length: int, world_size: int, rank: int, batch_size: int, num_workers: int
    ) -> None:
        batches = _batches(length, batch_size)
        ends = [len(batches) * process // world_size for process in range(world_size + 1)]
        most = max(end - start for start, end in pairwise(ends))
        in_a_row = batches[ends[rank] : ends[rank + 1]]
        in_a_row += [range(0)] * (most - len(in_a_row))
        count, loaders = len(in_a_row), max(1, num_workers)
        shares = [len(range(loader, count, loaders)) for loader in range(loaders)]
        firsts = [sum(shares[:loader]) for loader in range(loaders)]
        self.batches = [in_a_row[firsts[j % loaders] + j // loaders] for j in range(count)]


def _batches(length: int, batch_size: int) -> list[range]:
    """The indices of all batches of all processes, in order."""
    everything = range(length)
    return [everything[start : start + batch_size] for start in range(0, length, batch_size)]
