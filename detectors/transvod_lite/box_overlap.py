"""How boxes in (centre, size) form overlap."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import box_convert


def generalized_iou(first: Tensor, second: Tensor) -> Tensor:
    """IoU less the uncovered share of the smallest enclosing box (Rezatofighi et al. 2019, alg. 1).

    Unlike torchvision's, it broadcasts, and has no epsilon: in units of a frame's side an epsilon
    of 1e-7 is a hundredth of a small box's area. One of the two boxes must therefore have an area.

    Args:
        first: float [..., 4], cxcywh, sides not negative.
        second: float [..., 4], cxcywh, of a shape that broadcasts with the first.

    Returns:
        float [...], in (-1, 1].
    """
    first, second = (box_convert(boxes, "cxcywh", "xyxy") for boxes in (first, second))
    common = _area(
        torch.maximum(first[..., :2], second[..., :2]),
        torch.minimum(first[..., 2:], second[..., 2:]),
    )
    enclosing = _area(
        torch.minimum(first[..., :2], second[..., :2]),
        torch.maximum(first[..., 2:], second[..., 2:]),
    )
    union = _area(first[..., :2], first[..., 2:]) + _area(second[..., :2], second[..., 2:]) - common
    return common / union - (enclosing - union) / enclosing


def covered_share(boxes: Tensor, regions: Tensor) -> Tensor:
    """Share of each box that lies in a region.

    Args:
        boxes: float [..., 4], cxcywh.
        regions: float [..., 4], cxcywh, of a shape that broadcasts with `boxes`.

    Returns:
        float [...], in 0..1; 0 for a box without an area.
    """
    boxes, regions = (box_convert(these, "cxcywh", "xyxy") for these in (boxes, regions))
    common = _area(
        torch.maximum(boxes[..., :2], regions[..., :2]),
        torch.minimum(boxes[..., 2:], regions[..., 2:]),
    )
    area = _area(boxes[..., :2], boxes[..., 2:])
    return torch.where(area > 0, common / area, 0.0)


def _area(low: Tensor, high: Tensor) -> Tensor:
    width, height = (high - low).clamp(min=0).unbind(-1)
    return width * height
