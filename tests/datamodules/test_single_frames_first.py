"""Trainings that begin with single frames of any videos and go on with clips."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datamodules.samplers import SingleFramesFirst, TrainingBatches, TrainingSampler
from datamodules.video import VideoDataModule

MakeRoot = Callable[..., Path]
VIDEOS, FRAMES = 5, 8


def document(first: int, videos: int) -> dict[str, Any]:
    """Videos of 8 frames; the id of a picture tells its video and place."""
    numbers = range(first, first + videos)
    images = [
        {
            "id": 100 * v + f, "file_name": f"{v}_{f}.png", "width": 40, "height": 30,
            "video_id": v, "frame_id": f,
        }
        for v in numbers
        for f in range(FRAMES)
    ]  # fmt: skip
    boxes = [
        {"id": image["id"], "image_id": image["id"], "category_id": 1, "bbox": [2, 3, 10, 12]}
        for image in images
    ]
    return {
        "videos": [{"id": v, "name": f"v{v}"} for v in numbers],
        "images": images,
        "annotations": boxes,
        "categories": [{"id": 1, "name": "body"}],
    }


@pytest.fixture
def root(make_root: MakeRoot) -> str:
    return str(make_root(train=document(1, VIDEOS), val=document(10, 1)))


def epoch_of(data: VideoDataModule, epoch: int) -> list[list[list[int]]]:
    """The image ids of each clip of each batch."""
    loader = data.train_dataloader()
    batches: Any = loader.batch_sampler
    batches.sampler.set_epoch(epoch)  # as Lightning does
    return [[[t.image_id for t in clip] for clip in batch.targets] for batch in loader]


def test_single_frames_come_first_and_as_many_a_batch(root: str) -> None:
    data = VideoDataModule(clip_length=4, root=root, batch_size=2, single_frames_until=2)
    plain = VideoDataModule(clip_length=4, root=root, batch_size=2)
    first, second = epoch_of(data, 0), epoch_of(data, 1)
    for batches in (first, second):
        assert len(batches) == len(data.train_dataloader()) == VIDEOS * FRAMES // 2
        assert all(len(batch) == 8 and all(len(clip) == 1 for clip in batch) for batch in batches)
    assert first != second
    assert epoch_of(data, 2) == epoch_of(plain, 2)


def test_all_frames_come_once_before_any_comes_twice(root: str) -> None:
    data = VideoDataModule(clip_length=4, root=root, batch_size=2, single_frames_until=1)
    seen = [clip[0] for batch in epoch_of(data, 0) for clip in batch]
    whole = VIDEOS * FRAMES
    passes = [seen[start : start + whole] for start in range(0, len(seen), whole)]
    assert len(passes) == 4
    assert all(len(set(one)) == whole for one in passes)
    assert len({tuple(one) for one in passes}) == 4
    # Frames of a batch are of many videos, which is what it is for.
    videos = [{clip[0] // 100 for clip in batch} for batch in epoch_of(data, 0)]
    assert sum(map(len, videos)) / len(videos) > 3


def test_each_pass_draws_another_augmentation(root: str) -> None:
    def draws(epoch: int) -> list[tuple[int, ...]]:
        seeds = []

        def noted(frames: Any, targets: Any, seed: Any) -> Any:
            seeds.append(tuple(seed))
            return np.stack(frames), targets

        data = VideoDataModule(
            clip_length=4, root=root, batch_size=2, single_frames_until=2, augmentation=noted
        )
        epoch_of(data, epoch)
        return seeds

    seeds = [*draws(0), *draws(1)]
    assert len(set(seeds)) == len(seeds) == 2 * 4 * VIDEOS * FRAMES


def test_a_resumed_training_passes_over_the_batches_it_has_had(root: str) -> None:
    def module() -> VideoDataModule:
        return VideoDataModule(clip_length=4, root=root, batch_size=2, single_frames_until=2)

    resumed = module()
    resumed.resume_at(1, 7)
    assert epoch_of(resumed, 1) == epoch_of(module(), 1)[7:]
    assert epoch_of(resumed, 2) == epoch_of(module(), 2)


def test_loaders_show_the_same(root: str) -> None:
    def pictures(workers: int) -> list[torch.Tensor]:
        data = VideoDataModule(
            clip_length=4, root=root, batch_size=2, num_workers=workers, single_frames_until=1
        )
        return [clip for batch in islice(data.train_dataloader(), 6) for clip in batch.clips]

    assert all(torch.equal(*pair) for pair in zip(pictures(0), pictures(2), strict=True))


def test_processes_share_the_frames_out() -> None:
    def batches(rank: int) -> list[list[Any]]:
        clips = TrainingBatches(TrainingSampler(40, 2, rank, 3), 2, True, (0, 0))
        frames = TrainingSampler(40, 2, rank, 3)
        return list(SingleFramesFirst(clips, frames, 4, 1))

    one, other = batches(0), batches(1)
    assert len(one) == len(other) == 10
    seen = [item for batch in one[:5] + other[:5] for item in batch]
    assert sorted(seen) == [(index, 0) for index in range(40)]


def test_a_negative_epoch_is_refused(root: str) -> None:
    with pytest.raises(ValueError, match="single_frames_until >= 0"):
        VideoDataModule(clip_length=4, root=root, single_frames_until=-1)
