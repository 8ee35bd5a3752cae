"""The corners of a subject's box on the sky, from the pixels in which volunteers drew it.

The catalogue holds each box in pixels of a plot (y down, turned clockwise on the screen about its
centre) together with one point, its base, both in pixels and in arcsec, and the box's length in
arcsec. One scale and one point are all it takes. The helper that is published with the catalogue
turns the box the wrong way instead: its boxes are mirrored north to south.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SAME_SCALE = 0.02  # relative difference of the scales along and across
SAME_PLACE = 1.0  # arcsec
FARTHEST = 3000.0  # arcsec from the sun's centre; the corner of AIA's field is 1740 away
NORTH_UP = np.array([1.0, -1.0])  # y of a picture points south, Ty points north


class NoBoxError(ValueError):
    """Numbers that give no box; all else that is known of the jet is as good as before."""


class PlotBox(NamedTuple):
    """A box in the pixels of a plot, y down.

    Attributes:
        x: Of the upper left corner before it is turned.
        y: Of the same.
        width: In pixels.
        height: In pixels.
        angle: By which it is turned clockwise about its centre, in radians.
    """

    x: float
    y: float
    width: float
    height: float
    angle: float

    def corners(self) -> NDArray[np.float64]:
        """float64 [4, 2], pixels, one after the other around the box."""
        centre = [self.x + self.width / 2, self.y + self.height / 2]
        return rectangle(self.width, self.height, self.angle) + centre


class Landmarks(NamedTuple):
    """Points that are known in pixels and in arcsec.

    Attributes:
        start: float64 [2], pixels: the base when the jet appears.
        end: float64 [2], pixels: the base when it was last seen; NaN where unknown.
        solar_start: float64 [2], arcsec.
        solar_end: float64 [2], arcsec; NaN where unknown.
    """

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    solar_start: NDArray[np.float64]
    solar_end: NDArray[np.float64]


def rectangle(width: float, height: float, angle: float) -> NDArray[np.float64]:
    """Corners of a box around the origin.

    Args:
        width: Before it is turned.
        height: Before it is turned.
        angle: Radians, from x to y: clockwise to the eye where y points down.

    Returns:
        float64 [4, 2], one after the other around the box.
    """
    half = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]) * [width / 2, height / 2]
    cos, sin = np.cos(angle), np.sin(angle)
    return half @ np.array([[cos, sin], [-sin, cos]])


def base_first(corners: NDArray[np.float64], base: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same corners in the same sense, beginning with the two nearest to the base.

    Args:
        corners: float64 [4, 2] around a box.
        base: float64 [2] in the same unit.

    Returns:
        float64 [4, 2].
    """
    first, second = np.argsort(np.linalg.norm(corners - base, axis=1), kind="stable")[:2]
    begin = first if (first + 1) % 4 == second else second
    return np.roll(corners, -begin, axis=0)


def subject_corners(
    box: PlotBox, landmarks: Landmarks, length: float, width: float
) -> NDArray[np.float64]:
    """Corners of a box in arcsec.

    The scale of the plot is the box's length in arcsec by its length in pixels. Where its width or
    the place of `end` contradict this scale, the box is laid by its length, width and direction
    alone, from the middle of its base at `start`.

    Args:
        box: In pixels.
        landmarks: In pixels and in arcsec.
        length: Along the jet in arcsec (`solar_H`), which need not be the box's height.
        width: Across the jet in arcsec (`solar_W`).

    Returns:
        float64 [4, 2], arcsec: the base first, then the tip; see `Subject`.

    Raises:
        NoBoxError: if the box has no area, a number is not finite or the place is nowhere near
            the sun; the message says which.
    """
    _check_usable(box, landmarks, length, width)
    corners = base_first(box.corners(), landmarks.start)
    along = np.linalg.norm(corners[2] - corners[1])
    across = np.linalg.norm(corners[1] - corners[0])
    scale = length / along
    result = landmarks.solar_start + scale * (corners - landmarks.start) * NORTH_UP
    end = landmarks.solar_start + scale * (landmarks.end - landmarks.start) * NORTH_UP
    # An unknown end gives NaN, which contradicts nothing.
    displaced = np.linalg.norm(end - landmarks.solar_end) > SAME_PLACE
    if abs(width / across / scale - 1) > SAME_SCALE or displaced:
        result = _laid_along(corners, landmarks.solar_start, length, width)
    farthest = np.linalg.norm(result, axis=1).max()
    if farthest > FARTHEST:
        raise NoBoxError(f"a corner of its box is {farthest:.0f}″ from the sun's centre")
    return result


def _laid_along(
    corners: NDArray[np.float64], base: NDArray[np.float64], length: float, width: float
) -> NDArray[np.float64]:
    """A box of this size from the base in the direction of the box in pixels."""
    direction = (corners[2] - corners[1]) * NORTH_UP
    direction /= np.linalg.norm(direction)
    sideways = (corners[1] - corners[0]) * NORTH_UP
    sideways *= width / 2 / np.linalg.norm(sideways)
    tip = base + length * direction
    return np.stack([base - sideways, base + sideways, tip + sideways, tip - sideways])


def _check_usable(box: PlotBox, landmarks: Landmarks, length: float, width: float) -> None:
    places = [*landmarks.start, *landmarks.solar_start]
    if not np.isfinite([*box, *places]).all():
        raise NoBoxError("its box or its base is not finite")
    if abs(box.angle) > 2 * np.pi + 1e-6:
        raise NoBoxError(f"its angle should be radians in -2π..2π, got {box.angle:g}; degrees?")
    if not (box.width > 0 and box.height > 0):
        raise NoBoxError(f"its box measures {box.width:g}x{box.height:g} pixels")
    if not (0 < length < np.inf and 0 < width < np.inf):
        raise NoBoxError(f"its box measures {length:g}x{width:g} arcsec")
