"""The truth of one frame."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from structures.boxes import inside_frame


@dataclass(slots=True)
class Target:
    """The labelled objects of one frame; N = 0 is legal everywhere.

    Attributes:
        boxes: float32 [N, 4], xyxy, absolute pixels of the frame as stored, half-open.
        labels: int64 [N], 1..C; 0 is background and never occurs here.
        image_id: the id of the frame in its annotation file; predictions are joined to truth by it.
        area: float32 [N], the area in px² that COCO's size ranges use; box area where absent.
        iscrowd: bool [N], true where one box stands for a group.
        ignore: float32 [M, 4], xyxy regions in which detections are neither right nor wrong.
        track_id: int64 [N], one number an object over the frames of a video.
        time: seconds since the start of the video.
        judged: whether predictions for this frame count; false for context, which a clip shows
            along with the frames that it is made for.
    """

    boxes: Tensor
    labels: Tensor
    image_id: int
    area: Tensor | None = None
    iscrowd: Tensor | None = None
    ignore: Tensor | None = None
    track_id: Tensor | None = None
    time: float | None = None
    judged: bool = True

    def to(self, device: torch.device | str) -> Target:
        """A copy whose tensors lie on `device`.

        From page-locked memory to a GPU the call does not wait for the copy, nor for what the GPU
        computes meanwhile.
        """
        wait = torch.device(device).type == "cpu"  # for values that Python may read at once
        moved = {n: t.to(device, non_blocking=not wait) for n, t in self._tensors().items()}
        return replace(self, **moved)

    def pin_memory(self) -> Target:
        """A copy whose tensors lie in page-locked memory."""
        return replace(self, **{name: t.pin_memory() for name, t in self._tensors().items()})

    def check(self, height: int, width: int) -> None:
        """Raise `ValueError` when a field breaks the contract.

        Args:
            height: of the frame in pixels.
            width: of the frame in pixels.
        """
        n = len(self.labels)
        if self.boxes.dtype != torch.float32 or self.boxes.shape != (n, 4):
            raise ValueError(
                f"image {self.image_id}: boxes must be float32 [{n}, 4] for {n} labels, "
                f"got {self.boxes.dtype} {list(self.boxes.shape)}"
            )
        if self.labels.dtype != torch.int64 or (n and int(self.labels.min()) < 1):
            raise ValueError(
                f"image {self.image_id}: labels must be int64 from 1 up (0 is background), "
                f"got {self.labels.dtype} {self.labels.tolist()[:5]}"
            )
        if n == 0:
            return
        inside = inside_frame(self.boxes, (height, width))
        if not bool(inside.all()):
            bad = int((~inside).nonzero()[0])
            raise ValueError(
                f"image {self.image_id}: box {bad} {self.boxes[bad].tolist()} is empty, not finite "
                f"or leaves the {width}x{height} frame; boxes are xyxy in absolute pixels"
            )

    def _tensors(self) -> dict[str, Any]:
        values = ((f.name, getattr(self, f.name)) for f in fields(self))
        return {name: value for name, value in values if isinstance(value, Tensor)}
