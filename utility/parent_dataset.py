"""Source pictures, each decoded once and shown under several of its conditions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from datamodules.coco_dataset import to_clip
from datamodules.distortions import Distortion, distort
from datamodules.picture import read_picture
from evaluation.conditions import CLEAN, Condition
from utility.label_set import LabelSet
from utility.picture_batch import PictureBatch

Picture = NDArray[np.uint8]


def under_condition(picture: Picture, condition: str, image_id: int) -> Picture:
    """A pristine picture as a condition of a label set shows it, byte for byte.

    Args:
        picture: uint8 [H, W, 3] RGB.
        condition: its name, such as 'jpeg_q10'.
        image_id: of the picture, on which all randomness depends.

    Raises:
        ValueError: if there is no such condition.
    """
    shown = Condition.from_name(condition)
    if shown.kind == CLEAN:
        return picture
    return distort(picture, Distortion(shown.kind, shown.level), image_id)


class ParentDataset(Dataset[PictureBatch]):
    """One item a source picture: its pictures under some conditions, with their labels.

    Items are asked for by (index, epoch), as the samplers of `datamodules` give them.

    Args:
        label_set: the pictures.
        rows: of the label set that may be shown; those of one picture make an item.
        y: int8 [R, T] over all rows of the label set: the labels.
        u: float32 [R, T], relative utility, NaN where there is none.
        m: float32 [R, T], kept fraction, likewise.
        lost: float32 [R, T], objects lost, likewise.
        per_parent: how many conditions an item shows, drawn anew each epoch; all if None.
        seed: of the draws, with epoch and index.
    """

    def __init__(
        self,
        label_set: LabelSet,
        rows: NDArray[np.int64],
        y: NDArray[np.int8],
        u: NDArray[np.float32],
        m: NDArray[np.float32],
        lost: NDArray[np.float32],
        per_parent: int | None = None,
        seed: int = 0,
    ) -> None:
        self._set = label_set
        self._labels: dict[str, NDArray[Any]] = {
            "y": y.astype(np.int64),
            "u": u,
            "m": m,
            "lost": lost,
        }
        self._per_parent = per_parent
        self._seed = seed
        ids = label_set.images["image_id"][rows]
        _, first, member = np.unique(ids, return_index=True, return_inverse=True)
        order = np.argsort(member, kind="stable")
        self._rows = np.split(rows[order], np.flatnonzero(np.diff(member[order])) + 1)
        self.image_ids = ids[first]

    def __len__(self) -> int:
        return len(self.image_ids)

    def __getitem__(self, item: tuple[int, int]) -> PictureBatch:
        index, epoch = item
        rows = self._rows[index]
        if self._per_parent is not None and self._per_parent < len(rows):
            rng = np.random.default_rng((self._seed, epoch, index))
            rows = np.sort(rng.choice(rows, self._per_parent, replace=False))
        return self._shown(rows, int(self.image_ids[index]))

    def _shown(self, rows: NDArray[np.int64], image_id: int) -> PictureBatch:
        pristine = read_picture(self._set.path(int(rows[0])))
        conditions = self._set.images["condition"][rows]
        shown = [under_condition(pristine, str(name), image_id) for name in conditions]
        columns: dict[str, Any] = {
            "rows": rows,
            "image_ids": np.full(len(rows), image_id),
            "qualities": self._set.images["quality"][rows].astype(np.int64),
            **{name: values[rows] for name, values in self._labels.items()},
        }
        tensors = {name: torch.from_numpy(values) for name, values in columns.items()}
        return PictureBatch([*to_clip(shown)], **tensors)
