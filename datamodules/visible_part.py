"""What a window shows of its frame: pixels and boxes, cut out, resized and put in their place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.crop_window import Window, keeps

Pixels = NDArray[np.uint8]
Boxes = NDArray[np.float64]


class VisiblePart:
    """The part of a frame that lies in a window, resized as the whole window is.

    Args:
        window: must overlap the frame.
        frame_size: (height, width) in pixels.
        output_size: (height, width) in pixels that the whole window is resized to.

    Attributes:
        source: int64 [4], xyxy in the frame, with an area.
        place: int64 [4], xyxy in the result, with an area. Rounded to whole pixels; boxes mapped
            from `source` to it stay exact.
        margin: int64 [4], [x1, y1] of the place and [height, width] of the result.
    """

    def __init__(
        self, window: Window, frame_size: tuple[int, int], output_size: tuple[int, int]
    ) -> None:
        self.source = np.clip(window, 0, [*frame_size[::-1], *frame_size[::-1]])
        size = np.array(output_size[::-1])
        scale = size / (np.array(window[2:]) - window[:2])
        low = np.rint((self.source[:2] - window[:2]) * scale).astype(np.int64)
        high = np.rint((self.source[2:] - window[:2]) * scale).astype(np.int64)
        low = np.minimum(low, size - 1)
        self.place = np.concatenate([low, np.maximum(high, low + 1)])
        self.margin = np.array([*low, *output_size])
        self._window = window

    def pixels(self, frame: Pixels) -> Pixels:
        """The part of a frame uint8 [H, W, 3], of the size of `place`."""
        x1, y1, x2, y2 = self.source
        part = frame[y1:y2, x1:x2]
        width, height = (self.place[2:] - self.place[:2]).tolist()
        if (height, width) == part.shape[:2]:
            return part
        # Bilinear without antialiasing, as SSD resizes the frames that it is evaluated on.
        resized: Any = cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR)
        return resized

    def boxes(self, boxes: Boxes, always: NDArray[np.bool_]) -> tuple[Boxes, NDArray[np.intp]]:
        """Boxes whose centre the window shows, clipped to the part.

        Args:
            boxes: float64 [N, 4], xyxy pixels of the frame.
            always: bool [N], boxes that are kept wherever their centre lies.

        Returns:
            float64 [n, 4] xyxy in shares of the part, all with an area, and int64 [n], the rows of
            `boxes` that these are.
        """
        kept = np.flatnonzero(keeps(self._window, boxes) | always)
        low, high = np.tile(self.source[:2], 2), np.tile(self.source[2:], 2)
        moved = (np.clip(boxes[kept], low, high) - low) / (high - low)
        has_area = (moved[:, 2:] > moved[:, :2]).all(axis=1)
        return moved[has_area], kept[has_area]


def fill_around(part: Pixels, margin: NDArray[np.int64], colour: Sequence[int]) -> Pixels:
    """The whole result around a part.

    Args:
        part: uint8 [h, w, 3], RGB.
        margin: see `VisiblePart`.
        colour: RGB in 0..255.

    Returns:
        uint8 [H, W, 3].
    """
    x1, y1, height, width = margin.tolist()
    if part.shape[:2] == (height, width):
        return part
    below, right = height - y1 - part.shape[0], width - x1 - part.shape[1]
    whole: Any = cv2.copyMakeBorder(
        part, y1, below, x1, right, cv2.BORDER_CONSTANT, value=tuple(colour)
    )
    return whole


def boxes_of_whole(boxes: Boxes, part_size: tuple[int, int], margin: NDArray[np.int64]) -> Boxes:
    """Boxes in shares of a part as boxes in shares of the whole result.

    Args:
        boxes: float64 [N, 4], xyxy.
        part_size: (height, width) of the part in pixels.
        margin: see `VisiblePart`.
    """
    x1, y1, height, width = margin.tolist()
    moved = np.empty_like(boxes)
    moved[:, [0, 2]] = (boxes[:, [0, 2]] * part_size[1] + x1) / width
    moved[:, [1, 3]] = (boxes[:, [1, 3]] * part_size[0] + y1) / height
    return moved
