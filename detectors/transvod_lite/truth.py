"""Targets in the form that the criterion takes."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torchvision.ops import box_convert

from structures import Batch
from structures.boxes import scale_boxes


class FrameTruths(NamedTuple):
    """The truth of N frames.

    Attributes:
        labels: for each frame int64 [n], columns of the logits: label 1 is column 0.
        boxes: for each frame float32 [n, 4], cxcywh in 0..1 of the frame.
        ignored: for each frame float32 [M, 4] regions, likewise, or None.
    """

    labels: list[Tensor]
    boxes: list[Tensor]
    ignored: list[Tensor | None]


def frame_truths(batch: Batch) -> FrameTruths:
    """The truth of all frames, in the order of `batch.frames()`.

    A crowd's box is no object that a query should learn to draw; it becomes an ignored region only
    where the target says so.
    """
    truths = FrameTruths([], [], [])
    for frame, target in zip(batch.frames(), batch.frame_targets(), strict=True):
        size = (frame.shape[1], frame.shape[2])
        single = slice(None) if target.iscrowd is None else ~target.iscrowd
        truths.labels.append(target.labels[single] - 1)
        truths.boxes.append(_in_shares(target.boxes[single], size))
        regions = target.ignore
        truths.ignored.append(None if regions is None else _in_shares(regions, size))
    return truths


def _in_shares(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """xyxy pixels of a frame of `size` -> cxcywh in shares of it."""
    return box_convert(scale_boxes(boxes, size, (1, 1)), "xyxy", "cxcywh")
