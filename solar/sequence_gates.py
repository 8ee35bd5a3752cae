"""Frames that their neighbours show to be wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EXPOSURE_RANGE = (0.5, 1.5)  # times the usual exposure
NEIGHBOURS = 5  # on each side
FEWEST_NEIGHBOURS = 4
JUMP = 5.0  # times the usual deviation from the neighbours' median
# A jump is at least this part of the brightness: the median of a calm field varies by less than
# a hundredth, and five times that is no fault.
SMALLEST_JUMP = 0.2
DEVIATIONS = 1.4826  # standard deviations in a median absolute deviation


def odd_exposures(
    exposures: NDArray[np.float64], automatic: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which frames were exposed for an unusual time.

    Frames that flare light shortened are right: their rates are as good as any. They tell nothing
    of what is usual either, since in a flare every second frame is one.

    Args:
        exposures: float64 [N], s; NaN where unknown.
        automatic: bool [N], whether flare light shortened the exposure.

    Returns:
        bool [N].
    """
    ordinary = ~automatic & np.isfinite(exposures)
    if not ordinary.any():
        return np.zeros(len(exposures), dtype=bool)
    usual = np.median(exposures[ordinary])
    low, high = EXPOSURE_RANGE
    return ordinary & ((exposures < low * usual) | (exposures > high * usual))


def brightness_jumps(medians: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which frames are suddenly darker or brighter as a whole: eclipse, lunar transit, door.

    Args:
        medians: float64 [N], the median rate of each frame in DN/s, in order of time.

    Returns:
        bool [N]; all false where there are too few frames to tell.
    """
    around = np.array([_neighbours_median(medians, i) for i in range(len(medians))])
    jump = np.abs(medians - around)
    if not np.isfinite(jump).any():
        return np.zeros(len(medians), dtype=bool)
    usual = DEVIATIONS * np.nanmedian(jump)
    return np.nan_to_num(jump) > np.maximum(JUMP * usual, SMALLEST_JUMP * np.abs(around))


def _neighbours_median(medians: NDArray[np.float64], i: int) -> float:
    others = np.r_[medians[max(0, i - NEIGHBOURS) : i], medians[i + 1 : i + 1 + NEIGHBOURS]]
    return float(np.median(others)) if len(others) >= FEWEST_NEIGHBOURS else float("nan")
