"""Runs over each other: precision and recall of each class, and accuracy against speed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.coco import RECALL_GRID
from evaluation.drawing import class_colour
from evaluation.report.chart_frame import Frame, Point, log_ticks, y_ticks
from evaluation.report.charts import Chart, Line, polyline_points
from evaluation.report.side_by_side import Standing
from evaluation.summary import Evaluation, precision_at_recall

MOST_CLASSES = 5  # with a chart of their own, those with the most objects


@dataclass(frozen=True, slots=True)
class SpeedChart:
    """AP against frames a second, a dot a run.

    Attributes:
        frame: where the chart lies and what its axes show.
        x_ticks: frames a second.
        y_ticks: AP in 0..1.
        points: name of a run -> its dot.
    """

    frame: Frame
    x_ticks: list[float]
    y_ticks: list[float]
    points: dict[str, Point]


def run_colours(names: Sequence[str]) -> dict[str, str]:
    """CSS colours of runs."""
    return {name: "rgb({} {} {})".format(*class_colour(i)) for i, name in enumerate(names, 1)}


def overlaid_curves(evaluations: Mapping[str, Evaluation]) -> list[Chart]:
    """Interpolated precision against recall at IoU .5, a line a run.

    Args:
        evaluations: run -> scores on the same truth.

    Returns:
        The mean over the classes first, then a chart for each of the most frequent classes.
    """
    first = next(iter(evaluations.values()))
    names = [name for name in first.class_names if first.curves[name].n_truth]
    shown = sorted(names, key=lambda name: -first.curves[name].n_truth)[:MOST_CLASSES]
    charts = [_overlay("Mean over classes", names, evaluations)]
    return charts + [_overlay(name, [name], evaluations) for name in shown if len(names) > 1]


def _overlay(title: str, classes: Sequence[str], evaluations: Mapping[str, Evaluation]) -> Chart:
    colours = run_colours(list(evaluations))
    lines = []
    for run, evaluation in evaluations.items():
        precision = np.mean([precision_at_recall(evaluation.curves[c]) for c in classes], axis=0)
        drawn = np.flatnonzero(precision)
        last = int(drawn[-1]) + 1 if len(drawn) else 0
        ap_50 = float(np.mean([evaluation.coco.per_class[c]["ap_50"] for c in classes]))
        points = polyline_points(RECALL_GRID[:last], precision[:last])
        lines.append(Line(run, colours[run], points, None, f"{run}: AP50 {100 * ap_50:.1f}"))
    description = f"{title}: precision against recall at IoU .5 of each run."
    return Chart(title, "recall", "precision", description, lines)


def speed_chart(standings: Sequence[Standing], ap: Mapping[str, float]) -> SpeedChart | None:
    """AP against speed.

    Args:
        standings: of the runs.
        ap: run -> COCO AP in 0..1.

    Returns:
        None where the speed of fewer than two runs is known.
    """
    timed = [
        (run.name, run.frames_per_second, ap[run.name])
        for run in standings
        if run.frames_per_second and not math.isnan(ap[run.name])
    ]
    if len(timed) < 2:
        return None
    speeds, ticks = [fps for _, fps, _ in timed], y_ticks([score for *_, score in timed])
    low, high = min(speeds) / 1.5, max(speeds) * 1.5
    frame = Frame(42, 12, 360, 240, (low, high), ticks[-1], logarithmic=True)
    points = {
        name: Point(
            frame.x(fps), frame.y(score), f"{name}: AP {100 * score:.1f}, {fps:.1f} frames/s"
        )
        for name, fps, score in timed
    }
    return SpeedChart(frame, log_ticks(low, high), ticks, points)
