"""One self-contained HTML page about the detections of one or several runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    PackageLoader,
    StrictUndefined,
    select_autoescape,
)

from evaluation.columns import Truth, TruthColumns
from evaluation.drawing import Picture, class_colour
from evaluation.report.animation import Animation, animated_clips
from evaluation.report.charts import Chart, f1_chart, precision_recall_chart
from evaluation.report.clips import choose_clips, read_videos, series_of
from evaluation.report.event_charts import events_section
from evaluation.report.gallery import PICTURE_BUDGET, shot_groups
from evaluation.report.robustness_charts import robustness_section
from evaluation.report.robustness_examples import Example, example_strips
from evaluation.report.run_charts import overlaid_curves, run_colours, speed_chart
from evaluation.report.side_by_side import SideBySide
from evaluation.robustness import Robustness
from evaluation.summary import Evaluation
from evaluation.verdicts import judge
from structures.atomic_file import write_atomically

LARGEST_MATRIX = 20
SIZES = (("small", 0.0, 32.0**2), ("medium", 32.0**2, 96.0**2), ("large", 96.0**2, np.inf))


@dataclass(frozen=True, slots=True)
class ReportMeta:
    """What the page says about where its numbers come from.

    Attributes:
        title: such as the model's name.
        data: name of the data set.
        drawn: the data were drawn by a program; the page says so wherever it names them.
        facts: label -> text, such as split hash, checkpoint, hardware, time, versions.
        skipped: pictures that could not be read and were left out.
    """

    title: str
    data: str
    drawn: bool
    facts: Mapping[str, str] = field(default_factory=dict)
    skipped: int = 0


def write_report(
    path: str | Path,
    evaluations: Mapping[str, Evaluation],
    truth: Truth,
    picture: Callable[[int], Picture],
    meta: ReportMeta,
    robustness: Robustness | None = None,
    examples: Sequence[Example] = (),
    comparison: SideBySide | None = None,
) -> None:
    """Write the report: one HTML file that opens offline, at most 3 MB, with videos 5 MB.

    Where the truth has videos (COCO-VID), some of them are shown as animations, see `clips`.

    Args:
        path: the file to write, at once or not at all.
        evaluations: run name -> scores; several runs are shown side by side on the same pictures.
        truth: COCO instances dict that all runs were judged by.
        picture: image id -> uint8 [H, W, 3], RGB, the frame as stored; called for those shown.
        meta: what the page says about the runs.
        robustness: scores under distortion, for a section of their own.
        examples: one picture under the distortions, shown in that section.
        comparison: of several runs.

    Raises:
        ValueError: if no run is given.
    """
    if not evaluations:
        raise ValueError("a report needs the scores of one run at least")
    verdicts = {
        name: judge(evaluation.matches, evaluation.thresholds())
        for name, evaluation in evaluations.items()
    }
    columns = next(iter(verdicts.values())).matches.truth
    strips, weight = example_strips(examples)
    videos = read_videos(truth, columns.image_ids)
    chosen = choose_clips(videos, list(verdicts.values()))
    happened = {name: e.events for name, e in evaluations.items() if e.events is not None}
    clips = animated_clips(chosen, verdicts, picture) if chosen else []
    environment = page_environment()
    script = environment.get_template("animation.js.jinja").render()
    page = environment.get_template("report.html.jinja").render(
        meta=meta,
        runs=[_run(name, evaluations[name], columns) for name in evaluations],
        images=len(columns.image_ids),
        objects=int(columns.counted.sum()),
        robustness=robustness_section(robustness) if robustness else None,
        strips=strips,
        comparison=comparison,
        events=events_section(happened) if happened else None,
        **_run_charts(evaluations, comparison),
        animation=Animation(clips, script) if clips else None,
        gallery=shot_groups(
            verdicts,
            truth,
            picture,
            PICTURE_BUDGET - weight,
            series_of(videos, len(columns.image_ids)),
        ),
    )
    write_atomically(Path(path), page.encode())


def _run_charts(
    evaluations: Mapping[str, Evaluation], comparison: SideBySide | None
) -> dict[str, Any]:
    """What shows several runs over each other."""
    if comparison is None:
        return {}
    ap = {name: evaluation.coco.summary["map"] for name, evaluation in evaluations.items()}
    return {
        "run_colours": run_colours(list(evaluations)),
        "overlays": overlaid_curves(evaluations),
        "speed": speed_chart(comparison.standings, ap),
    }


def page_environment(*loaders: BaseLoader) -> Environment:
    """Templates of reports, of this room and of others, with the filters that they share."""
    environment = Environment(
        loader=ChoiceLoader([*loaders, PackageLoader("evaluation.report", ".")]),
        autoescape=select_autoescape(enabled_extensions=("jinja",), default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "two": two_places}
    return environment


def percent(value: float) -> str:
    """A score of 0..1 in percent with one decimal; a dash for nan."""
    return "\N{EN DASH}" if np.isnan(value) else f"{100 * value:.1f}"


def two_places(value: float) -> str:
    """A number with two decimals; a dash for nan."""
    return "\N{EN DASH}" if np.isnan(value) else f"{value:.2f}"


@dataclass(frozen=True, slots=True)
class _Run:
    """One run as the template shows it."""

    name: str
    evaluation: Evaluation
    scalars: dict[str, float]
    colours: dict[str, str]
    charts: list[Chart]
    sizes: list[dict[str, Any]]
    matrix: list[dict[str, Any]]
    mixed_up: list[dict[str, Any]]


def _run(name: str, evaluation: Evaluation, columns: TruthColumns) -> _Run:
    colours = _class_colours(evaluation)
    return _Run(
        name=name,
        evaluation=evaluation,
        scalars=evaluation.scalars(),
        colours=colours,
        charts=[
            precision_recall_chart(evaluation, colours),
            f1_chart(evaluation, colours),
        ],
        sizes=_sizes(evaluation, columns),
        matrix=_matrix(evaluation) if len(evaluation.class_names) <= LARGEST_MATRIX else [],
        mixed_up=_mixed_up(evaluation),
    )


def _class_colours(evaluation: Evaluation) -> dict[str, str]:
    """CSS colours; beyond seven classes those with the most objects have one, the rest are grey."""
    names = list(evaluation.class_names)
    if len(names) > 7:
        names.sort(key=lambda name: -evaluation.curves[name].n_truth)
    coloured = {n: "rgb({} {} {})".format(*class_colour(i)) for i, n in enumerate(names[:7], 1)}
    return {name: coloured.get(name, "rgb(140 140 140)") for name in evaluation.class_names}


def _sizes(evaluation: Evaluation, columns: TruthColumns) -> list[dict[str, Any]]:
    """COCO's three sizes with their number of objects, AP and AR."""
    area, summary = columns.area[~columns.crowd], evaluation.coco.summary
    return [
        {
            "name": name,
            "objects": int(((area >= low) & (area < high)).sum()),
            "ap": summary[f"map_{name}"],
            "ar": summary[f"mar_{name}"],
        }
        for name, low, high in SIZES
    ]


def _matrix(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Rows of the confusion matrix; false alarms as a share of what was predicted."""
    matrix, labels = evaluation.confusion, [*evaluation.class_names, "background"]
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    share[-1] = matrix[-1] / np.maximum(matrix.sum(axis=0), 1)
    return [
        {
            "label": label,
            "cells": [
                {"count": int(matrix[i, j]), "share": float(share[i, j]), "hit": i == j}
                for j in range(len(labels))
            ],
        }
        for i, label in enumerate(labels)
    ]


def _mixed_up(evaluation: Evaluation, most: int = 12) -> list[dict[str, Any]]:
    """The class pairs that were confused most often, for sets whose matrix is too large to read."""
    between = evaluation.confusion[:-1, :-1].copy()
    np.fill_diagonal(between, 0)
    order = np.argsort(-between, axis=None, kind="stable")[:most]
    pairs = zip(*np.unravel_index(order, between.shape), strict=True)
    names = evaluation.class_names
    return [
        {"truth": names[i], "predicted": names[j], "count": int(between[i, j])}
        for i, j in pairs
        if between[i, j]
    ]
