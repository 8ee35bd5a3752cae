"""Pictures under conditions, with the labels of detectors, as the predictor is trained on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor


@dataclass(slots=True)
class PictureBatch:
    """N pictures with labels of T targets; pictures of one parent stand together.

    Attributes:
        pictures: N tensors uint8 [3, H, W], RGB; H and W may differ.
        rows: int64 [N], their rows in the label set.
        image_ids: int64 [N], of their parents.
        qualities: int64 [N], of the JPEG; -1 where a picture is none.
        y: int64 [N, T], 1 useful, 0 not, -1 no statement.
        u: float32 [N, T], relative utility in -1..1; NaN where there is none.
        m: float32 [N, T], kept fraction in 0..1; likewise.
        lost: float32 [N, T], objects found in the pristine picture and not in this one; NaN where
            combined labels make no statement.
    """

    pictures: list[Tensor]
    rows: Tensor
    image_ids: Tensor
    qualities: Tensor
    y: Tensor
    u: Tensor
    m: Tensor
    lost: Tensor

    def __len__(self) -> int:
        return len(self.pictures)

    def to(self, device: torch.device | str) -> PictureBatch:
        """A copy on `device`, made without waiting for it unless that is the CPU."""
        wait = torch.device(device).type == "cpu"
        moved = {n: t.to(device, non_blocking=not wait) for n, t in self._tensors().items()}
        pictures = [picture.to(device, non_blocking=not wait) for picture in self.pictures]
        return replace(self, pictures=pictures, **moved)

    def pin_memory(self) -> PictureBatch:
        """A copy in page-locked memory."""
        moved = {name: tensor.pin_memory() for name, tensor in self._tensors().items()}
        return replace(self, pictures=[p.pin_memory() for p in self.pictures], **moved)

    def _tensors(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "pictures"}


def join(batches: Sequence[PictureBatch]) -> PictureBatch:
    """Batches one after another; the collate function of loaders."""
    columns = {
        name: torch.cat([getattr(batch, name) for batch in batches])
        for name in (f.name for f in fields(PictureBatch) if f.name != "pictures")
    }
    return PictureBatch([picture for batch in batches for picture in batch.pictures], **columns)
