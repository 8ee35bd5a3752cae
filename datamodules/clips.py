"""The clips of one pass over a data set."""

from __future__ import annotations

import logging

import numpy as np

from datamodules.annotations.coco_annotations import CocoAnnotations
from datamodules.frame_samplers import FrameSampler

logger = logging.getLogger(__name__)


class Clips:
    """Which pictures stand in each clip, and which of them are judged there.

    Args:
        annotations: the frames of videos, and stills, which are videos of one frame.
        sampler: cuts each video into clips.
        seed: with the epoch and the video, of the sampler's draws.
        single_frames_until: the epoch from which there are clips; before, each picture stands
            alone, see `SingleFramesFirst`.
    """

    def __init__(
        self,
        annotations: CocoAnnotations,
        sampler: FrameSampler,
        seed: int,
        single_frames_until: int = 0,
    ) -> None:
        self._videos = annotations.frames_by_video()
        self._sampler = sampler
        self._seed = seed
        self._single_frames_until = single_frames_until
        self._pictures = len(annotations)
        counts = [sampler.count(len(frames)) for frames in self._videos]
        self._starts = np.cumsum([0, *counts])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __call__(self, index: int, epoch: int) -> tuple[list[int], list[bool]]:
        """The pictures of clip `index` in an epoch, and for each whether it is judged."""
        if epoch < self._single_frames_until:
            return [index % self._pictures], [True]
        video = int(np.searchsorted(self._starts, index, side="right")) - 1
        frames = self._videos[video]
        number = index - int(self._starts[video])
        clip = self._sampler.clip(len(frames), number, (self._seed, epoch, video))
        return frames[clip.frames].tolist(), clip.judged


def tell_short_videos(annotations: CocoAnnotations, clip_length: int, what: str) -> None:
    """Say how many videos are shorter than a clip.

    Args:
        annotations: the videos.
        clip_length: T.
        what: how messages call them.
    """
    lengths = [len(frames) for frames in annotations.frames_by_video()]
    short = sum(length < clip_length for length in lengths)
    if short:
        logger.warning(
            "%s: %d of %d videos and stills have fewer than %d frames; their clips are shorter",
            what, short, len(lengths), clip_length,
        )  # fmt: skip


def check_one_size(annotations: CocoAnnotations, what: str) -> None:
    """Refuse videos whose frames differ in size, for one draw of an augmentation serves them all.

    Args:
        annotations: the videos.
        what: how messages call them.

    Raises:
        ValueError: naming the video and two of its files.
    """
    for frames in annotations.frames_by_video():
        first = frames[0]
        sizes = np.stack([annotations.widths[frames], annotations.heights[frames]], axis=1)
        for other in frames[(sizes != sizes[0]).any(axis=1)]:
            widths, heights = annotations.widths, annotations.heights
            raise ValueError(
                f"{what}: frames of video {annotations.videos[annotations.video_index[first]]!r} "
                f"differ in size: {annotations.path(first)} has {widths[first]}x{heights[first]} "
                f"pixels, {annotations.path(other)} has {widths[other]}x{heights[other]}; give all "
                "frames of a video one size, or set datamodule.clip_length=1"
            )
