"""Intensities in DN/s -> 0..1.

The default is the same for every frame of every video: a stretch that follows each frame makes a
quiet patch flicker whenever something else in the field brightens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# DN/s that are shown, by wavelength in Å. Helioviewer's JP2 files, version 6, where they are
# logarithmic; 171 Å from LMSAL's daily pictures, divided by their exposure of 5 s.
RANGES = {
    94: (0.1, 30.0),
    131: (0.7, 500.0),
    171: (2.0, 1200.0),
    193: (20.0, 2500.0),
    211: (7.0, 1500.0),
    304: (0.8, 250.0),
    335: (0.4, 80.0),
}
SMALLEST_RANGE = 1e-3  # DN/s; of a frame that is the same all over


class Scale(Protocol):
    """What makes values of 0..1 out of rates."""

    def scale(self, rate: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rates in DN/s, NaN where unknown -> float32 0..1 of the same shape, 0 where unknown."""


@dataclass(frozen=True)
class FixedLog:
    """log10 between two fixed rates; the default is that of 304 Å in `RANGES`.

    Attributes:
        low: DN/s that become 0.
        high: DN/s that become 1.
    """

    low: float = RANGES[304][0]
    high: float = RANGES[304][1]

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high:
            raise ValueError(f"expected 0 < low < high in DN/s, got {self.low} and {self.high}")

    @classmethod
    def of(cls, wavelength: int) -> FixedLog:
        """The scale of a wavelength in Å.

        Raises:
            ValueError: if `RANGES` has none.
        """
        if wavelength not in RANGES:
            raise ValueError(
                f"no usual range of intensities for {wavelength} Å, only for {sorted(RANGES)}; "
                "take a scale by percentiles, or FixedLog(low, high) in DN/s"
            )
        return cls(*RANGES[wavelength])

    def scale(self, rate: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Scale`."""
        bounded = np.clip(np.nan_to_num(rate, nan=self.low), self.low, self.high)
        return (np.log(bounded / self.low) / np.log(self.high / self.low)).astype(np.float32)


@dataclass(frozen=True)
class FixedRoot:
    """Square root between two fixed rates.

    Attributes:
        low: DN/s that become 0.
        high: DN/s that become 1.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"expected low < high in DN/s, got {self.low} and {self.high}")

    def scale(self, rate: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Scale`."""
        bounded = np.clip(np.nan_to_num(rate, nan=self.low), self.low, self.high)
        return np.sqrt((bounded - self.low) / (self.high - self.low)).astype(np.float32)


@dataclass(frozen=True)
class ClipPercentile:
    """Square root between two percentiles of a whole video, as published labelling tools have it.

    It needs all frames of the video beforehand: for archives, not for a stream.

    Attributes:
        low: Percentile that becomes 0.
        high: Percentile that becomes 1.
    """

    low: float = 1.0
    high: float = 99.9

    def __post_init__(self) -> None:
        _check_percentiles(self.low, self.high)

    def fit(self, rates: NDArray[np.float32]) -> FixedRoot:
        """The scale of a video.

        Args:
            rates: Of all its frames or a fair sample of them, in DN/s, any shape; NaN is left out.
        """
        return _root_between(rates, self.low, self.high)


@dataclass(frozen=True)
class PerFramePercentile:
    """Square root between two percentiles of each frame by itself. It makes videos flicker.

    Attributes:
        low: Percentile that becomes 0.
        high: Percentile that becomes 1.
    """

    low: float = 1.0
    high: float = 99.9

    def __post_init__(self) -> None:
        _check_percentiles(self.low, self.high)

    def scale(self, rate: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Scale`."""
        return _root_between(rate, self.low, self.high).scale(rate)


# By name, what gives the scale of a wavelength in Å.
SCALES: Mapping[str, Callable[[int], Scale | ClipPercentile]] = {
    "fixed-log": FixedLog.of,
    "clip-percentile": lambda _: ClipPercentile(),
    "frame-percentile": lambda _: PerFramePercentile(),
}


def _check_percentiles(low: float, high: float) -> None:
    if not 0 <= low < high <= 100:
        raise ValueError(f"expected percentiles 0 <= low < high <= 100, got {low} and {high}")


def _root_between(rates: NDArray[np.float32], low: float, high: float) -> FixedRoot:
    known = rates[np.isfinite(rates)]
    if not known.size:
        return FixedRoot(0.0, 1.0)  # nothing is measured: all of it becomes 0
    bottom, top = np.percentile(known, [low, high]).tolist()
    return FixedRoot(bottom, max(top, bottom + SMALLEST_RANGE))
