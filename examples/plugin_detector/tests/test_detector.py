"""The plug-in keeps the zoo's contract and learns."""

from functools import partial

import pytest
import torch
from detectors.checks import check_detector
from detectors.schedules import WarmupCosine
from structures import Target, collate
from torchvision.ops import box_iou

from plugin_detector.detector import CentreNet


@pytest.fixture
def detector() -> CentreNet:
    torch.manual_seed(0)
    body = {"model_name": "resnet10t", "channels": [16, 16, 32, 32], "stem_width": 8}
    network = {"body": body, "width": 32, "side": 128}
    return CentreNet(["window", "door"], network, optimizer=partial(torch.optim.AdamW, lr=1e-3))


def test_it_keeps_the_contract(detector: CentreNet) -> None:
    check_detector(detector)


def test_it_finds_what_it_was_shown(detector: CentreNet) -> None:
    """Two rectangles in a frame of 160x96 pixels, after a hundred steps."""
    boxes = torch.tensor([[10.0, 20.0, 50.0, 80.0], [90.0, 40.0, 150.0, 60.0]])
    frame = torch.zeros(1, 3, 96, 160, dtype=torch.uint8)
    frame[..., 20:80, 10:50], frame[..., 40:60, 90:150] = 255, 128
    batch = collate([(frame, [Target(boxes, torch.tensor([2, 1]), image_id=5)])] * 2)
    optimizer = torch.optim.AdamW(detector.parameters(), lr=3e-3)
    schedule = WarmupCosine(optimizer, total_steps=100)
    for _ in range(100):
        optimizer.zero_grad()
        torch.stack(list(detector.losses(batch).values())).sum().backward()
        optimizer.step()
        schedule.step()
    prediction = detector.eval().predict(batch)[0]
    order = prediction.labels[:2].argsort()
    assert prediction.labels[:2][order].tolist() == [1, 2]
    assert (box_iou(prediction.boxes[:2][order], boxes.flip(0)).diagonal() > 0.6).all()
    assert prediction.image_id == 5
