"""A flat picture measured in metres, that is drawn on and then stood up in the street."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import cv2
import numpy as np
import numpy.typing as npt

Colour = tuple[float, float, float]
Box = tuple[float, float, float, float]
Image = npt.NDArray[np.uint8]

SHIFT = 4  # fractional bits of OpenCV's polygon corners


class Canvas:
    """Colour, opacity and opening numbers of one plane; x right and y up from the lower left.

    `colour` is uint8 [H, W, 3] in OpenCV's channel order (blue, green, red), `alpha` uint8 [H, W]
    and `openings` uint8 [H, W]: 0 for wall, k for the pixels of the plane's k-th window or door.

    Args:
        width: metres.
        height: metres.
        ppm: pixels per metre.
        colour: what lies under everything; transparent parts bleed it at their edges.
        alpha: the opacity to begin with, 0 or 255.
    """

    def __init__(
        self, width: float, height: float, ppm: float, colour: Colour, alpha: int = 0
    ) -> None:
        self.ppm = ppm
        shape = max(round(height * ppm), 1), max(round(width * ppm), 1)
        self.colour: Image = np.empty((*shape, 3), np.uint8)
        self.colour[:] = np.clip(colour, 0, 255)
        self.alpha: Image = np.full(shape, alpha, np.uint8)
        self.openings: Image = np.zeros(shape, np.uint8)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.alpha.shape[0], self.alpha.shape[1]

    def mirrored(self) -> Canvas:
        """A copy with left and right exchanged."""
        twin = copy(self)
        twin.colour, twin.alpha, twin.openings = (
            np.ascontiguousarray(layer[:, ::-1])
            for layer in (self.colour, self.alpha, self.openings)
        )
        return twin

    def pixels(self, box: Box) -> tuple[slice, slice]:
        """Rows and columns of a box (x0, y0, x1, y1) in metres, cut at the canvas."""
        height, width = self.shape
        x0, y0, x1, y1 = (round(value * self.ppm) for value in box)
        rows = slice(min(max(height - y1, 0), height), min(max(height - y0, 0), height))
        return rows, slice(min(max(x0, 0), width), min(max(x1, 0), width))

    def fill(self, box: Box, colour: Colour) -> None:
        """Paint a box in one opaque colour; openings under it are covered."""
        area = self.pixels(box)
        self.colour[area] = np.clip(colour, 0, 255)
        self.alpha[area] = 255
        self.openings[area] = 0

    def paste(self, box: Box, texture: Image, mask: npt.NDArray[np.bool_] | None = None) -> None:
        """Lay a texture [H, W, 3] into a box, where `mask` (bool, of the box's size) is true."""
        area = self.pixels(box)
        inside = np.ones(self.alpha[area].shape, bool) if mask is None else mask
        self.colour[area][inside] = texture[inside]
        self.alpha[area][inside] = 255

    def mark(self, box: Box, number: int, mask: npt.NDArray[np.bool_]) -> None:
        """Give the pixels of a box that `mask` (bool, of the box's size) names to an opening."""
        self.openings[self.pixels(box)][mask] = number

    def shade(self, box: Box, factor: float) -> None:
        """Multiply a box's light by a factor, 1 leaving it as it is."""
        area = self.pixels(box)
        if self.alpha[area].size:
            self.colour[area] = cv2.convertScaleAbs(self.colour[area], alpha=factor)

    def polygon(self, points: Sequence[tuple[float, float]], colour: Colour) -> None:
        """Paint a smooth-edged polygon; points (x, y) in metres."""
        height = self.shape[0]
        corners = np.array(points, np.float64) * self.ppm
        corners[:, 1] = height - corners[:, 1]
        fixed = np.round((corners - 0.5) * (1 << SHIFT)).astype(np.int32)
        cv2.fillPoly(self.colour, [fixed], colour, cv2.LINE_AA, SHIFT)
        cv2.fillPoly(self.alpha, [fixed], (255,), cv2.LINE_AA, SHIFT)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """Paint a smooth-edged disc about (x, y) in metres."""
        angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
        self.polygon([(x + radius * np.cos(a), y + radius * np.sin(a)) for a in angles], colour)

    def line(
        self, a: tuple[float, float], b: tuple[float, float], colour: Colour, width: float
    ) -> None:
        """Draw a smooth line of `width` metres from a to b."""
        ends = []
        for x, y in (a, b):
            column = round((x * self.ppm - 0.5) * (1 << SHIFT))
            ends.append((column, round((self.shape[0] - y * self.ppm - 0.5) * (1 << SHIFT))))
        thickness = max(round(width * self.ppm), 1)
        cv2.line(self.colour, ends[0], ends[1], colour, thickness, cv2.LINE_AA, SHIFT)
        cv2.line(self.alpha, ends[0], ends[1], (255,), thickness, cv2.LINE_AA, SHIFT)


def scaled(colour: Colour, factor: float) -> Colour:
    """A colour made lighter or darker, kept within 0..255."""
    b, g, r = (min(max(channel * factor, 0.0), 255.0) for channel in colour)
    return b, g, r
