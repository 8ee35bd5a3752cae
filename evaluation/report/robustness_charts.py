"""The report's section on distortions: a heat table, small charts and the JPEG curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.conditions import BENCHMARK_KINDS, EXTRA_KINDS, GROUPS, SEVERITIES, words
from evaluation.report.chart_frame import Frame, Point, Trace, log_ticks, y_ticks
from evaluation.robustness import ConditionScores, Robustness, Row

NOT_IN_MPC = "not in mPC"


@dataclass(frozen=True, slots=True)
class KindPanel:
    """AP of one kind against severity, in a small chart, with the mean of all kinds behind it."""

    label: str
    mean: float
    curve: Trace
    behind: Trace


@dataclass(frozen=True, slots=True)
class LadderChart:
    """AP and AP50 of the JPEG qualities against one quantity."""

    title: str
    x_label: str
    description: str
    frame: Frame
    x_ticks: list[float]
    y_ticks: list[float]
    clean_y: float | None
    marked: bool
    curves: list[Trace]


@dataclass(frozen=True, slots=True)
class Section:
    """What the template needs.

    Attributes:
        scores: the numbers themselves.
        heat: group of kinds -> rows of the heat table.
        extremes: the hardest and the mildest kind with their mean APs.
        frame: of all small charts.
        panels: group of kinds -> small charts.
        ladder: the JPEG charts.
        rows: one a condition.
    """

    scores: Robustness
    heat: dict[str, list[HeatRow]]
    extremes: list[tuple[str, float]]
    frame: Frame
    panels: dict[str, list[KindPanel]]
    ladder: list[LadderChart]
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class HeatRow:
    """A kind's APs by severity (nan where it was not measured) and their mean."""

    label: str
    aps: list[float]
    mean: float


def robustness_section(robustness: Robustness) -> Section:
    """Lay out the scores for the report."""
    frame = kind_frame(robustness)
    return Section(
        robustness,
        heat_groups(robustness),
        extreme_kinds(robustness),
        frame,
        kind_panels(robustness, frame),
        ladder_charts(robustness),
        robustness.condition_rows(),
    )


def heat_groups(robustness: Robustness) -> dict[str, list[HeatRow]]:
    """Group of kinds -> rows of the heat table; the held-out kinds last."""
    groups = {}
    for name, kinds in {**GROUPS, NOT_IN_MPC: EXTRA_KINDS}.items():
        means = robustness.kind_means(kinds)
        rows = [
            HeatRow(words(kind), [levels.get(s, math.nan) for s in SEVERITIES], means[kind])
            for kind, levels in robustness.table(kinds).items()
        ]
        if rows:
            groups[name] = rows
    return groups


def extreme_kinds(robustness: Robustness) -> list[tuple[str, float]]:
    """The hardest and the mildest kind of the benchmark with their mean APs; [] without two."""
    every = robustness.kind_means(BENCHMARK_KINDS)
    means = {kind: mean for kind, mean in every.items() if not math.isnan(mean)}
    if len(means) < 2:
        return []
    ordered = sorted(means, key=lambda kind: means[kind])
    return [(words(kind), means[kind]) for kind in (ordered[0], ordered[-1])]


def kind_frame(robustness: Robustness) -> Frame:
    """The frame that all small charts share, so that they can be compared."""
    shown = [c.scores["map"] for c in robustness.conditions if c.condition.kind != "jpeg"]
    return Frame(30, 10, 176, 88, (0, SEVERITIES[-1]), y_ticks(shown)[-1])


def kind_panels(robustness: Robustness, frame: Frame) -> dict[str, list[KindPanel]]:
    """Group of kinds -> small charts; severity 0 is the clean picture."""
    clean = robustness.clean.scores["map"]
    tables = robustness.table(BENCHMARK_KINDS)
    average = {
        level: sum(row[level] for row in tables.values()) / len(tables)
        for level in SEVERITIES
        if tables and all(level in row for row in tables.values())
    }
    behind = _severity_curve("mean of the kinds", {0: clean, **average}, frame)
    groups = {}
    for name, kinds in {**GROUPS, NOT_IN_MPC: EXTRA_KINDS}.items():
        means = robustness.kind_means(kinds)
        panels = [
            KindPanel(
                words(kind),
                means[kind],
                _severity_curve(words(kind), {0: clean, **row}, frame),
                behind,
            )
            for kind, row in robustness.table(kinds).items()
        ]
        if panels:
            groups[name] = panels
    return groups


def ladder_charts(robustness: Robustness) -> list[LadderChart]:
    """AP against quality, and against bits per pixel where they are known; [] without a ladder."""
    steps = robustness.ladder
    if len(steps) < 2:
        return []
    qualities = [float(step.condition.level) for step in steps]
    charts = [_ladder_chart(robustness, steps, qualities, "JPEG quality", qualities, False)]
    sized = [step for step in steps if not math.isnan(step.bits_per_pixel)]
    sizes = [step.bits_per_pixel for step in sized]
    if len(set(sizes)) > 1:
        ticks = log_ticks(min(sizes), max(sizes))
        charts.append(_ladder_chart(robustness, sized, sizes, "bits per pixel", ticks, True))
    return charts


def _ladder_chart(
    robustness: Robustness,
    steps: Sequence[ConditionScores],
    values: Sequence[float],
    x_label: str,
    ticks: list[float],
    marked: bool,
) -> LadderChart:
    clean = robustness.clean.scores["map"]
    shown = [clean, *(step.scores["map_50"] for step in steps)]
    heights = y_ticks(shown)
    frame = Frame(42, 14, 320, 220, (min(values), max(values)), heights[-1], logarithmic=True)
    curves = []
    for score, name in (("map", "AP"), ("map_50", "AP50")):
        points = [
            Point(
                frame.x(value),
                frame.y(ap),
                f"{step.condition.name}: {name} {100 * ap:.1f}",
                str(step.condition.level) if marked and score == "map" else "",
            )
            for step, value in sorted(zip(steps, values, strict=True), key=lambda pair: pair[1])
            if not math.isnan(ap := step.scores[score])
        ]
        curves.append(Trace(name, points))
    return LadderChart(
        f"AP and {x_label}",
        f"{x_label}, logarithmic",
        f"AP and AP50 against {x_label} over the JPEG ladder; the table has the numbers.",
        frame,
        ticks,
        heights,
        None if math.isnan(clean) else frame.y(clean),
        marked,
        curves,
    )


def _severity_curve(label: str, aps: dict[int, float], frame: Frame) -> Trace:
    points = [
        Point(frame.x(level), frame.y(ap), f"{label} {level or 'clean'}: AP {100 * ap:.1f}")
        for level, ap in sorted(aps.items())
        if not math.isnan(ap)
    ]
    return Trace(label, points)
