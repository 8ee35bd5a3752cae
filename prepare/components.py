"""Connected parts of a mask and their boxes, at native resolution."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

BoolMask = npt.NDArray[np.bool_]


class Component(NamedTuple):
    """One connected part of a mask.

    Attributes:
        box: xyxy in pixels of the mask, half-open.
        area: Pixels of the part.
        mask: The part inside its box, bool [box height, box width].
    """

    box: tuple[int, int, int, int]
    area: int
    mask: BoolMask

    @property
    def sides(self) -> tuple[int, int]:
        """Width and height of the box in pixels."""
        x1, y1, x2, y2 = self.box
        return x2 - x1, y2 - y1

    @property
    def extent(self) -> float:
        """Share of the box that the part fills, in (0, 1]."""
        width, height = self.sides
        return self.area / (width * height)


def connected_components(mask: BoolMask, connectivity: int = 4) -> list[Component]:
    """Connected parts of a mask.

    Args:
        mask: Bool [H, W].
        connectivity: 4, where parts that touch in a corner stay apart, or 8, where they join.

    Returns:
        The parts in the order of their first pixel, row by row.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=connectivity
    )
    return [_component(labels, label, stats[label]) for label in range(1, count)]


def joined_components(mask: BoolMask, gap: int, connectivity: int = 4) -> list[Component]:
    """Connected parts of a mask after gaps were bridged.

    The bridges decide what belongs together and count for nothing else: boxes and areas are those
    of the mask itself, so that a part never reaches for the border of the picture.

    Args:
        mask: Bool [H, W].
        gap: Widest gap in pixels that is bridged (one more where odd); 0 bridges none.
        connectivity: 4 or 8.

    Returns:
        The parts in the order of their first pixel, row by row.
    """
    if gap == 0:
        return connected_components(mask, connectivity)
    # Closing with an even square would shift the mask by a pixel and lose its first row.
    side = gap + 1 + gap % 2
    square = np.ones((side, side), np.uint8)
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, square)
    _, labels = cv2.connectedComponents(closed, connectivity=connectivity)
    return components_of_labels(np.where(mask, labels, 0))


def components_of_labels(labels: npt.NDArray[Any]) -> list[Component]:
    """The parts of a picture of labels, connected or not.

    Args:
        labels: Int [H, W], 0 is background.

    Returns:
        One part for every label that occurs, in the order of the labels.
    """
    parts = []
    for label in np.unique(labels[labels > 0]):
        mask = labels == label
        stats = np.array([*cv2.boundingRect(mask.astype(np.uint8)), np.count_nonzero(mask)])
        parts.append(_component(labels, int(label), stats))
    return parts


def _component(labels: Any, label: int, stats: npt.NDArray[Any]) -> Component:
    """The part of a label, from cv2's row (x, y, width, height, area)."""
    x, y, width, height, area = (int(value) for value in stats)
    window = labels[y : y + height, x : x + width]
    return Component((x, y, x + width, y + height), area, window == label)
