"""What a plume does over a sequence: it grows (a jet), stands, or flares up where it stands."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from prepare.drawing_solar.noise import fluctuation
from prepare.drawing_solar.plume import CLEAR, FAINT, Plume
from prepare.drawing_solar.pointing import Floats, Sky

FLICKER = (0.1, 0.8)  # of what stands: spread, and correlation of neighbouring frames
QUICKEST_FLASH = 60.0  # s


@dataclass(frozen=True, eq=False)
class Course:
    """A plume, frame by frame.

    Attributes:
        plume: What is seen.
        ages: float64 [T], s, of the look that it has in each frame; before 0 it is not there.
        gains: float64 [T], by which its light is multiplied.
        jet: Whether it is one; the rest looks like one.
    """

    plume: Plume
    ages: NDArray[np.float64]
    gains: NDArray[np.float64]
    jet: bool

    def rate(self, sky: Sky, frame: int) -> Floats | float:
        """float32 [H, W], DN/s; 0 while it is not there."""
        age, gain = float(self.ages[frame]), float(self.gains[frame])
        return self.plume.rate(sky, age) * np.float32(gain) if age > 0 and gain > 0 else 0.0

    def is_clear(self, frame: int) -> bool:
        """Whether this is a jet that everybody sees."""
        return self.jet and self.plume.is_seen(float(self.ages[frame]), CLEAR)

    def is_faint(self, frame: int) -> bool:
        """Whether this is a jet that comes or goes: seen by some and not by others."""
        return (
            self.jet
            and not self.is_clear(frame)
            and self.plume.is_seen(float(self.ages[frame]), FAINT)
        )


def erupting(plume: Plume, onset: float, times: NDArray[np.float64]) -> Course:
    """A jet that begins at `onset` s; times are float64 [T], s."""
    return Course(plume, times - onset, np.ones(len(times)), jet=True)


def standing(rng: np.random.Generator, plume: Plume, times: NDArray[np.float64]) -> Course:
    """A thread that stands and flickers a little, with the look of a moment of a jet's life."""
    spread, memory = FLICKER
    gains = 1 + spread * fluctuation(rng, len(times), memory)[:, 0]
    return Course(plume, np.full(len(times), _moment(rng, plume)), np.maximum(gains, 0), jet=False)


def flashing(
    rng: np.random.Generator, plume: Plume, onset: float, times: NDArray[np.float64]
) -> Course:
    """A thread that lights up in its whole length where it stands, for as long as a jet lives."""
    first, last = plume.clear_ages()
    life = max(last - first, QUICKEST_FLASH)
    # Up within two frames or three, down as slowly as a jet.
    bright = replace(plume, hold=0.7 * life, fade=0.2 * life)
    gains = np.array([bright.strength(float(time)) for time in times - onset])
    return Course(plume, np.full(len(times), _moment(rng, plume)), gains, jet=False)


def _moment(rng: np.random.Generator, plume: Plume) -> float:
    """An age at which the plume is clearly seen, each as likely as another."""
    first, last = plume.clear_ages()
    if math.isnan(first):
        raise ValueError(f"{plume} is never clearly seen")
    return float(rng.uniform(first, last))
