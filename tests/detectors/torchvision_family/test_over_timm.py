"""Torchvision's detectors over pyramids of timm backbones keep the contract and learn."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torchvision.models import get_model_builder

from detectors.checks import check_detector
from detectors.torchvision_family.module import TorchvisionDetector
from structures import Batch, Target, collate

FRAME = torch.zeros(1, 3, 96, 160)
BACKBONES: dict[str, dict[str, Any]] = {
    "resnet10t": {"stem_width": 8, "channels": [16, 32, 32, 64]},
    "swin_tiny_patch4_window7_224": {"embed_dim": 24, "depths": [1, 1, 1, 1]},
    "convnext_atto": {"depths": [1, 1, 1, 1], "dims": [16, 32, 64, 96]},
}


# Faster R-CNN over each backbone, the one-stage detectors over the first.
COMBINATIONS = [
    *(("fasterrcnn_resnet50_fpn", name) for name in BACKBONES),
    ("retinanet_resnet50_fpn_v2", "resnet10t"),
    ("fcos_resnet50_fpn", "resnet10t"),
]


def over_timm(architecture: str, name: str) -> TorchvisionDetector:
    torch.manual_seed(0)
    return TorchvisionDetector(
        ["window", "door"],
        architecture=architecture,
        backbone=name,
        pyramid_channels=256 if architecture.startswith("fasterrcnn") else 64,
        backbone_arguments=BACKBONES[name],
        min_size=96,
        max_size=160,
        score_threshold=0.01,
        optimizer=partial(torch.optim.AdamW, lr=1e-3),
    )


def rectangles() -> Batch:
    boxes = torch.tensor([[8.0, 16.0, 56.0, 80.0], [88.0, 40.0, 152.0, 72.0]])
    frame = torch.zeros(1, 3, 96, 160, dtype=torch.uint8)
    frame[..., 16:80, 8:56], frame[..., 40:72, 88:152] = 255, 128
    return collate([(frame, [Target(boxes, torch.tensor([2, 1]), image_id=1)])])


@pytest.mark.slow
@pytest.mark.parametrize(("architecture", "name"), COMBINATIONS)
def test_training_lowers_the_loss(architecture: str, name: str) -> None:
    detector = over_timm(architecture, name).train()
    optimizer = torch.optim.AdamW(detector.parameters(), lr=1e-3)
    course = []
    for _ in range(8):
        optimizer.zero_grad()
        loss = torch.stack(list(detector.losses(rectangles()).values())).sum()
        loss.backward()
        optimizer.step()
        course.append(float(loss.detach()))
    assert min(course[-2:]) < 0.6 * course[0]


@pytest.mark.slow
@pytest.mark.usefixtures("few_regions")
@pytest.mark.parametrize(("architecture", "name"), COMBINATIONS)
def test_the_contract_is_kept(architecture: str, name: str) -> None:
    check_detector(over_timm(architecture, name))


@pytest.mark.parametrize(
    "architecture", ["retinanet_resnet50_fpn", "retinanet_resnet50_fpn_v2", "fcos_resnet50_fpn"]
)
def test_anchors_are_those_of_torchvision_over_its_own_backbone(architecture: str) -> None:
    own = get_model_builder(architecture)(weights=None, weights_backbone=None)
    ours = over_timm(architecture, "resnet10t").network
    assert ours.anchor_generator.sizes == own.anchor_generator.sizes
    assert ours.anchor_generator.aspect_ratios == own.anchor_generator.aspect_ratios
    shapes = [[m.shape[2:] for m in n.backbone(FRAME).values()] for n in (ours, own)]
    assert shapes[0] == shapes[1]


def test_the_second_retinanet_has_the_head_of_torchvisions() -> None:
    own = get_model_builder("retinanet_resnet50_fpn_v2")(weights=None, weights_backbone=None)
    ours = over_timm("retinanet_resnet50_fpn_v2", "resnet10t").network
    kinds = [[type(layer) for layer in network.head.modules()] for network in (ours, own)]
    assert kinds[0] == kinds[1]
    assert ours.head.regression_head._loss_type == own.head.regression_head._loss_type == "giou"


def test_a_pyramid_that_its_head_cannot_normalise_is_refused() -> None:
    with pytest.raises(ValueError, match=r"pyramid_channels: .*multiple of 32 is needed; got 48"):
        TorchvisionDetector(
            ["door"],
            architecture="retinanet_resnet50_fpn_v2",
            backbone="resnet10t",
            pyramid_channels=48,
        )


def test_another_architecture_over_timm_is_refused() -> None:
    with pytest.raises(ValueError, match=r"timm backbone goes under one of fasterrcnn.*fcos"):
        over_timm("fasterrcnn_mobilenet_v3_large_fpn", "resnet10t")
