"""Frames of clips: each judged once, none repeated, and the reference's tables."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from datamodules.frame_samplers import (
    Causal,
    FrameSampler,
    Neighbours,
    RandomReferences,
    SampledClip,
    SequentialClips,
    ShuffledClips,
)

SAMPLERS: dict[str, Any] = {
    "random": lambda t, s: RandomReferences(t),
    "near": lambda t, s: RandomReferences(t, radius=s),
    "neighbours": Neighbours,
    "causal": Causal,
    "shuffled": lambda t, s: ShuffledClips(t),
    "sequential": SequentialClips,
}
every_sampler = pytest.mark.parametrize("make", SAMPLERS.values(), ids=SAMPLERS)
lengths, clip_lengths, strides = st.integers(1, 40), st.integers(1, 12), st.integers(1, 5)


def one_pass(sampler: FrameSampler, length: int, seed: int = 0) -> list[SampledClip]:
    return [sampler.clip(length, n, (seed, 0, 0)) for n in range(sampler.count(length))]


@every_sampler
@given(lengths, clip_lengths, strides)
def test_every_frame_is_judged_once_and_none_repeated(
    make: Any, length: int, clip_length: int, stride: int
) -> None:
    clips = one_pass(make(clip_length, stride), length)
    judged: Counter[int] = Counter()
    for frames, counts in clips:
        assert len(frames) == len(counts) <= clip_length
        assert frames == sorted(set(frames))
        assert set(frames) <= set(range(length))
        assert any(counts)
        judged.update(frame for frame, judge in zip(frames, counts, strict=True) if judge)
    assert judged == Counter(range(length))


@every_sampler
@given(lengths, clip_lengths, st.integers(0, 5))
def test_the_seed_decides(make: Any, length: int, clip_length: int, seed: int) -> None:
    sampler = make(clip_length, 2)
    assert one_pass(sampler, length, seed) == one_pass(sampler, length, seed)


@every_sampler
@given(lengths)
def test_clips_of_one_are_pictures(make: Any, length: int) -> None:
    clips = one_pass(make(1, 1), length)
    assert sorted(clips) == [([frame], [True]) for frame in range(length)]


def test_references_differ_by_epoch_and_reach_the_whole_video() -> None:
    sampler = RandomReferences(5)
    first, second = (
        [sampler.clip(30, n, (0, epoch, 0)).frames for n in range(30)] for epoch in (0, 1)
    )
    assert all(a != b for a, b in zip(first, second, strict=True))
    shown = Counter(frame for frames in first for frame in frames)
    assert set(shown) == set(range(30))
    assert max(shown.values()) < 15
    assert all(n in frames for n, frames in enumerate(first))


def test_references_stay_within_their_radius() -> None:
    sampler = RandomReferences(4, radius=3)
    for number in range(20):
        frames, judged = sampler.clip(20, number, (1, 2, 3))
        assert len(frames) == 4
        assert all(abs(frame - number) <= 3 for frame in frames)
        assert frames[judged.index(True)] == number


@given(lengths, clip_lengths, strides)
def test_neighbours_are_the_nearest_window(length: int, clip_length: int, stride: int) -> None:
    for number, (frames, judged) in enumerate(one_pass(Neighbours(clip_length, stride), length)):
        reachable = [frame for frame in range(length) if frame % stride == number % stride]
        windows = [
            reachable[i : i + clip_length] for i in range(max(1, len(reachable) - clip_length + 1))
        ]
        assert frames in windows
        place = frames.index(number)
        assert judged == [i == place for i in range(len(frames))]
        inner = frames[0] != reachable[0] and frames[-1] != reachable[-1]
        assert not inner or place == clip_length // 2


@given(lengths, clip_lengths, strides)
def test_causal_clips_end_with_the_judged_frame(length: int, clip_length: int, stride: int) -> None:
    for number, (frames, judged) in enumerate(one_pass(Causal(clip_length, stride), length)):
        past = [number - i * stride for i in reversed(range(clip_length))]
        assert frames == [frame for frame in past if frame >= 0]
        assert judged == [False] * (len(frames) - 1) + [True]


@given(lengths, clip_lengths, strides)
def test_only_the_last_sequential_block_has_context(
    length: int, clip_length: int, stride: int
) -> None:
    clips = one_pass(SequentialClips(clip_length, stride), length)
    size = clip_length * stride
    whole = length // size * stride
    assert all(all(judged) for _, judged in clips[:whole])
    for frames, _ in clips:
        assert all(b - a == stride for a, b in pairwise(frames))
        assert len(frames) == clip_length or length < size


@given(st.integers(1, 40), clip_lengths)
def test_shuffled_clips_are_whole_where_the_video_is_long_enough(
    length: int, clip_length: int
) -> None:
    clips = one_pass(ShuffledClips(clip_length), length)
    assert len(clips) == -(-length // clip_length)
    assert all(len(frames) == min(clip_length, length) for frames, _ in clips)
    assert all(all(judged) for _, judged in clips[:-1])


def test_shuffled_clips_mix_the_whole_video() -> None:
    (frames, _), *_ = one_pass(ShuffledClips(8), 80)
    assert max(frames) - min(frames) > 20
    assert one_pass(ShuffledClips(8), 80, seed=1) != one_pass(ShuffledClips(8), 80, seed=2)


def test_golden_tables_of_the_reference(shared: Path) -> None:
    golden = torch.load(shared / "golden/transvod_lite.pt", weights_only=True)
    tables = golden["misc"]["sampling"]["choose_frame"]
    assert len(tables) == 6
    for table in tables:
        ids = table["ids"]
        clips = one_pass(SequentialClips(table["T"], table["gap"]), len(ids))
        assert [[ids[frame] for frame in frames] for frames, _ in clips] == table["clips"]
        assert all(all(judged) for _, judged in clips)


@pytest.mark.parametrize("sampler", [RandomReferences, Neighbours, Causal, ShuffledClips])
def test_clips_of_nothing_are_refused(sampler: Any) -> None:
    with pytest.raises(ValueError, match=r"clip_length of a frame sampler must be at least 1"):
        sampler(clip_length=0)


@pytest.mark.parametrize("sampler", [Neighbours, Causal, SequentialClips])
def test_strides_of_nothing_are_refused(sampler: Any) -> None:
    with pytest.raises(ValueError, match=r"stride of a frame sampler must be at least 1, got 0"):
        sampler(clip_length=2, stride=0)
