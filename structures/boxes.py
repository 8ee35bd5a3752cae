"""Box geometry that `torchvision.ops` does not have. Boxes are xyxy, absolute pixels, half-open."""

from __future__ import annotations

import torch
from torch import Tensor


def scale_boxes(boxes: Tensor, from_size: tuple[int, int], to_size: tuple[int, int]) -> Tensor:
    """Map boxes of a frame onto the same frame resized.

    Args:
        boxes: float [..., 4], xyxy pixels of a frame of `from_size`.
        from_size: (height, width) in which the boxes are given.
        to_size: (height, width) in which they are wanted.

    Returns:
        float [..., 4], xyxy pixels of a frame of `to_size`.
    """
    scale_y, scale_x = to_size[0] / from_size[0], to_size[1] / from_size[1]
    x1, y1, x2, y2 = boxes.unbind(-1)
    # Plain numbers, for a tensor of them would make Python wait for the GPU at every frame.
    return torch.stack((x1 * scale_x, y1 * scale_y, x2 * scale_x, y2 * scale_y), -1)


def inside_frame(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Which boxes have an area and lie wholly in a frame of `size` (height, width): bool [...]."""
    x1, y1, x2, y2 = boxes.unbind(-1)
    return (x1 >= 0) & (y1 >= 0) & (x2 <= size[1]) & (y2 <= size[0]) & (x2 > x1) & (y2 > y1)
