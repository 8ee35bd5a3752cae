"""Predictions as flat arrays."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from evaluation import Detections, write_results
from structures import ClassList, Prediction

CLASSES = ClassList(("window", "door"), (3, 90))


def prediction(labels, image_id=5):
    n = len(labels)
    corner = torch.arange(2.0 * n).reshape(n, 2) * 1.1
    boxes = torch.cat([corner, corner + 7.3], dim=1)
    return Prediction(boxes, torch.linspace(0.9, 0.1, n), torch.tensor(labels).long(), image_id)


def test_labels_become_the_category_ids_of_the_data():
    found = Detections.from_predictions([prediction([2, 1]), prediction([1], 8)], CLASSES)
    assert found.category_ids.tolist() == [90, 3, 3]
    assert found.image_ids.tolist() == [5, 5, 8]


def test_frames_without_detections_add_nothing(tmp_path):
    found = Detections.from_predictions([prediction([]), prediction([], 6)], CLASSES)
    assert len(found) == 0
    assert found.boxes_xywh.shape == (0, 4)
    write_results(tmp_path / "predictions.json", found)
    assert json.loads((tmp_path / "predictions.json").read_text()) == []


def test_label_outside_the_classes_is_refused():
    with pytest.raises(ValueError, match=r"image 5: label 1\.\.3 predicted.*2 classes"):
        Detections.from_predictions([prediction([1, 3])], CLASSES)


def test_results_and_back():
    found = Detections.from_predictions([prediction([2, 1, 2])], CLASSES)
    again = Detections.from_results(found.to_results())
    np.testing.assert_array_equal(again.boxes_xywh, found.boxes_xywh)
    np.testing.assert_array_equal(again.scores, found.scores)


def test_parts_join_to_the_whole():
    found = Detections.from_predictions([prediction([2, 1, 2, 1, 1])], CLASSES)
    parts = [found.part(start, 2) for start in (0, 2, 4)]
    assert [len(part) for part in parts] == [2, 2, 1]
    assert Detections.concatenate(parts).to_results() == found.to_results()
