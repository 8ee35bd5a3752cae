"""One picture after another as a clip of one frame with its target."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from datamodules.coco_annotations import CocoAnnotations
from datamodules.picture import read_picture
from structures import Target
from structures.batch import Sample

logger = logging.getLogger(__name__)


class ClipAugmentation(Protocol):
    """Changes a clip and its targets, the same way whenever it gets the same seed."""

    def __call__(
        self, frames: Sequence[NDArray[np.uint8]], targets: list[Target], seed: Sequence[int]
    ) -> tuple[NDArray[np.uint8], list[Target]]:
        """Transform T frames uint8 [H, W, 3] with T targets; frames come back as [T, H', W', 3]."""
        ...


class CocoDataset(Dataset[Sample]):
    """Pictures as clips uint8 [1, 3, H, W] RGB with one target each.

    Crowds and ignored annotations are no object a detector could be asked for: they are regions
    in `Target.ignore`, not `boxes`. Evaluation takes them from `CocoAnnotations.ground_truth`.

    An item is asked for by (index, epoch). The augmentation is seeded by (seed, epoch, index), so
    that its draws do not depend on the number of workers or processes.

    Args:
        annotations: the pictures and their boxes.
        augmentation: applied to each clip, or None.
        seed: of the augmentation.
        skip_bad: whether a picture that cannot be decoded is left out, given as its image id,
            instead of raising `ValueError`.
        read: what picture an index has, uint8 [H, W, 3] RGB of the annotated size; by default the
            one on disk.
    """

    def __init__(
        self,
        annotations: CocoAnnotations,
        augmentation: ClipAugmentation | None = None,
        seed: int = 0,
        skip_bad: bool = False,
        read: Callable[[int], NDArray[np.uint8]] | None = None,
    ) -> None:
        self.annotations = annotations
        self.augmentation = augmentation
        self.seed = seed
        self.skip_bad = skip_bad
        self._read = self._read_file if read is None else read

    def __len__(self) -> int:
        return len(self.annotations)

    def __getitem__(self, item: tuple[int, int]) -> Sample:
        index, epoch = item
        try:
            picture = self._read(index)
        except (OSError, ValueError) as error:
            if not self.skip_bad:
                raise
            logger.warning("Skipped: %s", error)
            return int(self.annotations.image_ids[index])
        targets = [self.target(index)]
        frames = picture[None]
        if self.augmentation is not None:
            frames, targets = self.augmentation([picture], targets, (self.seed, epoch, index))
        return to_clip(frames), targets

    def target(self, index: int) -> Target:
        """The target of picture `index` as stored."""
        data = self.annotations
        rows = data.rows(index)
        boxes = torch.from_numpy(data.boxes(index))
        region = torch.from_numpy(data.iscrowd[rows] | data.ignore[rows])
        return Target(
            boxes=boxes[~region],
            labels=torch.from_numpy(data.labels[rows])[~region],
            image_id=int(data.image_ids[index]),
            area=torch.from_numpy(data.area[rows].astype(np.float32))[~region],
            ignore=boxes[region],
        )

    def _read_file(self, index: int) -> NDArray[np.uint8]:
        return read_picture(self.annotations.path(index))


def to_clip(frames: NDArray[np.uint8]) -> Tensor:
    """Frames uint8 [T, H, W, 3] as a clip uint8 [T, 3, H, W]."""
    clip = np.empty((len(frames), 3, *frames.shape[1:3]), dtype=np.uint8)
    for frame, planes in zip(frames, clip, strict=True):
        cv2.split(frame, list(planes))  # into `clip`; four times as fast as numpy or torch
    return torch.from_numpy(clip)
