"""The box of a jet in a picture: enclosed, clipped, and marked where little of it is left."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from prepare.jet_catalogue.placement import JetBox
from solar.frame_wcs import FrameWCS

LEAST_VISIBLE = 0.25  # of the enclosing box
LEAST_SIDE = 4 / 600  # of the picture's longer side: 4 px where that has 600


class VisibleBox(NamedTuple):
    """The upright box around what a picture shows of a jet's box.

    Attributes:
        xyxy: Absolute pixels, half-open, inside the picture.
        ignored: Too little of it is visible to demand that it be found, or to punish that.
        off_limb: The jet's base lies off the sun's disk.
    """

    xyxy: tuple[float, float, float, float]
    ignored: bool
    off_limb: bool


def visible_box(box: JetBox, wcs: FrameWCS) -> VisibleBox | None:
    """Project a box into a picture; nothing where they do not meet.

    The corners are projected before they are enclosed, so a rolled picture is no exception.

    Args:
        box: At the time of the picture.
        wcs: Of the picture.
    """
    corners = wcs.to_pixels(box.corners)
    width, height = wcs.size
    picture = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    # An enclosing box may reach into a picture that the jet's own box does not.
    shared, _ = cv2.intersectConvexConvex(corners.astype(np.float32), picture)
    x1, y1, x2, y2 = np.hstack([corners.min(axis=0), corners.max(axis=0)]).tolist()
    left, top, right, bottom = max(x1, 0.0), max(y1, 0.0), min(x2, width), min(y2, height)
    if shared <= 0 or left >= right or top >= bottom:
        return None
    visible = (right - left) * (bottom - top) / ((x2 - x1) * (y2 - y1))
    side = min(right - left, bottom - top) / max(width, height)
    return VisibleBox(
        xyxy=(left, top, right, bottom),
        ignored=visible < LEAST_VISIBLE or side < LEAST_SIDE,
        off_limb=bool(np.linalg.norm(box.base) > wcs.solar_radius),
    )
