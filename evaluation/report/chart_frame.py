"""Axes of the report's SVG charts: places of values, round ticks, and curves as SVG writes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a chart lies in its SVG, in its units, and what its axes show.

    Attributes:
        left: of the plotted rectangle.
        top: of the plotted rectangle.
        width: of the plotted rectangle.
        height: of the plotted rectangle.
        x_range: values at the left and the right edge.
        y_top: value at the top edge; the bottom is 0.
        logarithmic: the horizontal axis is.
    """

    left: float
    top: float
    width: float
    height: float
    x_range: tuple[float, float]
    y_top: float
    logarithmic: bool = False

    def x(self, value: float) -> float:
        """Horizontal place of a value."""
        low, high = self.x_range
        if self.logarithmic:
            value, low, high = math.log(value), math.log(low), math.log(high)
        return round(self.left + self.width * (value - low) / (high - low), 1)

    def y(self, value: float) -> float:
        """Vertical place of a value."""
        return round(self.top + self.height * (1 - value / self.y_top), 1)


@dataclass(frozen=True, slots=True)
class Point:
    """A dot of a curve, what its tooltip says, and what is written below it."""

    x: float
    y: float
    note: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """A line of a chart; `label` stands at its last point."""

    label: str
    points: list[Point]

    @property
    def polyline(self) -> str:
        """The points as SVG writes them."""
        return " ".join(f"{point.x},{point.y}" for point in self.points)


def y_ticks(values: Sequence[float]) -> list[float]:
    """Round values from 0 to above the largest, at most six; 0..1 where nothing is defined."""
    largest = max((v for v in values if not math.isnan(v)), default=0.0)
    if largest <= 0:
        return [0.0, 0.5, 1.0]
    step = next(s for s in (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2) if largest <= 5 * s + 1e-9)
    return [round(i * step, 4) for i in range(math.ceil(largest / step - 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Round values within [low, high] for a logarithmic axis; the ends where there are none."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    round_values = (
        digit * 10.0**exponent for exponent in exponents for digit in (1, 1.5, 2, 3, 5, 7)
    )
    inside = [value for value in round_values if low <= value <= high]
    return inside if len(inside) > 1 else [low, high]
