"""COCO data whose test shows every picture as stored and in many distortions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader
from typing_extensions import override

from datamodules.bits_per_pixel import jpeg_bits_per_pixel
from datamodules.coco_dataset import ClipAugmentation
from datamodules.decoded_pictures import DecodedPictures
from datamodules.detection_datamodule import DetectionDataModule
from datamodules.distortions import Distortion, distort, distortions_of
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
    def bits_per_pixel(
        self, condition: str, image_ids: NDArray[np.int64] | None = None
    ) -> float | None:
        """As in the base class; bytes are those of the encoded JPEGs for the kind 'jpeg'."""
        distortion = self._distortions.get(condition)
        if distortion is None or distortion.kind != "jpeg":
            return super().bits_per_pixel(condition, image_ids)
        data = self.annotations("test")
        return jpeg_bits_per_pixel(data, self._pictures(), distortion.level, image_ids)

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
        return super().test_dataloader()

    @override
    def teardown(self, stage: str) -> None:
        self._decoded = None

    @override
    def _reader(self, condition: str) -> Callable[[int], Picture]:
        pictures = self._pictures()
        if condition == CLEAN:
            return pictures
        image_ids = self.annotations("test").image_ids
        return _Distorted(pictures, image_ids, self._distortions[condition])

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
