"""The sun on a calm day: disk with network, limb, spicules that come and go, and the corona."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from prepare.drawing_solar.noise import fluctuation, texture
from prepare.drawing_solar.pointing import Floats, Sky

# DN/s at 304 Å.
DISK, SPICULES, CORONA = 14.0, 17.0, 0.4
CONTRAST = 0.35  # of the network, in the logarithm
TEXEL, TEXTURE = 1.2, 256  # arcsec, texels; the texture repeats, which a field is too small to show
ROTATION = 0.0026  # arcsec/s at the middle of the disk
SPICULE_MEMORY = 150.0  # s
SPICULE_HEIGHT = (9.0, 4.0, 4.0, 30.0)  # arcsec: mean, spread, least, most
ANGLES, ANGLE_BLUR = 512, 9  # places along the limb that have a height of their own


class QuietSun:
    """What a field shows when nothing happens in it.

    Args:
        rng: Where it comes from.
        centre: Tx and Ty of the field's middle in arcsec.
        extent: Of the field from corner to corner in arcsec.
        limb: Radius of the sun in arcsec.
        times: float64 [T], s.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        centre: tuple[float, float],
        extent: float,
        limb: float,
        times: NDArray[np.float64],
    ) -> None:
        self._limb = limb
        self._times = times
        self._texture = texture(rng, TEXTURE)
        self._angle = math.atan2(centre[1], centre[0])
        reach = min(extent / limb, math.pi)
        self._angles = np.linspace(-reach, reach, ANGLES)
        memory = math.exp(-float(np.median(np.diff(times))) / SPICULE_MEMORY)
        mean, spread, least, most = SPICULE_HEIGHT
        heights = mean + spread * fluctuation(rng, len(times), memory, ANGLES, ANGLE_BLUR)
        self._heights = np.clip(heights, least, most)

    def rate(self, sky: Sky, frame: int) -> Floats:
        """float32 [H, W], DN/s."""
        depth = self._limb - sky.radius
        brightening = 1 + 0.35 * np.exp(-((depth / 14) ** 2))
        disk = DISK * np.exp(CONTRAST * self.structure(sky, frame)) * brightening
        if depth.min() > 0:
            return np.asarray(disk, np.float32)
        # From the field's own direction, so that no field has the jump from π to -π.
        cos, sin = math.cos(self._angle), math.sin(self._angle)
        angle = np.arctan2(sky.y * cos - sky.x * sin, sky.x * cos + sky.y * sin)
        height = np.interp(angle, self._angles, self._heights[frame])
        beyond = SPICULES * np.exp(np.minimum(depth, 0) / height) + CORONA
        return np.where(depth > 0, disk, beyond).astype(np.float32)

    def structure(self, sky: Sky, frame: int) -> Floats:
        """The network, turning with the sun: float32 [H, W] of mean 0 and variance 1.

        Args:
            sky: Where to look.
            frame: When.
        """
        foreshortened = np.sqrt(np.clip(1 - (sky.x / self._limb) ** 2, 0, 1))
        turned = sky.x - ROTATION * self._times[frame] * foreshortened
        columns = np.asarray(turned / TEXEL, np.float32)
        rows = np.asarray(sky.y / TEXEL, np.float32)
        found = cv2.remap(
            self._texture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
        )
        return np.asarray(found, np.float32)
