"""Where a drawn frame looks: places on the sky of its pixels, and the header keys that say so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Sky:
    """Helioprojective arcsec of the centres of all pixels, row 0 at the bottom.

    Attributes:
        x: float32 [H, W], Tx.
        y: float32 [H, W], Ty.
        limb: Radius of the sun in arcsec.
    """

    x: Floats
    y: Floats
    limb: float

    @cached_property
    def radius(self) -> Floats:
        """float32 [H, W], distance from the sun's centre in arcsec."""
        return np.hypot(self.x, self.y)


@dataclass(frozen=True)
class Pointing:
    """The linear coordinate system of a square frame; the gnomonic part is below 1e-5 arcsec.

    Attributes:
        centre: Tx and Ty of the middle of the array, in arcsec.
        side: Of the array in pixels.
        scale: Arcsec a pixel.
        roll: CROTA2 in degrees.
    """

    centre: tuple[float, float]
    side: int
    scale: float
    roll: float

    def sky(self, limb: float) -> Sky:
        """Places of all pixels.

        Args:
            limb: Radius of the sun in arcsec.
        """
        along = (np.arange(self.side) - (self.side - 1) / 2) * self.scale
        u, v = np.meshgrid(along, along)
        cos, sin = math.cos(math.radians(self.roll)), math.sin(math.radians(self.roll))
        x = self.centre[0] + u * cos - v * sin
        y = self.centre[1] + u * sin + v * cos
        return Sky(x.astype(np.float32), y.astype(np.float32), limb)

    def to_picture(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where places lie in a picture of the array, as a plot of it shows them.

        Args:
            points: float64 [N, 2], arcsec.

        Returns:
            float64 [N, 2], pixels from the upper left corner, y down.
        """
        x, y = (np.asarray(points) - self.centre).T
        cos, sin = math.cos(math.radians(self.roll)), math.sin(math.radians(self.roll))
        u, v = x * cos + y * sin, y * cos - x * sin
        return np.stack([self.side / 2 + u / self.scale, self.side / 2 - v / self.scale], axis=1)

    def keys(self) -> dict[str, str | float]:
        """The keys of a FITS header."""
        return {
            "CTYPE1": "HPLN-TAN",
            "CTYPE2": "HPLT-TAN",
            "CUNIT1": "arcsec",
            "CUNIT2": "arcsec",
            "CRPIX1": (self.side + 1) / 2,
            "CRPIX2": (self.side + 1) / 2,
            "CRVAL1": self.centre[0],
            "CRVAL2": self.centre[1],
            "CDELT1": self.scale,
            "CDELT2": self.scale,
            "CROTA2": self.roll,
        }
