"""The clips of a data set with their targets; a picture is a clip of one frame."""

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

from datamodules.annotations.coco_annotations import CocoAnnotations
from datamodules.clips import Clips
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
    """Clips uint8 [T, 3, H, W] RGB with T targets, a third element for frames that were skipped.

    Crowds and ignored annotations are no object a detector could be asked for: they are regions
    in `Target.ignore`, not `boxes`. Evaluation takes them from `CocoAnnotations.ground_truth`.

    An item is asked for by (index, epoch). The augmentation is seeded by (seed, epoch, index), so
    that its draws do not depend on the number of workers or processes.

    Args:
        annotations: the pictures and their boxes.
        augmentation: applied to each clip, or None.
        seed: of the augmentation.
        skip_bad: whether a picture that cannot be decoded is left out, its image id given as
            skipped, instead of raising `ValueError`. Context alone makes no clip.
        read: what picture an index has, uint8 [H, W, 3] RGB of the annotated size; by default the
            one on disk.
        clips: which pictures stand in a clip; by default each alone.
    """

    def __init__(
        self,
        annotations: CocoAnnotations,
        augmentation: ClipAugmentation | None = None,
        seed: int = 0,
        skip_bad: bool = False,
        read: Callable[[int], NDArray[np.uint8]] | None = None,
        clips: Clips | None = None,
    ) -> None:
        self.annotations = annotations
        self.augmentation = augmentation
        self.seed = seed
        self.skip_bad = skip_bad
        self._read = self._read_file if read is None else read
        self._clips = clips

    def __len__(self) -> int:
        return len(self.annotations if self._clips is None else self._clips)

    def __getitem__(self, item: tuple[int, int]) -> Sample:
        index, epoch = item
        pictures, judged = ([index], [True]) if self._clips is None else self._clips(index, epoch)
        found: list[NDArray[np.uint8]] = []
        targets: list[Target] = []
        skipped = []
        for place, counts in zip(pictures, judged, strict=True):
            picture = self._picture(place)
            if picture is not None:
                found.append(picture)
                targets.append(self.target(place, counts))
            elif counts:
                skipped.append(int(self.annotations.image_ids[place]))
        if not any(target.judged for target in targets):
            return torch.empty((0, 3, 0, 0), dtype=torch.uint8), [], skipped
        frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8] = found
        if self.augmentation is not None:
            frames, targets = self.augmentation(found, targets, (self.seed, epoch, index))
        return to_clip(frames), targets, skipped

    def _picture(self, index: int) -> NDArray[np.uint8] | None:
        """Picture `index`, or None if it is to be skipped."""
        try:
            return self._read(index)
        except (OSError, ValueError) as error:
            if not self.skip_bad:
                raise
            logger.warning("Skipped: %s", error)
            return None

    def target(self, index: int, judged: bool = True) -> Target:
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
            track_id=torch.from_numpy(data.track_ids[rows])[~region] if data.videos else None,
            time=None if np.isnan(data.times[index]) else float(data.times[index]),
            judged=judged,
        )

    def _read_file(self, index: int) -> NDArray[np.uint8]:
        return read_picture(self.annotations.path(index))


def to_clip(frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> Tensor:
    """T frames uint8 [H, W, 3] as a clip uint8 [T, 3, H, W]."""
    clip = np.empty((len(frames), 3, *frames[0].shape[:2]), dtype=np.uint8)
    for frame, planes in zip(frames, clip, strict=True):
        cv2.split(frame, list(planes))  # into `clip`; four times as fast as numpy or torch
    return torch.from_numpy(clip)
