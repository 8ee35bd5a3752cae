"""The earth's fuzzy edge that moves over the sun, as in AIA's eclipse seasons."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from prepare.drawing_solar.pointing import Floats, Sky

FUZZ = 8.0  # arcsec; the earth's air has no sharp edge
LEFT_OVER = 0.01  # of the light


@dataclass(frozen=True)
class Eclipse:
    """An edge that has come some way into the field.

    Attributes:
        centre: Tx and Ty of the field's middle in arcsec.
        reach: From there to the corners of the field, arcsec.
        direction: In which the edge moves, radians anticlockwise from solar west.
        begin: Frame in which it enters the field.
        frames: In which it crosses the field.
    """

    centre: tuple[float, float]
    reach: float
    direction: float
    begin: int
    frames: int

    def progress(self, frame: int) -> float:
        """Part of the way through the field, 0..1."""
        return min(max((frame - self.begin) / self.frames, 0.0), 1.0)

    def light(self, sky: Sky, frame: int) -> Floats:
        """What is left of the light, float32 [H, W]."""
        dx, dy = sky.x - self.centre[0], sky.y - self.centre[1]
        along = dx * math.cos(self.direction) + dy * math.sin(self.direction)
        edge = (2 * self.progress(frame) - 1) * (self.reach + 3 * FUZZ)
        lit = 1 / (1 + np.exp(-np.clip((along - edge) / FUZZ, -30, 30)))
        return np.asarray(LEFT_OVER + (1 - LEFT_OVER) * lit, np.float32)
