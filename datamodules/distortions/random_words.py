"""Random numbers for distortions: the same on every machine and in every version of NumPy."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

WORDS = 1 << 16


class RandomWords:
    """A stream of random 16-bit words that depends on its seed alone.

    Only the raw output of the bit generator is used. NumPy keeps that stream for ever, while its
    distributions (`normal`, `poisson`, ...) may change with a release, and call functions of the C
    library whose last digit depends on the processor. Distributions are made from words through
    tables of quantiles instead.

    Args:
        seed: non-negative integers.
    """

    def __init__(self, *seed: int) -> None:
        self._bits = np.random.SFC64(np.random.SeedSequence(seed))

    def draw(self, *shape: int) -> NDArray[np.uint16]:
        """Return words of a shape, uniform in 0..65535."""
        count = math.prod(shape)
        raw = self._bits.random_raw((count + 3) // 4)
        return raw.astype("<u8", copy=False).view("<u2")[:count].reshape(shape)

    def number(self, low: float, high: float) -> float:
        """Return one number, uniform in [low, high), with 53 random bits."""
        return low + (high - low) * (int(self._bits.random_raw()) >> 11) * 2.0**-53

    def integer(self, end: int) -> int:
        """Return one integer, uniform in [0, end)."""
        return int(self._bits.random_raw()) * end >> 64


@lru_cache(maxsize=1)
def normal_quantiles() -> NDArray[np.float64]:
    """The standard normal value of every word: float64 [65536], from -4.3 to 4.3, symmetric."""
    inverse = NormalDist().inv_cdf
    upper = [inverse((word + 0.5) / WORDS) for word in range(WORDS // 2, WORDS)]
    return np.array([*(-value for value in reversed(upper)), *upper])
