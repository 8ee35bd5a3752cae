"""The boxes of all frames of a clip as one array, so that one draw moves them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from structures import Target

# Behind a row's xyxy, in shares of the frame: the frame's place in the clip, the box's place in
# that frame's target, and 1 for an `ignore` region.
FRAME, PLACE, REGION, COLUMNS = 4, 5, 6, 7


def to_rows(targets: Sequence[Target], width: int, height: int) -> NDArray[np.float64]:
    """Boxes and ignore regions of all frames: float64 [N, COLUMNS].

    Args:
        targets: of T frames.
        width: of the frames, pixels.
        height: of the frames, pixels.
    """
    rows = []
    for frame, target in enumerate(targets):
        for region, boxes in enumerate((target.boxes, target.ignore)):
            if boxes is not None and len(boxes):
                part = np.empty((len(boxes), COLUMNS))
                part[:, :4] = boxes.numpy() / np.array([width, height, width, height], float)
                part[:, FRAME], part[:, REGION] = frame, region
                part[:, PLACE] = np.arange(len(boxes))
                rows.append(part)
    return np.concatenate(rows) if rows else np.zeros((0, COLUMNS))


def from_rows(rows: NDArray[np.float64], target: Target, width: int, height: int) -> Target:
    """The target with the boxes that its rows say, clipped to the frame.

    Args:
        rows: float64 [N, COLUMNS], those of this target that are left.
        target: as it was; what belongs to a box goes along with it.
        width: of the new frame, pixels.
        height: of the new frame, pixels.
    """
    pixels = rows[:, :4] * (width, height, width, height)
    boxes = torch.from_numpy(np.clip(pixels, 0, (width, height) * 2).astype(np.float32))
    region = torch.from_numpy(rows[:, REGION] == 1)
    place = torch.from_numpy(rows[:, PLACE].astype(np.int64))[~region]
    kept = boxes[~region]
    area = None
    if target.area is not None:
        old = target.boxes[place]
        area = target.area[place] * (_areas(kept) / _areas(old))
    return replace(
        target,
        boxes=kept,
        labels=target.labels[place],
        area=area,
        iscrowd=None if target.iscrowd is None else target.iscrowd[place],
        ignore=None if target.ignore is None else boxes[region],
        track_id=None if target.track_id is None else target.track_id[place],
    )


def _areas(boxes: torch.Tensor) -> torch.Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
