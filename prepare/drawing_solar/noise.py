"""Random fields and random courses in time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

STEEPNESS = 2.2  # the power of the sun's granular and network structure falls as k^-2.2


def texture(rng: np.random.Generator, side: int) -> Floats:
    """A field of mean 0 and variance 1, float32 [side, side], that continues over its edges."""
    frequency = np.hypot(*np.meshgrid(np.fft.rfftfreq(side), np.fft.fftfreq(side)))
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal((side, side))) * frequency ** (-STEEPNESS / 2)
    field = np.fft.irfft2(spectrum, (side, side))
    return (field / field.std()).astype(np.float32)


def fluctuation(
    rng: np.random.Generator, frames: int, memory: float, width: int = 1, blur: int = 1
) -> NDArray[np.float64]:
    """An autoregressive course of mean 0 and variance 1.

    Args:
        rng: Where it comes from.
        frames: T.
        memory: Correlation of neighbouring frames, 0..1.
        width: Values a frame.
        blur: Neighbouring values over which each is smoothed.

    Returns:
        float64 [T, width].
    """
    window = np.hanning(blur + 2)[1:-1]
    window /= np.sqrt((window**2).sum())
    steps = rng.standard_normal((frames, width + blur - 1))
    smooth = np.stack([np.convolve(step, window, mode="valid") for step in steps])
    result = smooth.copy()
    for t in range(1, frames):
        result[t] = memory * result[t - 1] + np.sqrt(1 - memory**2) * smooth[t]
    return result
