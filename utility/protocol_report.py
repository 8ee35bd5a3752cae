"""The protocol's figures as one HTML page that opens offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import PackageLoader

from evaluation.drawing import class_colour
from evaluation.report.chart_frame import Frame, Point, Trace, y_ticks
from evaluation.report.page import page_environment
from structures.atomic_file import write_atomically
from utility.baselines import MAJORITY, ORACLE
from utility.expected_loss import by_loss
from utility.replacement_table import RANDOM

GREY = "rgb(140 140 140)"


@dataclass(frozen=True, slots=True)
class Line:
    """One scorer in a chart."""

    name: str
    colour: str
    trace: Trace
    dashed: bool


@dataclass(frozen=True, slots=True)
class LineChart:
    """Curves of scorers over one quantity.

    Attributes:
        title: of the chart.
        x_label: of the horizontal axis.
        frame: its axes.
        x_ticks: their places and texts.
        y_ticks: values.
        lines: one a scorer.
        reference: a horizontal line at this height, None for none.
    """

    title: str
    x_label: str
    frame: Frame
    x_ticks: list[tuple[float, str]]
    y_ticks: list[float]
    lines: list[Line]
    reference: float | None


def write_protocol_report(path: Path, metrics: Mapping[str, Any]) -> None:
    """Write the page, at once or not at all.

    Args:
        path: the HTML file.
        metrics: what `UtilityProtocol.judge` gave, and `runs`: name -> folder.
    """
    environment = page_environment(PackageLoader("utility", "."))
    environment.filters["three"] = three_places
    page = environment.get_template("protocol.html.jinja").render(
        metrics=metrics,
        names=list(metrics["predictors"]),
        replacement_charts=[
            replacement_chart(detector, table) for detector, table in metrics["replacement"].items()
        ],
        within_charts=[
            replacement_chart(detector, table)
            for detector, table in metrics["replacement_within"].items()
        ],
        quality_charts=[
            quality_chart(detector, table, list(metrics["predictors"]))
            for detector, table in metrics["accuracy_unseen"].items()
        ],
    )
    write_atomically(path, page.encode())


def replacement_chart(detector: str, table: Mapping[str, Any]) -> LineChart:
    """mAP against the share of replaced pictures; random and oracle are dashed.

    Of what has an order by loss, that is drawn; of what knows nothing, the random one.
    """
    shares, every = table["shares"], table["scorers"]
    scorers = {n: row for n, row in every.items() if by_loss(n) not in every and n != MAJORITY}
    heights = y_ticks([value for row in scorers.values() for value in row["map"]])
    frame = Frame(42, 14, 330, 230, (0, 1), heights[-1])
    lines = [
        _line(name, place, frame, shares, row["map"], "mAP")
        for place, (name, row) in enumerate(scorers.items())
    ]
    ticks = [(share, f"{share:.0%}") for share in (0, 0.2, 0.4, 0.6, 0.8, 1)]
    return LineChart(detector, "share of pictures replaced", frame, ticks, heights, lines, None)


def quality_chart(detector: str, table: Mapping[str, Any], names: Sequence[str]) -> LineChart:
    """AUROC of the predictors and controls inside each condition: .5 knows nothing of content."""
    scorers = {n: row for n, row in table["scorers"].items() if n in names or n == "own"}
    conditions = list(next(iter(scorers.values()))["by_condition"])
    conditions.sort(key=_level)
    frame = Frame(42, 14, 330, 230, (0, max(1, len(conditions) - 1)), 1.0)
    lines = [
        _line(
            name,
            place,
            frame,
            list(range(len(conditions))),
            [row["by_condition"][condition]["auroc"] for condition in conditions],
            "AUROC",
        )
        for place, (name, row) in enumerate(scorers.items())
    ]
    # A bare number is a quality only where all of them are.
    qualities = all(name.startswith("jpeg_q") for name in conditions)
    prefix = "jpeg_q" if qualities else "jpeg_"
    ticks = [
        (float(i), name.removeprefix(prefix).replace("_", " ")) for i, name in enumerate(conditions)
    ]
    return LineChart(detector, "condition", frame, ticks, [0, 0.25, 0.5, 0.75, 1], lines, 0.5)


def _line(
    name: str, place: int, frame: Frame, xs: Sequence[float], ys: Sequence[float], what: str
) -> Line:
    points = [
        Point(frame.x(x), frame.y(y), f"{name}: {what} {y:.3f}")
        for x, y in zip(xs, ys, strict=True)
        if y == y
    ]
    controls = name in (RANDOM, ORACLE, by_loss(ORACLE))
    colour = GREY if controls else "rgb({} {} {})".format(*class_colour(place + 1))
    return Line(name, colour, Trace(name, points), controls)


def _level(condition: str) -> tuple[str, int]:
    """Conditions in the order of their levels."""
    kind, _, level = condition.rpartition("_")
    return kind, int(level.removeprefix("q"))


def three_places(value: float) -> str:
    """A figure with three decimals; a dash for nan."""
    return "\N{EN DASH}" if value != value else f"{value:.3f}"
