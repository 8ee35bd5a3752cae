"""The page of a comparison says what the runs' own files say, and shows them over each other."""

from __future__ import annotations

import json
import re
from typing import Any

import cv2
import numpy as np
import pytest

from evaluation.detections import Detections
from evaluation.per_video import video_precision
from evaluation.results_json import write_json, write_results
from evaluation.summary import evaluate_detections, without_nan
from prepare.drawn_video import draw_video
from runs.comparison.compared_run import ComparedRun
from runs.comparison.comparison import compare
from tests.comparison_page import check_folder, check_page

FACTS = {
    "model": "Drawn", "data": "drawn video", "drawn": True, "split_hash": "0" * 64,
    "best_val_map": 0.5, "parameters": 2_345_678, "sees_videos": False,
    "milliseconds_per_picture": 12.5, "peak_memory": 512_000_000, "flops_per_frame": 3_456_000_000,
}  # fmt: skip
# Run -> share of the objects that it finds, and how far beside them in pixels.
RUNS = {"sure": (0.95, 1.0), "fair": (0.7, 2.5), "poor": (0.4, 4.0)}


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Three runs on six drawn videos that differ in how much they find, side by side."""
    folder = tmp_path_factory.mktemp("compared")
    root = draw_video(folder / "data", videos=6, seed=1)
    truth = json.loads((root / "annotations.json").read_text())
    runs = []
    for number, (name, (share, spread)) in enumerate(RUNS.items()):
        run = folder / name
        run.mkdir()
        found = Detections.from_results(detections(truth, share, spread, number), where=name)
        scores = evaluate_detections(truth, found)
        columns, joined = scores.matches.truth, scores.matches.detections
        metrics = {**FACTS, **scores.to_json(), "sees_videos": name == "sure"}
        metrics["video"]["per_video"] = without_nan(video_precision(truth, columns, joined))
        metrics["milliseconds_per_picture"] = 12.5 * (number + 1) if name != "poor" else None
        write_json(run / "metrics.json", metrics)
        write_json(run / "ground_truth.json", truth)
        write_results(run / "predictions.json", found)
        runs.append(ComparedRun.read(name, run))
    files = {image["id"]: str(root / image["file_name"]) for image in truth["images"]}
    compare(runs, folder, lambda image_id: cv2.imread(files[image_id])[..., ::-1])
    page = (folder / "report.html").read_text(encoding="utf-8")
    return {"folder": folder, "page": page, "runs": {run.name: run.folder for run in runs}}


def detections(truth: dict[str, Any], share: float, spread: float, seed: int) -> list[dict]:
    rng = np.random.default_rng(seed)
    return [
        {
            "image_id": entry["image_id"],
            "category_id": entry["category_id"],
            "bbox": [float(value) for value in np.array(entry["bbox"]) + rng.normal(0, spread, 4)],
            "score": float(rng.uniform(0.2, 1)),
        }
        for entry in truth["annotations"]
        if rng.random() < share and min(entry["bbox"][2:]) > 4 * spread
    ]


def test_every_figure_is_that_of_a_metrics_json(compared: dict[str, Any]) -> None:
    checked = check_folder(compared["folder"], compared["runs"])
    assert checked == {
        "Scores of all runs",
        "Differences",
        "AP of the runs by class",
        "AP of the runs by video",
        "AP by motion and steadiness",
        "Scores by class",
    }


def test_a_changed_figure_is_noticed(compared: dict[str, Any]) -> None:
    metrics = {
        name: json.loads((folder / "metrics.json").read_text())
        for name, folder in compared["runs"].items()
    }
    for scores in metrics["fair"]["video"]["per_video"].values():
        scores["map"] = 0.0123
    with pytest.raises(AssertionError):
        check_page(compared["page"], metrics)


def test_runs_lie_over_each_other(compared: dict[str, Any]) -> None:
    page = compared["page"]
    part = page[page.index("accuracy and speed</h2>") : page.index("Runs by class</h2>")]
    charts = part.split("<figure")[1:]
    # The speed of one is not known. Then the mean of the classes, and each of them.
    assert charts[0].count("<circle") == 2
    assert re.findall(r"<h3>(.*?)</h3>", part)[1] == "Mean over classes"
    assert [chart.count("<polyline") for chart in charts[1:]] == [3] * 4
    for name in RUNS:
        assert f"{name}: AP50" in charts[1]
