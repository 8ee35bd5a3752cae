"""What was set in each run of a sweep, and what came of it, as parallel coordinates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluation.report.chart_frame import Point

LEFT, TOP, WIDTH, HEIGHT = 60, 40, 860, 260
LOGARITHMIC = 20.0  # ratio of the largest to the smallest value from which a scale is logarithmic
_UNSET = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class Axis:
    """A setting, or the score.

    Attributes:
        name: above it.
        x: its place.
        marks: places and words along it.
    """

    name: str
    x: float
    marks: list[Point]


@dataclass(frozen=True, slots=True)
class Way:
    """A run through all settings to its score.

    Attributes:
        points: of an SVG polyline.
        share: 0 for the lowest score, 1 for the best.
        note: what a tooltip says.
    """

    points: str
    share: float
    note: str


@dataclass(frozen=True, slots=True)
class ParallelCoordinates:
    """A sweep, the best runs last, so that they lie on top.

    Attributes:
        axes: the settings and, at the right, the score.
        ways: the runs.
        score: what the runs are coloured by.
    """

    axes: list[Axis]
    ways: list[Way]
    score: str


def parallel_coordinates(
    settings: Mapping[str, Mapping[str, str]], scores: Mapping[str, float], score: str
) -> ParallelCoordinates | None:
    """Draw the runs of a sweep.

    Args:
        settings: run -> key -> value as on the command line, of what is not the same for all.
        scores: run -> what came of it; runs without, or with nan, are left out.
        score: what that is called.

    Returns:
        None for fewer than two runs, or where nothing tells them apart.
    """
    runs = [run for run in settings if not math.isnan(scores.get(run, math.nan))]
    keys = list(dict.fromkeys(key for run in runs for key in settings[run]))
    if len(runs) < 2 or not keys:
        return None
    columns = {key: [settings[run].get(key, _UNSET) for run in runs] for key in keys}
    columns[score] = [repr(scores[run]) for run in runs]
    step = WIDTH / (len(columns) - 1)
    axes, places = [], []
    for number, (name, values) in enumerate(columns.items()):
        marks, heights = _scale(values, LEFT + number * step)
        axes.append(Axis(name, round(LEFT + number * step, 1), marks))
        places.append(heights)
    low, high = min(scores[run] for run in runs), max(scores[run] for run in runs)
    order = sorted(range(len(runs)), key=lambda i: scores[runs[i]])
    ways = [
        Way(
            " ".join(f"{axis.x},{y[i]}" for axis, y in zip(axes, places, strict=True)),
            round((scores[runs[i]] - low) / (high - low), 3) if high > low else 1.0,
            f"{runs[i]}: {score} {100 * scores[runs[i]]:.1f}",
        )
        for i in order
    ]
    return ParallelCoordinates(axes, ways, score)


def _scale(values: Sequence[str], x: float) -> tuple[list[Point], list[float]]:
    """Marks of an axis, and each value's place on it."""
    numbers = [_number(value) for value in values]
    if any(math.isnan(number) for number in numbers):
        return _categories(values, x)
    low, high = min(numbers), max(numbers)
    logarithmic = low > 0 and high / low >= LOGARITHMIC
    if logarithmic:
        numbers = [math.log(number) for number in numbers]
    first, last = min(numbers), max(numbers)
    span = (last - first) or 1.0

    def place(number: float) -> float:
        share = (number - first) / span if last > first else 0.5
        return round(TOP + HEIGHT * (1 - share), 1)

    ends = sorted({first, (first + last) / 2, last})
    texts = [f"{math.exp(end) if logarithmic else end:.3g}" for end in ends]
    marks = [Point(x, place(end), text) for end, text in zip(ends, texts, strict=True)]
    return marks, [place(number) for number in numbers]


def _categories(values: Sequence[str], x: float) -> tuple[list[Point], list[float]]:
    names = sorted(set(values))
    step = HEIGHT / len(names)
    places = {name: round(TOP + step * (i + 0.5), 1) for i, name in enumerate(names)}
    return [Point(x, y, name) for name, y in places.items()], [places[value] for value in values]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
