"""The report's curves as points of small SVG charts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.coco import RECALL_GRID
from evaluation.summary import Evaluation, precision_at_recall

LEFT, TOP, WIDTH, HEIGHT = 42, 12, 360, 240


@dataclass(frozen=True, slots=True)
class Line:
    """One class in a chart.

    Attributes:
        name: of the class.
        colour: in CSS.
        points: of an SVG polyline.
        marker: x and y of the operating point, None where there is none.
        note: what a tooltip says.
    """

    name: str
    colour: str
    points: str
    marker: tuple[float, float] | None
    note: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over the unit square.

    Attributes:
        title: of the chart.
        x_label: of the horizontal axis.
        y_label: of the vertical axis.
        description: what a reader who does not see it is told.
        lines: one a class, those with a colour of their own last, so that they lie on top.
    """

    title: str
    x_label: str
    y_label: str
    description: str
    lines: list[Line]


def precision_recall_chart(evaluation: Evaluation, colours: dict[str, str]) -> Chart:
    """Interpolated precision against recall at IoU .5, with the operating points."""
    lines = []
    for name, curve in evaluation.curves.items():
        highest = curve.recall[-1] if len(curve.recall) else -1.0
        reached = highest + 1e-12 >= RECALL_GRID
        precision = precision_at_recall(curve)
        point = evaluation.operating_point[name]
        ap = evaluation.coco.per_class[name]["ap_50"]
        lines.append(
            Line(
                name,
                colours[name],
                polyline_points(RECALL_GRID[reached], precision[reached]),
                _place(point.recall, point.precision),
                f"{name}: AP50 {100 * ap:.1f}",
            )
        )
    return Chart(
        "Precision and recall",
        "recall",
        "precision",
        "Precision against recall at IoU .5 for each class; the table has the numbers.",
        _coloured_last(lines),
    )


def f1_chart(evaluation: Evaluation, colours: dict[str, str]) -> Chart:
    """F1 against the score threshold at IoU .5, with the operating points."""
    grid = np.linspace(0, 1, 101)
    lines = []
    for name, curve in evaluation.curves.items():
        kept = np.searchsorted(-curve.threshold, -grid, side="right")
        f1 = np.append(0.0, curve.f1)[kept]
        point = evaluation.operating_point[name]
        drawn = ~np.isnan(f1) if curve.n_truth else np.zeros(len(grid), dtype=bool)
        lines.append(
            Line(
                name,
                colours[name],
                polyline_points(grid[drawn], f1[drawn]),
                _place(point.threshold, point.f1),
                f"{name}: F1 {100 * point.f1:.1f} at {point.threshold:.2f}",
            )
        )
    return Chart(
        "F1 and the score threshold",
        "score threshold",
        "F1",
        "F1 at IoU .5 against the score threshold for each class; dots mark the operating point.",
        _coloured_last(lines),
    )


def _place(x: float, y: float) -> tuple[float, float] | None:
    if np.isnan(x) or np.isnan(y):
        return None
    return round(LEFT + WIDTH * x, 1), round(TOP + HEIGHT * (1 - y), 1)


def polyline_points(x: ArrayLike, y: ArrayLike) -> str:
    """A curve over the unit square as SVG writes it."""
    across: NDArray[np.float64] = LEFT + WIDTH * np.asarray(x)
    down: NDArray[np.float64] = TOP + HEIGHT * (1 - np.asarray(y))
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, down, strict=True))


def _coloured_last(lines: list[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: "140 140 140" not in line.colour)
