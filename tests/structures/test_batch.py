"""Batches keep clips and targets together and refuse what breaks the contract."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from structures import Batch, Target, collate

Sample = tuple[torch.Tensor, list[Target]]


def make_sample(first_id: int, frames: int = 1, height: int = 6, width: int = 9) -> Sample:
    clip = torch.full((frames, 3, height, width), first_id % 256, dtype=torch.uint8)
    box, label = torch.tensor([[0.0, 0.0, 2.0, 3.0]]), torch.tensor([1])
    return clip, [Target(box, label, first_id + t) for t in range(frames)]


shapes = st.tuples(st.integers(1, 4), st.integers(4, 9), st.integers(4, 9))


@given(st.lists(st.one_of(shapes, st.integers(0, 99)), max_size=6))
def test_frames_and_targets_stay_in_step(drawn: list[tuple[int, int, int] | int]) -> None:
    samples = [s if isinstance(s, int) else make_sample(10 * i, *s) for i, s in enumerate(drawn)]
    batch = collate(samples)
    assert batch.skipped == [s for s in drawn if isinstance(s, int)]
    assert batch.frame_count == sum(s[0] for s in drawn if not isinstance(s, int))
    assert len(batch.frames()) == len(batch.frame_targets()) == batch.frame_count
    wanted = [(10 * i + t) for i, s in enumerate(drawn) if not isinstance(s, int)
              for t in range(s[0])]  # fmt: skip
    assert [target.image_id for target in batch.frame_targets()] == wanted
    for frame, target in zip(batch.frames(), batch.frame_targets(), strict=True):
        assert int(frame[0, 0, 0]) == target.image_id // 10 * 10


def test_a_batch_of_skipped_frames_only_is_empty() -> None:
    batch = collate([5, 6])
    assert (batch.frame_count, batch.clips, batch.skipped) == (0, [], [5, 6])


def test_clips_tell_the_frames_that_they_lack() -> None:
    clip, targets = make_sample(30, frames=2)
    nothing = torch.empty((0, 3, 0, 0), dtype=torch.uint8)
    batch = collate([(clip, targets, [32]), (nothing, [], [40, 41]), (clip, targets, [])])
    assert batch.skipped == [32, 40, 41]
    assert [len(clip) for clip in batch.clips] == [2, 2]
    assert len(batch.targets) == 2


@pytest.mark.parametrize(
    "clip",
    [
        torch.zeros(1, 3, 6, 9),
        torch.zeros(3, 6, 9, dtype=torch.uint8),
        torch.zeros(1, 4, 6, 9, dtype=torch.uint8),
        torch.zeros(1, 6, 9, 3, dtype=torch.uint8),
    ],
)
def test_a_clip_of_another_form_is_named(clip: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"images \[30\]: a clip is uint8 \[T, 3, H, W\] RGB, got"):
        collate([(clip, make_sample(30)[1])])


def test_a_frame_without_target_is_named() -> None:
    clip, targets = make_sample(30, frames=2)
    with pytest.raises(ValueError, match=r"images \[30\]: 2 frames but 1 targets"):
        collate([(clip, targets[:1])])


def test_a_box_outside_its_frame_is_named() -> None:
    clip, targets = make_sample(30, frames=2)
    targets[1].boxes = torch.tensor([[0.0, 0.0, 8.0, 7.0]])
    with pytest.raises(ValueError, match=r"image 31: box 0 .* leaves the 9x6 frame"):
        collate([(clip, targets)])


def test_moving_a_batch_moves_clips_and_targets_and_keeps_the_rest() -> None:
    batch = collate([make_sample(10, frames=2), 7])
    moved = batch.to("meta")
    assert all(clip.is_meta for clip in moved.clips)
    assert all(target.boxes.is_meta for target in moved.frame_targets())
    assert [target.image_id for target in moved.frame_targets()] == [10, 11]
    assert moved.skipped == [7]
    assert not batch.clips[0].is_meta


def test_skipped_lists_are_not_shared_between_batches() -> None:
    Batch([], []).skipped.append(1)
    assert Batch([], []).skipped == []


def test_whether_a_frame_is_judged_moves_along() -> None:
    clip, targets = make_sample(10, frames=2)
    targets[0].judged = False
    moved = collate([(clip, targets)]).to("meta")
    assert [target.judged for target in moved.frame_targets()] == [False, True]
