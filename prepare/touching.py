"""Windows that touch in a mask, parted by erosion and growth of what remains."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from prepare.components import BoolMask, Component, components_of_labels

MAX_EROSION = 3
MIN_PART_EXTENT = 0.7
MAX_NECK = 0.5


def split_touching(component: Component) -> list[Component]:
    """Part a component that is several rectangles grown together.

    It is eroded by 1, 2 and 3 px. Where more than one piece remains, every pixel goes to the
    nearest piece: the watershed of the distance to the pieces. The split counts if each part
    fills more than `MIN_PART_EXTENT` of its box and more of it than the whole did, and if no two
    parts share a border longer than `MAX_NECK` of either's shorter side: a slender oblique window
    falls to pieces under erosion too, but across its whole width. Of several erosions, the one
    with the most parts is taken, and of these the gentlest. Bridges between parts belong to none.

    Args:
        component: A connected part of a mask.

    Returns:
        Its parts, or the component alone.
    """
    best = [component]
    padded = np.pad(component.mask, MAX_EROSION + 1)
    floor = max(MIN_PART_EXTENT, component.extent)
    for pixels in range(1, MAX_EROSION + 1):
        labels, bridges = _grown_pieces(padded, pixels)
        parts = components_of_labels(np.where(bridges, 0, labels))
        filled = all(part.extent > floor for part in parts)
        if len(parts) > len(best) and filled and _necks_are_narrow(labels, parts):
            best = parts
    if len(best) == 1:
        return best
    left, top = (corner - MAX_EROSION - 1 for corner in component.box[:2])
    return [_moved(part, left, top) for part in best]


def _grown_pieces(mask: BoolMask, pixels: int) -> tuple[npt.NDArray[np.int32], BoolMask]:
    """A mask's pixels by the nearest of its n eroded pieces, and those of bridges between them.

    Returns:
        Labels [H, W], 1..n in the mask and 0 elsewhere, or all 0 where n < 2; bridges [H, W].
    """
    square = np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
    eroded = cv2.erode(mask.astype(np.uint8), square)
    count, _ = cv2.connectedComponents(eroded, connectivity=4)
    if count <= 2:
        return np.zeros(mask.shape, np.int32), np.zeros_like(mask)
    # The label of the nearest zero pixel; zeros that touch share a label.
    _, nearest = cv2.distanceTransformWithLabels(
        1 - eroded, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_CCOMP
    )
    labels = np.where(mask, nearest, 0).astype(np.int32)
    lost = mask & (cv2.dilate(eroded, square) == 0)
    bridges = np.zeros_like(mask)
    _, pieces_lost = cv2.connectedComponents(lost.astype(np.uint8), connectivity=4)
    for piece in range(1, int(np.max(pieces_lost)) + 1):
        here = pieces_lost == piece
        if len(np.unique(labels[here])) > 1:
            bridges |= here
    return labels, bridges


def _necks_are_narrow(labels: npt.NDArray[np.int32], parts: list[Component]) -> bool:
    """Whether the borders between parts 1..n of `labels` are short against the parts."""
    shared = np.zeros((len(parts) + 1, len(parts) + 1), int)
    for one, other in ((labels[:, 1:], labels[:, :-1]), (labels[1:], labels[:-1])):
        np.add.at(shared, (one, other), 1)
    shared = (shared + shared.T)[1:, 1:]
    np.fill_diagonal(shared, 0)
    shorter = np.array([min(part.sides) for part in parts])
    return bool((shared <= MAX_NECK * np.minimum.outer(shorter, shorter)).all())


def _moved(part: Component, left: int, top: int) -> Component:
    x1, y1, x2, y2 = part.box
    return part._replace(box=(x1 + left, y1 + top, x2 + left, y2 + top))
