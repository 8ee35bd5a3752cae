"""Which frames of a video stand in a clip, and which of them are judged.

A sampler makes one pass over a video of `length` frames from `count(length)` clips. In each pass
every frame is judged exactly once, whatever the sampler; the other frames of a clip are context.
Clips hold distinct frames in the order of time. No frame is ever repeated to fill a clip: where a
video has too few, its clips are shorter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

_FRAME_STREAM = 2  # apart from the draws that augmentations make from the same numbers


class SampledClip(NamedTuple):
    """The frames of a clip.

    Attributes:
        frames: places in the video, 0..length-1, ascending.
        judged: for each of them whether its predictions count.
    """

    frames: list[int]
    judged: list[bool]


class FrameSampler(Protocol):
    """Cuts videos into clips."""

    def count(self, length: int) -> int:
        """How many clips one pass over a video of `length` frames has; no draw changes it."""
        ...

    def clip(self, length: int, number: int, seed: Sequence[int]) -> SampledClip:
        """One of the clips of a pass.

        Args:
            length: of the video, frames.
            number: which one, 0..count(length)-1.
            seed: of the pass over this video; the same numbers give the same clips.
        """
        ...


class RandomReferences:
    """Each frame in turn with others of its video, drawn at random without repetition.

    Args:
        clip_length: T, the judged frame included.
        radius: references are drawn from so many frames before and after; None: the whole video.

    Raises:
        ValueError: if an argument is below 1.
    """

    def __init__(self, clip_length: int, radius: int | None = None) -> None:
        _require_positive(clip_length=clip_length, radius=radius)
        self.clip_length = clip_length
        self.radius = radius

    def count(self, length: int) -> int:
        """One clip a frame."""
        return length

    def clip(self, length: int, number: int, seed: Sequence[int]) -> SampledClip:
        """Frame `number`, which is judged, among its references."""
        radius = length if self.radius is None else self.radius
        first, end = max(0, number - radius), min(length, number + radius + 1)
        others = np.delete(np.arange(first, end), number - first)
        wanted = min(self.clip_length - 1, len(others))
        drawn = _generator(*seed, number).choice(others, wanted, replace=False)
        return _around(number, [number, *drawn.tolist()])


class Neighbours:
    """Each frame in turn, amid those before and after it at equal steps.

    At the ends of a video the window moves inwards and keeps its length.

    Args:
        clip_length: T, the judged frame included.
        stride: from one frame of the clip to the next.

    Raises:
        ValueError: if an argument is below 1.
    """

    def __init__(self, clip_length: int, stride: int = 1) -> None:
        _require_positive(clip_length=clip_length, stride=stride)
        self.clip_length = clip_length
        self.stride = stride

    def count(self, length: int) -> int:
        """One clip a frame."""
        return length

    def clip(self, length: int, number: int, seed: Sequence[int]) -> SampledClip:
        """Frame `number`, which is judged, amid its neighbours."""
        del seed
        reachable = range(number % self.stride, length, self.stride)
        start = number // self.stride - self.clip_length // 2
        start = max(0, min(start, len(reachable) - self.clip_length))
        return _around(number, reachable[start : start + self.clip_length])


class Causal:
    """Each frame in turn as the last one of its clip, as a stream shows them.

    The first frames of a video have fewer before them, and shorter clips.

    Args:
        clip_length: T, the judged frame included.
        stride: from one frame of the clip to the next.

    Raises:
        ValueError: if an argument is below 1.
    """

    def __init__(self, clip_length: int, stride: int = 1) -> None:
        _require_positive(clip_length=clip_length, stride=stride)
        self.clip_length = clip_length
        self.stride = stride

    def count(self, length: int) -> int:
        """One clip a frame."""
        return length

    def clip(self, length: int, number: int, seed: Sequence[int]) -> SampledClip:
        """Frame `number`, which is judged, after those before it."""
        del length, seed
        first = max(number - (self.clip_length - 1) * self.stride, number % self.stride)
        return _around(number, range(first, number + 1, self.stride))


class ShuffledClips:
    """The frames of a video in random order, cut into clips; all of them are judged.

    TransVOD Lite's published evaluation. There a video is filled up with repeated frames to whole
    clips; here the last clip gets frames of other clips as context.

    Args:
        clip_length: T.

    Raises:
        ValueError: if it is below 1.
    """

    def __init__(self, clip_length: int) -> None:
        _require_positive(clip_length=clip_length)
        self.clip_length = clip_length

    def count(self, length: int) -> int:
        """As few as hold all frames."""
        return -(-length // self.clip_length)

    def clip(self, length: int, number: int, seed: Sequence[int]) -> SampledClip:
        """The clip at place `number` of the shuffled video."""
        order = _generator(*seed).permutation(length).tolist()
        first = number * self.clip_length
        start = max(0, min(first, length - self.clip_length))
        chosen = order[start : start + self.clip_length]
        context = set(order[start:first])
        frames = sorted(chosen)
        return SampledClip(frames, [frame not in context for frame in frames])


class SequentialClips:
    """A video cut into clips in the order of time; all frames are judged.

    Blocks of `stride * clip_length` frames follow each other, and clip j of a block takes each
    `stride`-th of its frames from the j-th on, as TransVOD Lite's unshuffled evaluation does. The
    last block ends with the video and may reach back into the one before it, for context.

    Args:
        clip_length: T.
        stride: from one frame of the clip to the next.

    Raises:
        ValueError: if an argument is below 1.
    """

    def __init__(self, clip_length: int, stride: int = 1) -> None:
        _require_positive(clip_length=clip_length, stride=stride)
        self.clip_length = clip_length
        self.stride = stride

    def count(self, length: int) -> int:
        """`stride` clips a block; the last block has none that would judge nothing."""
        blocks, rest = divmod(length, self.stride * self.clip_length)
        return blocks * self.stride + min(self.stride, rest)

    def clip(self, length: int, number: int, seed: Sequence[int]) -> SampledClip:
        """Clip `number % stride` of block `number // stride`."""
        del seed
        block, place = divmod(number, self.stride)
        size = self.stride * self.clip_length
        first = block * size  # all frames before it are judged in blocks before this one
        start = max(0, min(first, length - size))
        # The clips of the last block are counted from those that hold its unjudged frames.
        place = (first - start + place) % self.stride
        frames = list(range(start + place, min(start + size, length), self.stride))
        return SampledClip(frames, [frame >= first for frame in frames])


def _around(key: int, frames: Sequence[int]) -> SampledClip:
    """A clip of which one frame is judged."""
    ordered = sorted(frames)
    return SampledClip(ordered, [frame == key for frame in ordered])


def _generator(*seed: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_FRAME_STREAM,)))


def _require_positive(**values: int | None) -> None:
    for name, value in values.items():
        if value is not None and value < 1:
            raise ValueError(f"the {name} of a frame sampler must be at least 1, got {value}")
