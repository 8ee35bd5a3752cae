"""AP of single videos is that of an evaluation which holds nothing else."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from evaluation.columns import result_columns, truth_columns
from evaluation.per_video import compare_videos, video_precision
from evaluation.summary import evaluate_detections

NAMES = {7: "calm", 3: "windy", 5: "empty"}


def case() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    rng = np.random.default_rng(4)
    truth: dict[str, Any] = {
        "videos": [{"id": i, "name": name} for i, name in NAMES.items()],
        "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
        "images": [],
        "annotations": [],
    }
    results = []
    for number in range(18):
        video = list(NAMES)[number % 3]
        image = {"id": 100 - number, "video_id": video, "frame_id": number // 3,
                 "width": 200, "height": 200, "file_name": f"{number}.png"}  # fmt: skip
        truth["images"].append(image)
        for _ in range(3 if NAMES[video] != "empty" else 0):
            box = [*rng.uniform(0, 120, 2), *rng.uniform(20, 70, 2)]
            category = int(rng.integers(1, 3))
            truth["annotations"].append(
                {"id": len(truth["annotations"]) + 1, "image_id": image["id"], "bbox": box,
                 "category_id": category, "area": box[2] * box[3], "iscrowd": 0}
            )  # fmt: skip
            if rng.random() < 0.8:
                moved = [value + rng.normal(0, 4) for value in box]
                results.append({"image_id": image["id"], "bbox": moved, "category_id": category,
                                "score": float(rng.random())})  # fmt: skip
    return truth, results


def test_it_is_the_ap_of_its_frames_alone() -> None:
    truth, results = case()
    columns = truth_columns(truth)
    found = video_precision(truth, columns, result_columns(results, columns))
    assert set(found) == set(NAMES.values())
    assert math.isnan(found["empty"]["map"])
    for video, name in NAMES.items():
        ids = {image["id"] for image in truth["images"] if image["video_id"] == video}
        alone = {
            **truth,
            "images": [image for image in truth["images"] if image["id"] in ids],
            "annotations": [a for a in truth["annotations"] if a["image_id"] in ids],
        }
        if name != "empty":
            own = evaluate_detections(alone, [r for r in results if r["image_id"] in ids])
            assert found[name]["map"] == pytest.approx(own.coco.summary["map"], abs=1e-12)
            assert found[name]["map_50"] == pytest.approx(own.coco.summary["map_50"], abs=1e-12)


def test_videos_of_one_name_stay_apart() -> None:
    truth, results = case()
    columns = truth_columns(truth)
    detections = result_columns(results, columns)
    apart = video_precision(truth, columns, detections)
    for video in truth["videos"]:
        video["name"] = "empty" if video["name"] == "empty" else "street"
    alike = video_precision(truth, columns, detections)
    assert set(alike) == {"street (video 3)", "street (video 7)", "empty"}
    assert alike["street (video 3)"] == apart["windy"]
    assert alike["street (video 7)"] == apart["calm"]


def test_videos_on_which_runs_differ_come_first() -> None:
    one = {"same": {"map": 0.5}, "other": {"map": 0.1}, "none": {"map": None}}
    two = {"same": {"map": 0.5}, "other": {"map": 0.4}, "none": {"map": None}}
    lines = compare_videos([one, two], most=5)
    assert [(line.name, line.best) for line in lines] == [("other", 0.4), ("same", 0.5)]
    assert [line.name for line in compare_videos([one, two], most=1)] == ["other"]
