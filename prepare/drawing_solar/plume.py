"""A plume: a bright column on a bright point, with the look that a jet has at some age of its life.

A jet is a plume whose age advances. A plume of constant age is its look-alike: in any single frame
nothing tells them apart, for both are drawn by the same code from the same distribution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prepare.drawing_solar.pointing import Floats, Sky

GRAVITY = 3.78e-4  # arcsec/s², at the sun's surface, seen from the earth
KILOMETRES = 725.0  # in an arcsec
RISE = 60.0  # s
POINT_FADE = 200.0  # s
POINT_RATE, POINT_RADIUS = 90.0, 4.0  # DN/s, arcsec
WIDENING = 0.25  # of the width, from base to tip
STRANDS = (6.0, 35.0, 120.0)  # periods across and along in arcsec, and in s
TIP, BASE = 3.0, 1.5  # arcsec over which the ends fade
BELOW_BASE, ABOVE_TIP, HALF_WIDTHS = 4.0, 2.0, 1.7  # of the true box; arcsec, arcsec, sigmas
# Of the peak, and arcsec: what everybody sees, and what somebody may see.
CLEAR, FAINT = (0.2, 10.0), (0.04, 5.0)
LONGEST_LIFE, CLOSE = 1200, 4  # s; and how closely its beginning and end are known


@dataclass(frozen=True)
class Plume:
    """A column that rises, slows down, fades.

    Attributes:
        base: Tx and Ty of its root in arcsec.
        direction: Radians, anticlockwise from solar west.
        speed: At the beginning, arcsec/s.
        brake: Arcsec/s².
        width: Sigma of its profile in arcsec.
        peak: DN/s on top of what lies behind.
        hold: Age in s at which it begins to fade.
        fade: Time in s in which it loses 63 % of its light.
    """

    base: tuple[float, float]
    direction: float
    speed: float
    brake: float
    width: float
    peak: float
    hold: float
    fade: float

    def length(self, age: float) -> float:
        """Arcsec."""
        return max(0.0, self.speed * age - self.brake * age**2 / 2)

    def strength(self, age: float) -> float:
        """Part of the peak, 0..1."""
        if age <= 0:
            return 0.0
        return (1 - math.exp(-age / RISE)) * math.exp(-max(0.0, age - self.hold) / self.fade)

    def is_seen(self, age: float, least: tuple[float, float] = CLEAR) -> bool:
        """Whether it is strong and long enough; see `CLEAR` and `FAINT`."""
        return self.strength(age) >= least[0] and self.length(age) >= least[1]

    def clear_ages(self) -> tuple[float, float]:
        """The first and the last age at which everybody sees it, to 4 s; NaN where never."""
        ages = [float(age) for age in range(0, LONGEST_LIFE, CLOSE) if self.is_seen(age)]
        return (ages[0], ages[-1]) if ages else (math.nan, math.nan)

    def corners(self, age: float) -> NDArray[np.float64]:
        """The true box: float64 [4, 2], arcsec; two corners at the base, then two at the tip."""
        half, top = HALF_WIDTHS * self.width, self.length(age) + ABOVE_TIP
        along_across = [(-BELOW_BASE, -half), (-BELOW_BASE, half), (top, half), (top, -half)]
        cos, sin = math.cos(self.direction), math.sin(self.direction)
        return np.array(self.base) + np.array(along_across) @ [[cos, sin], [sin, -cos]]

    def rate(self, sky: Sky, age: float) -> Floats:
        """float32 [H, W], DN/s; 0 where it is not. The age is above 0."""
        cos, sin = math.cos(self.direction), math.sin(self.direction)
        dx, dy = sky.x - self.base[0], sky.y - self.base[1]
        along, across = dx * cos + dy * sin, dx * sin - dy * cos
        length = self.length(age)
        result = np.zeros(along.shape, np.float32)
        # The rest would cost most of the time and be nothing.
        reach = 8 * self.width + 8 * POINT_RADIUS
        near = (np.abs(across) < reach) & (along > -reach) & (along < length + reach)
        along, across = along[near], across[near]
        part = np.clip(along / max(length, 1.0), 0, 1)
        profile: NDArray[Any] = np.exp(-0.5 * (across / (self.width * (1 + WIDENING * part))) ** 2)
        profile = profile * _step(along / BASE) * _step((length - along) / TIP)
        wide, long, period = STRANDS
        turns = across / wide - along / long + age / period
        profile = profile * (1 + 0.25 * np.sin(2 * np.pi * turns))
        point = np.exp(-(along**2 + across**2) / POINT_RADIUS**2) * math.exp(-age / POINT_FADE)
        result[near] = self.peak * self.strength(age) * profile + POINT_RATE * point
        return result


def _step(values: NDArray[Any]) -> NDArray[Any]:
    """From 0 below to 1 above, smoothly."""
    return 1 / (1 + np.exp(-np.clip(values, -30, 30)))


def draw_plume(
    rng: np.random.Generator,
    base: tuple[float, float],
    direction: float,
    tilt: float,
    brief: bool = False,
) -> Plume:
    """Draw the look and the life of a plume.

    Args:
        rng: Where it comes from.
        base: Tx and Ty in arcsec.
        direction: Radians, anticlockwise from solar west.
        tilt: Between it and the vertical, radians; gravity brakes it less.
        brief: Whether its life is the shortest that there is, about 4 min.
    """
    hold, fade = rng.uniform(150, 420), rng.uniform(60, 150)
    return Plume(
        base=base,
        direction=direction,
        speed=rng.uniform(130, 260) / KILOMETRES,
        brake=GRAVITY * math.cos(tilt),
        width=rng.uniform(3, 6.5),
        peak=rng.uniform(35, 60),
        hold=150 if brief else hold,
        fade=60 if brief else fade,
    )
