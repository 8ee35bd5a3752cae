"""Predictions leave the graph and the device."""

from __future__ import annotations

import torch

from structures import Prediction


def test_cpu_gives_a_detached_copy() -> None:
    boxes = torch.ones(2, 4, requires_grad=True) * 2
    prediction = Prediction(boxes, boxes[:, 0] / 2, torch.tensor([1, 2]), image_id=3)
    copy = prediction.cpu()
    assert not copy.boxes.requires_grad
    assert not copy.scores.requires_grad
    assert prediction.boxes.requires_grad
    assert copy.image_id == 3
    assert torch.equal(copy.labels, prediction.labels)
