"""Targets in the form that the criterion takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torchvision.ops import box_convert

from structures import Batch, Target
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
    targets = batch.frame_targets()
    for frame, target, single in zip(batch.frames(), targets, _singles(targets), strict=True):
        size = (frame.shape[1], frame.shape[2])
        truths.labels.append(target.labels[single] - 1)
        truths.boxes.append(_in_shares(target.boxes[single], size))
        regions = target.ignore
        truths.ignored.append(None if regions is None else _in_shares(regions, size))
    return truths


def _singles(targets: Sequence[Target]) -> list[slice | Tensor]:
    """What picks the boxes of single objects from each target's.

    All flags come to the host at once: to index by a mask on the device waits for it every time.
    """
    flags = [target.iscrowd for target in targets]
    known = [each for each in flags if each is not None]
    crowds = iter(torch.cat(known).cpu().split([len(each) for each in known]) if known else ())
    singles: list[slice | Tensor] = []
    for each in flags:
        crowd = None if each is None else next(crowds)
        if each is None or crowd is None or not crowd.any():
            singles.append(slice(None))
        else:
            singles.append((~crowd).nonzero()[:, 0].to(each.device, non_blocking=True))
    return singles


def _in_shares(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """xyxy pixels of a frame of `size` -> cxcywh in shares of it."""
    return box_convert(scale_boxes(boxes, size, (1, 1)), "xyxy", "cxcywh")
