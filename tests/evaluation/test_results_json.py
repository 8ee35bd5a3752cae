"""Predictions to COCO results and back through files; what bad files are told."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from evaluation import Detections, read_results, read_truth, write_json, write_results
from structures import ClassList, Prediction

CLASSES = ClassList(("window", "door"), (3, 90))


def prediction(n, image_id=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(n, 2, generator=generator) * 100
    boxes = torch.cat([corner, corner + torch.rand(n, 2, generator=generator) * 50 + 1], dim=1)
    scores = torch.rand(n, generator=generator).sort(descending=True).values
    return Prediction(boxes, scores, torch.arange(n) % 2 + 1, image_id)


def truth():
    return {
        "images": [{"id": 5, "file_name": "a.jpg", "width": 200, "height": 200}],
        "annotations": [{"id": 1, "image_id": 5, "category_id": 3, "bbox": [1, 2, 3, 4]}],
        "categories": [{"id": 3, "name": "window"}, {"id": 90, "name": "door"}],
    }


def test_values_survive_json_exactly(tmp_path):
    given = prediction(20)
    found = Detections.from_predictions([given], CLASSES)
    write_results(tmp_path / "predictions.json", found)
    assert len(read_results(tmp_path / "predictions.json", truth())) == 20
    back = json.loads((tmp_path / "predictions.json").read_text())
    assert [r["category_id"] for r in back] == [3, 90] * 10
    assert {r["image_id"] for r in back} == {5}
    scores = np.array([r["score"] for r in back], dtype=np.float32)
    np.testing.assert_array_equal(scores, given.scores.numpy())
    xywh = np.array([r["bbox"] for r in back])
    xyxy = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1).astype(np.float32)
    np.testing.assert_array_equal(xyxy, given.boxes.numpy())


def test_a_long_file_is_written_in_parts_that_join(tmp_path, monkeypatch):
    monkeypatch.setattr("evaluation.results_json._AT_ONCE", 7)
    found = Detections.from_predictions([prediction(20)], CLASSES)
    write_results(tmp_path / "predictions.json", found)
    assert json.loads((tmp_path / "predictions.json").read_text()) == found.to_results()


def test_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "metrics.json"
    write_json(path, {"map": 0.5})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"map": float("nan")})
    assert json.loads(path.read_text()) == {"map": 0.5}
    assert [p.name for p in tmp_path.iterdir()] == ["metrics.json"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": "0.5"}, r"entry 1: expected a number as 'score'"),
        ({"score": None}, r"entry 1: expected a number as 'score'"),
        ({"score": float("nan")}, r"entry 1: score nan is not finite"),
        ({"image_id": 5.5}, r"entry 1: image_id 5\.5 is no whole number"),
        ({"bbox": [1, 2, 3]}, r"entry 1: expected 'bbox' as four numbers"),
        ({"bbox": [1, 2, -3, 4]}, r"entry 1: bbox \[1\.0, 2\.0, -3\.0, 4\.0\]"),
        ({"image_id": 6}, r"entry 1: image_id 6 is not in the truth"),
        ({"category_id": 1}, r"entry 1: category_id 1 is not in the truth"),
    ],
)
def test_bad_results_name_file_and_entry(tmp_path, change, message):
    good = {"image_id": 5, "category_id": 3, "bbox": [1, 2, 3, 4], "score": 0.5}
    path = tmp_path / "r.json"
    path.write_text(json.dumps([good, {**good, **change}]))
    with pytest.raises(ValueError, match=f"r.json: {message}"):
        read_results(path, truth())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": None}, "expected a COCO dict with a list 'images'"),
        ({"images": [{"id": 5}, {"id": 5}]}, "images: id 5 is given twice"),
        ({"annotations": [{"id": 1, "image_id": 9, "category_id": 3, "bbox": [1, 2, 3, 4]}]}, "9"),
        ({"annotations": [{"id": 1, "image_id": 5, "category_id": 3, "bbox": [1, 2, 0, 4]}]}, "no"),
        ({"categories": [{"id": 3, "name": "a"}, {"id": 90, "name": "a"}]}, "class name is given"),
    ],
)
def test_bad_truth_is_refused(tmp_path, change, message):
    path = tmp_path / "t.json"
    path.write_text(json.dumps({**truth(), **change}))
    with pytest.raises(ValueError, match=f"t.json: .*{message}"):
        read_truth(path)


def test_missing_cut_and_mistaken_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.json: no such file"):
        read_truth(tmp_path / "none.json")
    (tmp_path / "cut.json").write_text('{"images": [')
    with pytest.raises(ValueError, match=r"cut\.json: not valid JSON.*cut short"):
        read_truth(tmp_path / "cut.json")
    write_json(tmp_path / "truth.json", truth())
    with pytest.raises(ValueError, match="expected a list of detections"):
        read_results(tmp_path / "truth.json", truth())
