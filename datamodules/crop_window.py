"""Where SSD's expansion and IoU-constrained crop place the window that is looked at.

Liu et al., SSD: Single Shot MultiBox Detector, arXiv:1512.02325, section 2.2 'Data augmentation'.
A window is (x1, y1, x2, y2) in whole pixels of the frame and may reach beyond it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Window = tuple[int, int, int, int]

# Sides of a crop as shares of the canvas, and the range of height / width.
_SIDES = (0.3, 1.0)
_ASPECTS = (0.5, 2.0)


@dataclass(frozen=True)
class WindowSampler:
    """Draws a window: perhaps an expansion, then perhaps a crop of it.

    Args:
        expand_p: the probability of a canvas larger than the frame.
        max_expand: the largest canvas in frame widths and heights.
        min_ious: see `sample_crop`.
        trials: see `sample_crop`.

    Raises:
        ValueError: if no window could be drawn so.
    """

    expand_p: float
    max_expand: float
    min_ious: tuple[float | None, ...]
    trials: int

    def __post_init__(self) -> None:
        if None not in self.min_ious or self.max_expand < 1 or self.trials < 1:
            raise ValueError(
                "augmentation needs null among min_ious, max_expand >= 1 and trials >= 1, got "
                f"min_ious={list(self.min_ious)}, max_expand={self.max_expand}, "
                f"trials={self.trials}"
            )

    def __call__(
        self, random: np.random.Generator, width: int, height: int, boxes: NDArray[np.float64]
    ) -> Window:
        """A window that shows a part of a frame of width x height pixels.

        Args:
            random: where the draws come from.
            width: of the frame, pixels.
            height: of the frame, pixels.
            boxes: float64 [N, 4], xyxy pixels of the frame.
        """
        canvas = (0, 0, width, height)
        if random.random() < self.expand_p:
            canvas = sample_canvas(random, width, height, self.max_expand)
        return sample_crop(random, canvas, boxes, self.min_ious, self.trials)


def sample_canvas(
    random: np.random.Generator, width: int, height: int, max_expand: float
) -> Window:
    """A canvas up to `max_expand` times as wide and high that holds the frame somewhere.

    Args:
        random: where the draws come from.
        width: of the frame, pixels.
        height: of the frame, pixels.
        max_expand: the ratio is uniform in 1..max_expand.
    """
    ratio = random.uniform(1.0, max_expand)
    wide, high = round(width * ratio), round(height * ratio)
    left = int(random.integers(0, wide - width, endpoint=True))
    top = int(random.integers(0, high - height, endpoint=True))
    return -left, -top, wide - left, high - top


def sample_crop(
    random: np.random.Generator,
    canvas: Window,
    boxes: NDArray[np.float64],
    min_ious: Sequence[float | None],
    trials: int,
) -> Window:
    """A part of the canvas that at least one box overlaps by a minimum IoU drawn from `min_ious`.

    A drawn None keeps the canvas; without boxes it is kept as well. When all trials of a minimum
    fail, another is drawn.

    Args:
        random: where the draws come from.
        canvas: what is cropped.
        boxes: float64 [N, 4], xyxy pixels of the frame.
        min_ious: the minima; None must be among them, or a hopeless box would be tried for ever.
        trials: how many crops are drawn for one minimum.
    """
    if len(boxes) == 0:
        return canvas
    while (min_iou := min_ious[int(random.integers(len(min_ious)))]) is not None:
        crops = _draw_crops(random, canvas, trials)
        # A box must also have its centre inside, or nothing would be left to learn.
        good = (_iou(crops, boxes).max(axis=1) >= min_iou) & _centres_in(crops, boxes).any(axis=1)
        if good.any():
            x1, y1, x2, y2 = crops[np.argmax(good)].tolist()
            return x1, y1, x2, y2
    return canvas


def keeps(window: Window, boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which boxes stay: those whose centre lies in the window; bool [N]."""
    return _centres_in(np.array([window]), boxes)[0]


def _draw_crops(random: np.random.Generator, canvas: Window, trials: int) -> NDArray[np.int64]:
    """Crops of the wanted aspects, at most `trials`: int64 [n, 4]."""
    origin, size = np.array(canvas[:2]), np.array(canvas[2:]) - canvas[:2]
    sides = np.rint(random.uniform(*_SIDES, (trials, 2)) * size)
    places = np.rint(random.uniform(0.0, 1.0, (trials, 2)) * (size - sides))
    aspects = sides[:, 1] / np.maximum(sides[:, 0], 1)
    good = (sides >= 1).all(axis=1) & (aspects > _ASPECTS[0]) & (aspects < _ASPECTS[1])
    corners = origin + places[good]
    return np.concatenate([corners, corners + sides[good]], axis=1).astype(np.int64)


def _iou(crops: NDArray[np.int64], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """IoU [n, N] of n crops with N boxes."""
    low = np.maximum(crops[:, None, :2], boxes[None, :, :2])
    high = np.minimum(crops[:, None, 2:], boxes[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(axis=2)
    crop_areas = (crops[:, 2:] - crops[:, :2]).prod(axis=1)
    box_areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return common / (crop_areas[:, None] + box_areas[None] - common)


def _centres_in(crops: NDArray[np.int64], boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    centres = (boxes[None, :, :2] + boxes[None, :, 2:]) / 2
    inside = (centres > crops[:, None, :2]) & (centres < crops[:, None, 2:])
    return np.all(inside, axis=2)
