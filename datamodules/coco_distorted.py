"""COCO data whose test shows every picture as stored and in many distortions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader
from typing_extensions import override

from datamodules.coco_dataset import ClipAugmentation
from datamodules.decoded_pictures import DecodedPictures
from datamodules.detection_datamodule import DetectionDataModule
from datamodules.distortions import Distortion, distort, distortions_of
from datamodules.distortions.jpeg import decode_jpeg, encode_jpeg
from datamodules.encoded_bytes import jpeg_bytes
from datamodules.judged_data import CLEAN
from structures import Batch

Picture = NDArray[np.uint8]


class CocoDistortedDataModule(DetectionDataModule):
    """A test in several conditions: one loader each over the same pictures, 'clean' first.

    Args:
        distortions: kind -> levels, see `distortions_of`; each is a condition of the test.
        pictures: how many pictures are tested, always the same ones, see `fixed_subset`; None
            tests them all.
        decoded_mb: room for decoded test pictures in MiB and process; what it does not hold is
            decoded anew for each condition.
        root: see `DetectionDataModule`, as for all that follow.
        batch_size: see there.
        num_workers: see there.
        seed: see there.
        split_seed: see there.
        fractions: see there.
        on_bad_image: see there.
        augmentation: see there; `DistortedClips` distorts training pictures too.
        class_names: see there.
        draw: see there.
        drawn_root: see there.

    Raises:
        ValueError: if a kind or level does not exist or an argument is out of range.
    """

    def __init__(
        self,
        distortions: Mapping[str, Sequence[int]],
        pictures: int | None = 500,
        decoded_mb: int = 1024,
        root: str | Sequence[str] | None = None,
        batch_size: int = 16,
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
        if (pictures is not None and pictures < 1) or decoded_mb < 0:
            raise ValueError(
                "datamodule needs pictures >= 1, or null for all, and decoded_mb >= 0, got "
                f"pictures={pictures}, decoded_mb={decoded_mb}"
            )
        try:
            chosen = distortions_of(distortions)
        except ValueError as error:
            raise ValueError(f"datamodule.distortions: {error}") from error
        self._distortions = {distortion.name: distortion for distortion in chosen}
        self._source.test_pictures = pictures
        self._decoded_mb = decoded_mb
        self._decoded: DecodedPictures | None = None
        self._bytes: dict[str, Tensor] = {}

    @property
    @override
    def conditions(self) -> tuple[str, ...]:
        return (CLEAN, *self._distortions)

    @override
    def picture(self, image_id: int, condition: str = CLEAN) -> Picture:
        picture = super().picture(image_id, condition)
        if condition == CLEAN:
            return picture
        return distort(picture, self._distortions[condition], image_id)

    @override
    def encoded_bytes(
        self, condition: str, indices: NDArray[np.int64] | None = None
    ) -> NDArray[np.int64] | None:
        """As in the base class; of the encoded JPEGs for the kind 'jpeg'.

        What a loader has shown is known already; other pictures are encoded for it.
        """
        distortion = self._distortions.get(condition)
        if distortion is None or distortion.kind != "jpeg":
            return super().encoded_bytes(condition, indices)
        if indices is None:
            indices = np.arange(len(self.annotations("test")))
        seen = self._bytes.get(condition)
        sizes = np.zeros(len(indices), np.int64) if seen is None else seen.numpy()[indices]
        unknown = np.flatnonzero(sizes == 0)
        sizes[unknown] = jpeg_bytes(self._pictures(), distortion.level, indices[unknown])
        return sizes

    @override
    def test_dataloader(self) -> list[DataLoader[Batch]]:
        names = self.selected_conditions
        world_size, rank = self._processes()
        data = self.annotations("test")
        self._decoded = DecodedPictures(
            data,
            range(rank, len(data), world_size),  # what `EvaluationBatches` gives this process
            budget_mb=self._decoded_mb if len(names) > 1 else 0,
            shared=self.num_workers > 0,
        )
        # In shared memory, for loader processes write to it.
        jpegs = [name for name in names if name.startswith("jpeg_q")]
        self._bytes = {
            name: torch.zeros(len(data), dtype=torch.int64).share_memory_() for name in jpegs
        }
        return super().test_dataloader()

    @override
    def teardown(self, stage: str) -> None:
        self._decoded = None

    @override
    def _reader(self, condition: str) -> Callable[[int], Picture]:
        pictures = self._pictures()
        if condition == CLEAN:
            return pictures
        distortion = self._distortions[condition]
        if condition in self._bytes:
            return _Encoded(pictures, distortion.level, self._bytes[condition])
        return _Distorted(pictures, self.annotations("test").image_ids, distortion)

    def _pictures(self) -> DecodedPictures:
        """The test pictures by index; none of them are kept outside of a test."""
        if self._decoded is not None:
            return self._decoded
        return DecodedPictures(self.annotations("test"), (), budget_mb=0, shared=False)


@dataclass(frozen=True)
class _Distorted:
    """Pictures by index as a condition shows them; a class, for functions cannot be spawned."""

    pictures: DecodedPictures
    image_ids: NDArray[np.int64]
    distortion: Distortion

    def __call__(self, index: int) -> Picture:
        return distort(self.pictures(index), self.distortion, int(self.image_ids[index]))


@dataclass(frozen=True)
class _Encoded:
    """Pictures by index as JPEG shows them, whose sizes as files are noted on the way."""

    pictures: DecodedPictures
    quality: int
    sizes: Tensor

    def __call__(self, index: int) -> Picture:
        file = encode_jpeg(self.pictures(index), self.quality)
        self.sizes[index] = len(file)
        return decode_jpeg(file)
