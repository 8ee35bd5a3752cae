"""Bright things without a column: active regions, prominences, bright points, flares, loops."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prepare.drawing_solar.noise import fluctuation
from prepare.drawing_solar.pointing import Floats, Sky

Gains = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Patch:
    """An elliptic patch that changes in brightness only.

    Attributes:
        centre: Tx and Ty in arcsec.
        sigmas: Of its profile along and across, arcsec.
        angle: Of the long axis, radians anticlockwise from solar west.
        gains: float64 [T], DN/s at the centre.
    """

    centre: tuple[float, float]
    sigmas: tuple[float, float]
    angle: float
    gains: Gains

    def rate(self, sky: Sky, frame: int) -> Floats | float:
        """float32 [H, W], DN/s."""
        gain = float(self.gains[frame])
        if gain <= 0:
            return 0.0
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        dx, dy = sky.x - self.centre[0], sky.y - self.centre[1]
        along, across = (
            (dx * cos + dy * sin) / self.sigmas[0],
            (dx * sin - dy * cos) / self.sigmas[1],
        )
        return np.asarray(gain * np.exp(-(along**2 + across**2) / 2), np.float32)


@dataclass(frozen=True, eq=False)
class Loop:
    """An arch that stands and brightens slowly.

    Attributes:
        middle: Tx and Ty half-way between its feet, arcsec.
        up: Direction of its top, radians anticlockwise from solar west.
        radius: Arcsec.
        width: Sigma of its profile, arcsec.
        gains: float64 [T], DN/s.
    """

    middle: tuple[float, float]
    up: float
    radius: float
    width: float
    gains: Gains

    def rate(self, sky: Sky, frame: int) -> Floats:
        """float32 [H, W], DN/s."""
        cos, sin = math.cos(self.up), math.sin(self.up)
        dx, dy = sky.x - self.middle[0], sky.y - self.middle[1]
        height, across = dx * cos + dy * sin, dx * sin - dy * cos
        distance = (np.hypot(height, across) - self.radius) / self.width
        above = 1 / (1 + np.exp(-np.clip(height / 2, -30, 30)))
        light = self.gains[frame] * np.exp(-(distance**2) / 2) * above
        return np.asarray(light, np.float32)


def active_region(
    rng: np.random.Generator, centre: tuple[float, float], times: NDArray[np.float64]
) -> list[Patch]:
    """Three overlapping patches that flicker each by itself."""
    patches = []
    for _ in range(3):
        offset = rng.normal(0, 10, 2)
        gains = rng.uniform(25, 60) * (1 + 0.35 * fluctuation(rng, len(times), 0.9)[:, 0])
        sigmas = (float(rng.uniform(10, 20)), float(rng.uniform(5, 10)))
        place = (centre[0] + float(offset[0]), centre[1] + float(offset[1]))
        patches.append(Patch(place, sigmas, float(rng.uniform(0, np.pi)), np.maximum(gains, 0)))
    return patches


def prominence(
    rng: np.random.Generator, base: tuple[float, float], up: float, times: NDArray[np.float64]
) -> Patch:
    """A cloud over the limb, as high as broad, that breathes by a tenth."""
    height = rng.uniform(15, 25)
    centre = (base[0] + height * math.cos(up), base[1] + height * math.sin(up))
    phase = rng.uniform(0, 2 * np.pi)
    gains = rng.uniform(12, 30) * (1 + 0.1 * np.sin(2 * np.pi * times / 900 + phase))
    return Patch(centre, (float(rng.uniform(9, 16)), float(rng.uniform(7, 10))), up, gains)


def bright_point(
    rng: np.random.Generator, centre: tuple[float, float], times: NDArray[np.float64]
) -> Patch:
    """A round flash like the one at the base of a jet, without the jet."""
    onset = rng.uniform(times[0], times[-1])
    gains = rng.uniform(60, 120) * np.exp(-np.clip(times - onset, 0, None) / 150)
    size = float(rng.uniform(3, 5))
    return Patch(centre, (size, size), 0.0, np.where(times >= onset, gains, 0.0))


def flare(
    rng: np.random.Generator, centre: tuple[float, float], times: NDArray[np.float64]
) -> Patch:
    """A burst so bright that the camera shortens its exposures."""
    onset = rng.uniform(times[0], (times[0] + times[-1]) / 2)
    age = times - onset
    gains = 280 * (1 - np.exp(-np.clip(age, 0, None) / 60)) * np.exp(-np.clip(age, 0, None) / 400)
    return Patch(centre, (9.0, 5.0), float(rng.uniform(0, np.pi)), gains)


def loop(
    rng: np.random.Generator, middle: tuple[float, float], up: float, times: NDArray[np.float64]
) -> Loop:
    """An arch whose light changes over half an hour."""
    gains = rng.uniform(25, 45) * (1 + 0.4 * np.sin(2 * np.pi * (times / 2400 + rng.uniform())))
    return Loop(middle, up, float(rng.uniform(12, 28)), float(rng.uniform(2, 3.5)), gains)
