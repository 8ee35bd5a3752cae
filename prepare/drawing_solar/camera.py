"""What the telescope makes of the light: blur, photons, noise, and counts of 14 bits."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from prepare.drawing_solar.pointing import Floats

BLUR = 1.5  # arcsec, full width at half maximum
SIGMAS = 2.355  # in a full width at half maximum
GAIN = 0.6  # DN a photon
READING = 1.0  # DN, spread of the noise of reading
FULL = 16383  # DN
EXPOSURE, SHORT_EXPOSURE = 2.9, 0.3  # s


@dataclass(frozen=True)
class Exposure:
    """One opening of the shutter.

    Attributes:
        seconds: How long.
        automatic: Whether flare light shortened it.
    """

    seconds: float
    automatic: bool = False


def photograph(
    rng: np.random.Generator, rate: Floats, exposure: Exposure, scale: float
) -> NDArray[np.int16]:
    """Counts of a frame.

    Args:
        rng: Where the noise comes from.
        rate: float32 [H, W], DN/s.
        exposure: See there.
        scale: Arcsec a pixel.

    Returns:
        int16 [H, W], DN.
    """
    blurred = cv2.GaussianBlur(rate, (0, 0), BLUR / SIGMAS / scale)
    photons = rng.poisson(np.maximum(blurred, 0) * (exposure.seconds / GAIN))
    counts = photons * GAIN + rng.normal(0, READING, rate.shape)
    return np.clip(np.rint(counts), 0, FULL).astype(np.int16)


def strike(rng: np.random.Generator, counts: NDArray[np.int16]) -> None:
    """Let cosmic rays hit single pixels and their neighbours; changes `counts`."""
    height, width = counts.shape
    for _ in range(max(3, counts.size // 1500)):
        y, x = rng.integers(height), rng.integers(width)
        counts[y, x : x + int(rng.integers(1, 4))] = rng.integers(500, FULL)
