"""The report's section on events: the FROC curve and, video by video, what was there and found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.drawing import class_colour
from evaluation.events.evaluation import RECALLS, EventEvaluation
from evaluation.report.chart_frame import Frame, log_ticks
from evaluation.report.event_timelines import Timeline, event_timelines

MOST_TICKS = 8


@dataclass(frozen=True, slots=True)
class FrocLine:
    """A run's curve: recall against false alarms an hour, in steps.

    Attributes:
        name: of the run.
        colour: in CSS.
        points: of an SVG polyline.
        marker: x and y of the operating point.
        note: what a tooltip says.
    """

    name: str
    colour: str
    points: str
    marker: tuple[float, float]
    note: str


@dataclass(frozen=True, slots=True)
class FrocChart:
    """Curves of all runs; the left edge of the logarithmic axis stands for no false alarm."""

    frame: Frame
    x_ticks: list[float]
    lines: list[FrocLine]


@dataclass(frozen=True, slots=True)
class EventSection:
    """What the template needs.

    Attributes:
        runs: name -> evaluation, all of the same videos and the same truth.
        recalls: at which false alarms are told.
        chart: None where nothing was observed or nothing was to be found.
        timelines: of the videos with most to see.
    """

    runs: Mapping[str, EventEvaluation]
    recalls: tuple[float, ...]
    chart: FrocChart | None
    timelines: list[Timeline]

    @property
    def first(self) -> EventEvaluation:
        """Some run, for what all have in common."""
        return next(iter(self.runs.values()))


def events_section(runs: Mapping[str, EventEvaluation]) -> EventSection:
    """Lay out the evaluations of one or several runs on the same videos.

    Raises:
        ValueError: if no run is given.
    """
    if not runs:
        raise ValueError("a section on events needs the evaluation of one run at least")
    return EventSection(runs, RECALLS, froc_chart(runs), event_timelines(runs))


def froc_chart(runs: Mapping[str, EventEvaluation]) -> FrocChart | None:
    """Recall against false alarms an hour; None where one of the two has no meaning."""
    curves = [run.curve for run in runs.values()]
    if any(curve.hours <= 0 or not curve.truth for curve in curves):
        return None
    # One false alarm in all the time that was observed is the least rate above none.
    least = min(1 / curve.hours for curve in curves)
    rates = np.concatenate(
        [run.curve.rate[_rises(run.curve.found)] for run in runs.values()]
        + [np.array([run.scores.false_alarms_per_hour, 2 * least]) for run in runs.values()]
    )
    frame = Frame(42, 12, 340, 240, (least / 2, float(rates.max())), 1.0, logarithmic=True)
    lines = [
        _line(name, "rgb({} {} {})".format(*class_colour(i)), run, frame)
        for i, (name, run) in enumerate(runs.items(), start=1)
    ]
    return FrocChart(frame, _ticks(least, float(rates.max())), lines)


def _line(name: str, colour: str, run: EventEvaluation, frame: Frame) -> FrocLine:
    rises = _rises(run.curve.found)
    corners: list[tuple[float, float]] = []
    height = 0.0
    for rate, recall in zip(run.curve.rate[rises], run.curve.recall[rises], strict=True):
        corners += [
            (_across(rate, frame), frame.y(height)),
            (_across(rate, frame), frame.y(recall)),
        ]
        height = float(recall)
    if corners:
        corners.append((round(frame.left + frame.width, 1), frame.y(height)))
    scores = run.scores
    return FrocLine(
        name=name,
        colour=colour,
        points=" ".join(f"{x},{y}" for x, y in corners),
        marker=(_across(scores.false_alarms_per_hour, frame), frame.y(scores.recall)),
        note=f"{name}: recall {100 * scores.recall:.1f}, {scores.false_alarms_per_hour:.2f} false "
        f"alarms an hour at score {run.threshold:.2f}",
    )


def _ticks(low: float, high: float) -> list[float]:
    """Round values; powers of ten alone where all of them would not fit."""
    ticks = log_ticks(low, high)
    return ticks if len(ticks) <= MOST_TICKS else [t for t in ticks if np.log10(t) % 1 == 0]


def _rises(found: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places at which more is found than before."""
    return np.flatnonzero(np.diff(found, prepend=0) > 0)


def _across(rate: float, frame: Frame) -> float:
    return frame.x(max(float(rate), frame.x_range[0]))
