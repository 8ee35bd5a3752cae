"""Where plumes are rooted, so that they lie in the field and do not hide each other."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from prepare.drawing_solar.plans import Trait
from prepare.drawing_solar.plume import Plume, draw_plume

DEPTH, HEIGHT = (0.0, 25.0), (5.0, 14.0)  # arcsec below the limb, or above it: rooted behind
STEEPEST, ALIGNED = math.radians(35), math.radians(4)  # tilts against the vertical
INSIDE = 12.0  # arcsec from a base to the field's border
LEAST_INSIDE, MOST_SHARED = 0.8, 0.1  # of a plume's upright box: in the field, with another
ATTEMPTS = 60

Box = tuple[float, float, float, float]


class Layout:
    """A field that fills up.

    Args:
        rng: Where places come from.
        centre: Tx and Ty of the field's middle in arcsec.
        extent: Side of the field in arcsec.
        limb: Radius of the sun in arcsec.
        at_limb: Whether plumes stand on the limb; anywhere in any direction otherwise.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        centre: tuple[float, float],
        extent: float,
        limb: float,
        at_limb: bool,
    ) -> None:
        self._rng = rng
        self._centre = np.array(centre)
        self._extent = extent
        self._limb = limb
        self._at_limb = at_limb
        self._taken: list[Box] = []

    def plume(self, trait: Trait = "any", aligned: bool = False) -> Plume | None:
        """A plume that fits, or nothing when the field is full.

        Args:
            trait: Only 'behind' matters for its place, and only 'brief' for its life.
            aligned: Whether this one points away from the sun's centre with hardly a tilt.
        """
        for _ in range(ATTEMPTS):
            base, up = self.place(trait == "behind")
            most = ALIGNED if aligned else STEEPEST
            tilt = float(self._rng.uniform(-most, most))
            plume = draw_plume(self._rng, base, up + tilt, tilt, brief=trait == "brief")
            first, last = plume.clear_ages()
            if math.isnan(first):
                continue
            longest = min(last, plume.speed / plume.brake)
            box = _upright(plume.corners(longest))
            if self._inside(box) >= LEAST_INSIDE and self._is_free(box):
                self._taken.append(box)
                return plume
        return None

    def place(self, behind: bool = False) -> tuple[tuple[float, float], float]:
        """A base in the field, Tx and Ty in arcsec, and the way up from it in radians."""
        half = self._extent / 2 - INSIDE
        if not self._at_limb:
            x, y = self._centre + self._rng.uniform(-half, half, 2)
            return (float(x), float(y)), float(self._rng.uniform(-np.pi, np.pi))
        while True:
            depth = self._rng.uniform(*HEIGHT) if behind else -self._rng.uniform(*DEPTH)
            middle = math.atan2(self._centre[1], self._centre[0])
            spread = self._extent / self._limb
            angle = middle + self._rng.uniform(-spread, spread)
            base = (self._limb + depth) * np.array([math.cos(angle), math.sin(angle)])
            if (np.abs(base - self._centre) < half).all():
                return (float(base[0]), float(base[1])), angle

    def _inside(self, box: Box) -> float:
        low, high = self._centre - self._extent / 2, self._centre + self._extent / 2
        return _shared(box, (low[0], low[1], high[0], high[1])) / _area(box)

    def _is_free(self, box: Box) -> bool:
        return all(
            _shared(box, other) <= MOST_SHARED * min(_area(box), _area(other))
            for other in self._taken
        )


def _upright(corners: NDArray[np.float64]) -> Box:
    (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return x0, y0, x1, y1


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _shared(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0.0) * max(height, 0.0)
