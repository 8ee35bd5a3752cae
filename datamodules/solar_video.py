"""Videos of the sun as batches of clips."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from datamodules.annotations.coco_annotations import CocoAnnotations
from datamodules.annotations.solar_rows import SolarRows
from datamodules.coco_dataset import ClipAugmentation, CocoDataset
from datamodules.frame_samplers import FrameSampler, RandomReferences, SequentialClips
from datamodules.picture import read_picture
from datamodules.pixel_statistics import PixelStatistics, measure, measured_once
from datamodules.solar_channels import LOG, SolarPictures, check_channels
from datamodules.solar_observation import KEY, SolarObservation
from datamodules.video import VideoDataModule


class SolarVideoDataModule(VideoDataModule):
    """Clips of the sun from `prepare.solar_catalogue` or, where no root is given, drawn ones.

    Pictures are grey, of 8 or 16 bits, and shown as three equal channels or as three different
    ones. Truth for evaluation keeps each frame's time, place on the sky and validity, and each
    box's event.

    Args:
        channels: three of `solar_channels.CHANNELS`: 'log', the picture itself;
            'running_difference' to the frame before; 'limb_flattened', which needs `wcs`.
        statistics_root: folder for the pixel statistics of training sets.
        clip_length: see `VideoDataModule`, as for all that follow.
        train_frames: see there.
        test_frames: see there.
        cache_mb: see there.
        single_frames_until: see there.
        outside_boxes: see there.
        root: see there.
        batch_size: see there.
        num_workers: see there.
        seed: see there.
        split_seed: see there.
        fractions: see there.
        on_bad_image: see there.
        augmentation: see there.
        class_names: see there.
        draw: see there.
        drawn_root: see there.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        channels: Sequence[str] = (LOG, LOG, LOG),
        statistics_root: str = "data/pixel_statistics",
        clip_length: int = 14,
        train_frames: Callable[..., FrameSampler] = RandomReferences,
        test_frames: Callable[..., FrameSampler] = SequentialClips,
        cache_mb: int = 256,
        single_frames_until: int = 0,
        outside_boxes: str = "error",
        root: str | Sequence[str] | None = None,
        batch_size: int = 1,
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
            clip_length, train_frames, test_frames, cache_mb, single_frames_until, outside_boxes,
            root, batch_size, num_workers, seed, split_seed, fractions, on_bad_image, augmentation,
            class_names, draw, drawn_root,
        )  # fmt: skip
        self.channels = check_channels(channels)
        self._statistics_root = Path(statistics_root)
        self._known_rows: dict[tuple[Path, ...], SolarRows] = {}

    @cached_property
    def pixel_statistics(self) -> PixelStatistics:
        """Mean and spread of the training pictures in these channels, measured once.

        Raises:
            ValueError: if there are no training pictures, or the file that holds them is damaged.
        """
        data = self.annotations("train")
        if not len(data):
            raise ValueError(f"{self.name} has no training pictures; see datamodule.fractions")
        key = f"{self._source.splits.digest('train')} {self.channels}"
        file = self._statistics_root / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
        read = self._pictures("train") or (lambda index: read_picture(data.path(index)))
        return measured_once(file, lambda: measure(read, len(data)))

    @property
    @override
    def observation(self) -> dict[str, Any]:
        data = self.annotations("train")
        return {KEY: SolarObservation.of(data, self._rows(data))._asdict()}

    @override
    def data_digest(self, split: str = "test") -> str:
        digest = super().data_digest(split)
        return hashlib.sha256(f"{digest} {self.channels}".encode()).hexdigest()

    @override
    def ground_truth(self, split: str) -> dict[str, Any]:
        data = self.annotations(split)
        return self._rows(data).complete(data.ground_truth(), data)

    @override
    def _dataset(
        self,
        split: str,
        training: bool = False,
        read: Callable[[int], NDArray[np.uint8]] | None = None,
    ) -> CocoDataset:
        return super()._dataset(split, training, read or self._pictures(split))

    def _pictures(self, split: str) -> SolarPictures | None:
        """What shows the pictures in these channels; None for those on disk as they are."""
        if set(self.channels) == {LOG}:
            return None
        data = self.annotations(split)
        return SolarPictures(data, self.channels, self._rows(data))

    def _rows(self, data: CocoAnnotations) -> SolarRows:
        """The whole rows of the files that a split is from, read once."""
        if data.roots not in self._known_rows:
            self._known_rows[data.roots] = SolarRows(data.roots)
        return self._known_rows[data.roots]
