"""Detections against the golden tensors, with few classes and at the frame's border."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.ops import clip_boxes_to_image

from detectors.transvod_lite.postprocess import detections


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = torch.load(
        shared / "golden" / "transvod_lite.pt", weights_only=True, mmap=True
    )
    return loaded


def assert_golden(found: list, expected: list[dict[str, Any]], sizes: list) -> None:
    assert len(found) == len(expected)
    for (boxes, scores, labels), frame, size in zip(found, expected, sizes, strict=True):
        # The reference neither clips its boxes nor drops those outside the frame.
        clipped = clip_boxes_to_image(frame["boxes"], size)
        whole = (clipped[:, 2:] > clipped[:, :2]).all(1)
        torch.testing.assert_close(boxes, clipped[whole], atol=1e-3, rtol=1e-5)
        torch.testing.assert_close(scores, frame["scores"][whole], atol=1e-6, rtol=0)
        assert torch.equal(labels, frame["labels"][whole])


def test_golden_postprocess(golden: dict[str, Any]) -> None:
    entry = golden["misc"]["postprocess"]
    sizes = [(height, width) for height, width in entry["target_sizes"].tolist()]
    found = detections(entry["pred_logits"], entry["pred_boxes"], sizes)
    assert_golden(found, entry["results"], sizes)


@pytest.mark.parametrize("stage", ["single", "multi"])
def test_golden_postprocess_of_a_model(golden: dict[str, Any], stage: str) -> None:
    model = golden["model_A"]
    outputs = model[stage]["outputs"]
    sizes = [tuple(target["orig_size"].tolist()) for target in model["targets"]]
    found = detections(outputs["pred_logits"], outputs["pred_boxes"], sizes)
    assert_golden(found, model[stage]["postprocess"], sizes)


def test_few_classes_and_queries_give_all_there_are() -> None:
    logits = torch.tensor([[[0.0], [2.0], [1.0]]])
    boxes = torch.full((1, 3, 4), 0.5)
    ((found, scores, labels),) = detections(logits, boxes, [(10, 20)])
    assert scores.tolist() == sorted(logits.sigmoid().flatten().tolist(), reverse=True)
    assert labels.tolist() == [0, 0, 0]
    assert found[0].tolist() == [5.0, 2.5, 15.0, 7.5]


def test_one_query_can_give_two_classes() -> None:
    logits = torch.tensor([[[3.0, 2.0], [-1.0, -2.0]]])
    boxes = torch.tensor([[[0.5, 0.5, 0.2, 0.2], [0.1, 0.1, 0.1, 0.1]]])
    ((found, _, labels),) = detections(logits, boxes, [(100, 100)], max_detections=2)
    assert labels.tolist() == [0, 1]
    assert torch.equal(found[0], found[1])


def test_boxes_are_clipped_and_empty_ones_dropped() -> None:
    logits = torch.tensor([[[3.0], [2.0], [1.0]], [[3.0], [2.0], [1.0]]])
    boxes = torch.tensor([[0.0, 0.0, 0.5, 0.5], [1.0, 1.0, 0.0, 0.3], [0.5, 0.5, 3.0, 3.0]])
    sizes = [(40, 80), (30, 30)]
    found = detections(logits, boxes.expand(2, 3, 4), sizes)
    for (kept, scores, _), (height, width) in zip(found, sizes, strict=True):
        assert kept.tolist() == [[0, 0, width / 4, height / 4], [0, 0, width, height]]
        assert scores.tolist() == logits[0, [0, 2], 0].sigmoid().tolist()


def test_half_precision_scores_are_float32() -> None:
    logits, boxes = torch.randn(1, 4, 3).bfloat16(), torch.full((1, 4, 4), 0.5).bfloat16()
    ((found, scores, _),) = detections(logits, boxes, [(600, 600)])
    assert found.dtype == scores.dtype == torch.float32


def test_no_detections_asked_for_is_refused() -> None:
    with pytest.raises(ValueError, match="max_detections must be at least 1, got 0"):
        detections(torch.zeros(1, 2, 2), torch.zeros(1, 2, 4), [(5, 5)], max_detections=0)
