"""The comparison of runs in Weights & Biases: tables, overlays, curves and pictures with boxes."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import wandb

from evaluation.coco import RECALL_GRID
from evaluation.drawing import Picture
from evaluation.report.clips import read_videos, series_of
from evaluation.report.gallery import choose_pictures
from evaluation.summary import Evaluation, precision_at_recall
from evaluation.verdicts import judge
from runs.comparison.compared_run import ComparedRun
from runs.comparison.comparison import Comparison
from runs.comparison.wandb_report import LoggedRun

log = logging.getLogger(__name__)

_PICTURES = 12
_SIZES = ("small", "medium", "large")
_MOTION = ("slow", "medium", "fast")


def log_comparison(
    comparison: Comparison, out: Path, picture: Callable[[int], Picture], project: str, group: str
) -> LoggedRun:
    """Log a comparison as a run of its own, offline unless the user is logged in.

    Args:
        comparison: what `compare` returned.
        out: where W&B's files go.
        picture: image id -> uint8 [H, W, 3], RGB.
        project: of W&B.
        group: of the compared runs.

    Returns:
        Where it is logged.
    """
    data = comparison.reported[0].metrics["data"]
    named: dict[str, Any] = {
        "project": project,
        "dir": str(out),
        "job_type": "compare",
        "group": group,
        "name": f"{len(comparison.reported)} runs on {data}"[:128],
        "config": {"runs": {each.name: str(each.folder) for each in comparison.reported}},
        "settings": wandb.Settings(init_timeout=20.0, finish_timeout=300.0),
    }
    try:
        run = wandb.init(**named)
    except wandb.errors.CommError as error:
        log.warning("W&B: %s. The comparison is logged offline", str(error).splitlines()[0])
        wandb.teardown()
        run = wandb.init(**named, mode="offline")
    try:
        run.log({**_tables(comparison), **_curves(comparison), **_pictures(comparison, picture)})
        for each in comparison.reported:
            run.summary[f"map/{each.name}"] = each.metrics["scalars"]["map"]
    finally:
        run.finish()
    online = not run.offline
    return LoggedRun(run.entity if online else "", project, str(run.id), group, online)


def _tables(comparison: Comparison) -> dict[str, wandb.Table]:
    runs = comparison.reported
    tables = {
        "by_detector": _table([_detector_row(run, comparison) for run in runs]),
        "by_class": _table([row for run in runs for row in _class_rows(run)]),
        "by_size": _table([row for run in runs for row in _group_rows(run, _SIZES, "size")]),
    }
    if all("map_slow" in run.metrics["scalars"] for run in runs):
        rows = [row for run in runs for row in _group_rows(run, _MOTION, "motion")]
        tables["by_motion"] = _table(rows)
    if all(run.metrics.get("video", {}).get("per_video") for run in runs):
        tables["by_video"] = _table([row for run in runs for row in _video_rows(run)])
    return {f"compare/{name}": table for name, table in tables.items()}


def _table(rows: Sequence[Mapping[str, Any]]) -> wandb.Table:
    columns: list[Any] = list(rows[0])
    data: list[Any] = [[row[key] for key in columns] for row in rows]
    return wandb.Table(columns=columns, data=data)


def _detector_row(run: ComparedRun, comparison: Comparison) -> dict[str, Any]:
    metrics, scalars = run.metrics, run.metrics["scalars"]
    row: dict[str, Any] = {"run": run.name, "model": metrics["model"]}
    row |= {key: scalars[key] for key in ("map", "map_50", "map_75", "mar_100", "voc_area")}
    difference = comparison.difference(run.name)
    for key in ("map", "map_50"):
        interval = getattr(difference, key) if difference else None
        row[f"delta_{key}"] = interval.difference if interval else None
        row[f"delta_{key}_low"] = _defined(interval.low) if interval else None
        row[f"delta_{key}_high"] = _defined(interval.high) if interval else None
    return row | {
        "frames_per_second": run.frames_per_second,
        "peak_memory": metrics["peak_memory"],
        "parameters": metrics["parameters"],
        "flops_per_frame": metrics.get("flops_per_frame"),
        "best_val_map": metrics["best_val_map"],
    }


def _class_rows(run: ComparedRun) -> list[dict[str, Any]]:
    keys = ("truth", "ap", "ap_50", "precision", "recall", "f1", "threshold")
    classes = run.metrics["classes"].items()
    return [
        {"run": run.name, "class": name, **{key: scores[key] for key in keys}}
        for name, scores in classes
    ]


def _group_rows(run: ComparedRun, groups: Sequence[str], column: str) -> list[dict[str, Any]]:
    scalars = run.metrics["scalars"]
    return [{"run": run.name, column: name, "map": scalars[f"map_{name}"]} for name in groups]


def _video_rows(run: ComparedRun) -> list[dict[str, Any]]:
    videos = run.metrics["video"]["per_video"].items()
    return [{"run": run.name, "video": name, **scores} for name, scores in videos]


def _curves(comparison: Comparison) -> dict[str, Any]:
    evaluations = comparison.evaluations
    first = next(iter(evaluations.values()))
    plots = {
        f"compare/precision_recall/{name}": wandb.plot.line_series(
            xs=RECALL_GRID.tolist(),
            ys=[precision_at_recall(each.curves[name]).tolist() for each in evaluations.values()],
            keys=list(evaluations),
            title=f"{name}: precision over recall, IoU 0.5",
            xname="recall",
        )
        for name in first.class_names
        if first.curves[name].n_truth
    }
    timed = [run for run in comparison.reported if run.frames_per_second]
    if timed:
        rows = [
            {"run": r.name, "frames_per_second": r.frames_per_second, "AP": r.score("map")}
            for r in timed
        ]
        plots["compare/accuracy_speed"] = wandb.plot.scatter(
            _table(rows), "frames_per_second", "AP", title="AP over frames a second"
        )
    return plots


def _pictures(comparison: Comparison, picture: Callable[[int], Picture]) -> dict[str, wandb.Table]:
    """A row a picture, a column a run; the same pictures for every run."""
    evaluations = comparison.evaluations
    verdicts = [judge(each.matches, each.thresholds()) for each in evaluations.values()]
    ids = verdicts[0].matches.truth.image_ids
    series = series_of(read_videos(comparison.truth, ids), len(ids))
    half = _PICTURES // 2
    best, worst = choose_pictures(verdicts, half, half, series)
    names = {image["id"]: image.get("file_name", "") for image in comparison.truth["images"]}
    table = wandb.Table(columns=["picture", *evaluations])
    for place in [*best, *worst]:
        image_id = int(ids[place])
        shown = picture(image_id)
        overlays = [_overlay(shown, each, place) for each in evaluations.values()]
        table.add_data(names[image_id], *overlays)
    return {"compare/pictures": table}


def _overlay(picture: Picture, evaluation: Evaluation, place: int) -> wandb.Image:
    """Detections above the operating point, and the truth, to be switched on and off."""
    matches = evaluation.matches
    names = dict(enumerate(evaluation.class_names, start=1))
    found, truth = matches.detections, matches.truth
    shown = (found.image == place) & matches.kept(evaluation.thresholds())
    objects = (truth.image == place) & truth.counted
    predicted = _boxes(found.boxes[shown], found.category[shown], names)
    for box, score in zip(predicted, found.scores[shown].tolist(), strict=True):
        box["scores"] = {"score": score}
    return wandb.Image(
        picture,
        boxes={
            "predictions": {"box_data": predicted, "class_labels": names},
            "truth": {
                "box_data": _boxes(truth.boxes[objects], truth.category[objects], names),
                "class_labels": names,
            },
        },
    )


def _boxes(boxes: Any, categories: Any, names: Mapping[int, str]) -> list[dict[str, Any]]:
    return [
        {
            "position": dict(zip(("minX", "minY", "maxX", "maxY"), box, strict=True)),
            "domain": "pixel",
            "class_id": category + 1,
            "box_caption": names[category + 1],
        }
        for box, category in zip(boxes.tolist(), categories.tolist(), strict=True)
    ]


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value
