"""Videos as batches of clips, for training and for evaluation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler
from typing_extensions import override

from datamodules.annotations.coco_annotations import CocoAnnotations
from datamodules.clips import Clips, check_one_size, tell_short_videos
from datamodules.coco_dataset import ClipAugmentation, CocoDataset
from datamodules.detection_datamodule import DetectionDataModule
from datamodules.frame_samplers import FrameSampler, RandomReferences, SequentialClips
from datamodules.picture import read_picture
from datamodules.recent_pictures import RecentPictures
from datamodules.samplers import (
    NeighbouringBatches,
    SingleFramesFirst,
    TrainingBatches,
    TrainingSampler,
)


class VideoDataModule(DetectionDataModule):
    """Clips of T frames from COCO-VID files; stills among them are clips of one frame.

    Splits never cut a video. Every frame of validation and test is judged exactly once, whatever
    the sampler and T; clips of one frame show an image detector the same frames.

    Args:
        clip_length: T, the frames of a clip; videos with fewer give shorter clips.
        train_frames: clip_length -> sampler of training clips, see `frame_samplers`.
        test_frames: clip_length -> sampler of the clips of validation and test.
        cache_mb: room for decoded frames in MiB, in each loader process.
        single_frames_until: the epoch until which training shows single frames of any videos,
            clip_length times batch_size of them a batch, and no clips: for detectors whose first
            stage looks at single frames (`model.temporal_from_epoch`).
        outside_boxes: 'error' stops on boxes that lie partly outside of their frame; 'clip' cuts
            them off at its border, see `read_coco`.
        root: see `DetectionDataModule`, as for all that follow.
        batch_size: see there.
        num_workers: see there.
        seed: see there; of the frame samplers as well.
        split_seed: see there.
        fractions: see there.
        on_bad_image: see there.
        augmentation: see there; one draw serves all frames of a clip.
        class_names: see there.
        draw: see there.
        drawn_root: see there.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        clip_length: int = 8,
        train_frames: Callable[..., FrameSampler] = RandomReferences,
        test_frames: Callable[..., FrameSampler] = SequentialClips,
        cache_mb: int = 256,
        single_frames_until: int = 0,
        outside_boxes: str = "error",
        root: str | Sequence[str] | None = None,
        batch_size: int = 2,
        num_workers: int = 0,
        seed: int = 0,
        split_seed: int = 0,
        fractions: Mapping[str, float] | None = None,
        on_bad_image: str = "error",
        augmentation: ClipAugmentation | None = None,
        class_names: Sequence[str] | None = None,
        draw: Callable[..., Path] | None = None,
        drawn_root: str | None = None,
    ) -> None:
        super().__init__(
            root, batch_size, num_workers, seed, split_seed, fractions, on_bad_image,
            augmentation, class_names, draw, drawn_root,
        )  # fmt: skip
        if clip_length < 1 or cache_mb < 0 or single_frames_until < 0:
            raise ValueError(
                "datamodule needs clip_length >= 1, cache_mb >= 0 and single_frames_until >= 0, "
                f"got clip_length={clip_length}, cache_mb={cache_mb}, "
                f"single_frames_until={single_frames_until}"
            )
        if outside_boxes not in ("error", "clip"):
            raise ValueError(
                f"datamodule.outside_boxes must be error or clip, got {outside_boxes!r}"
            )
        self.clip_length = clip_length
        self._train_frames = _sampler("train_frames", train_frames, clip_length)
        self._test_frames = _sampler("test_frames", test_frames, clip_length)
        self._cache_mb = cache_mb
        self._single_frames_until = single_frames_until
        self._source.clip_boxes = outside_boxes == "clip"

    @override
    def setup(self, stage: str | None = None) -> None:
        super().setup(stage)
        longest = self._source.splits.longest_video()
        if self.clip_length > longest:
            raise ValueError(
                f"{self.name}: datamodule.clip_length={self.clip_length}, but the longest video "
                f"has {longest} frames; take clips of at most as many (1 for stills)"
            )
        for split in self._splits_of(stage) if self.clip_length > 1 else ():
            data, what = self.annotations(split), f"{self.name} {split}"
            tell_short_videos(data, self.clip_length, what)
            check_one_size(data, what)

    @override
    def data_digest(self, split: str = "test") -> str:
        """As in the base class; what a frame is shown with belongs to what it is judged on."""
        sampler, data = self._test_frames, self.annotations(split)
        clips = f"{type(sampler).__name__} {sorted(vars(sampler).items())} seed {self.seed}"
        digest = hashlib.sha256(f"{super().data_digest(split)} {clips}".encode())
        for column in (data.video_index, data.frame_ids, data.times):
            digest.update(column.tobytes())
        return digest.hexdigest()

    @override
    def _dataset(
        self,
        split: str,
        training: bool = False,
        read: Callable[[int], NDArray[np.uint8]] | None = None,
    ) -> CocoDataset:
        data = self.annotations(split)
        return CocoDataset(
            data,
            self.augmentation if training else None,
            self.seed,
            self._source.skip_bad,
            RecentPictures(read or partial(_read_file, data), self._cache_mb),
            self._clips(data, training),
        )

    def _clips(self, data: CocoAnnotations, training: bool) -> Clips:
        if training:
            return Clips(data, self._train_frames, self.seed, self._single_frames_until)
        return Clips(data, self._test_frames, self.seed)

    @override
    def _training_batches(self, dataset: CocoDataset) -> TrainingBatches:
        clips = super()._training_batches(dataset)
        if not self._single_frames_until:
            return clips
        return SingleFramesFirst(
            clips,
            TrainingSampler(len(dataset.annotations), *self._processes(), seed=self.seed),
            self.batch_size * self.clip_length,
            self._single_frames_until,
        )

    @override
    def _evaluation_batches(self, length: int) -> Sampler[Any]:
        return NeighbouringBatches(length, *self._processes(), self.batch_size, self.num_workers)


def _read_file(data: Any, index: int) -> NDArray[np.uint8]:
    return read_picture(data.path(index))


def _sampler(name: str, make: Any, clip_length: int) -> FrameSampler:
    if not callable(make):
        raise ValueError(
            f"datamodule.{name} must name a class of datamodules.frame_samplers with "
            f"`_partial_: true`, got {make!r}"
        )
    sampler: FrameSampler = make(clip_length=clip_length)
    return sampler
