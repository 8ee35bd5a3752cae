"""A detector small enough to train in a test, and honest: it passes every check."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import box_convert, clip_boxes_to_image

from detectors.base import Detector
from structures import Batch, Prediction, Target

SIZE, CELLS, KEPT = 96, 12, 30


class ToyNetwork(nn.Module):
    """Frames of any size -> class logits [F, CELLS², C] and boxes cxcywh in shares of the frame."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(16, 16, 3, 2, 1),
            nn.ReLU(),
        )
        self.head = nn.Conv2d(16, classes + 4, 1)

    def forward(self, frames: list[Tensor]) -> tuple[Tensor, Tensor]:
        images = torch.stack([self.normalise(frame) for frame in frames])
        out = self.head(self.body(images)).float().flatten(2).transpose(1, 2)
        y, x = torch.meshgrid(torch.arange(CELLS), torch.arange(CELLS), indexing="ij")
        cells = torch.stack([x, y], dim=-1).reshape(-1, 2).to(out.device)
        centres = (cells + out[..., -4:-2].sigmoid()) / CELLS
        return out[..., :-4], torch.cat([centres, (out[..., -2:] - 1).exp()], dim=-1)

    def normalise(self, frame: Tensor) -> Tensor:
        image = frame[None].float() / 127.5 - 1
        return F.interpolate(image, (SIZE, SIZE), mode="bilinear", antialias=True)[0]


class ToyDetector(Detector):
    """The cell that holds a box's centre is responsible for it."""

    def __init__(
        self,
        class_names: list[str],
        category_ids: list[int] | None = None,
        optimizer: Any = None,
        schedule: Any = None,
        schedule_interval: str = "epoch",
        parameter_groups: Any = (),
        scale: float = 1.0,
    ) -> None:
        super().__init__(
            class_names, category_ids, optimizer, schedule, schedule_interval, parameter_groups
        )
        self.scale = scale
        self.network = ToyNetwork(len(self.classes))

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        frames = batch.frames()
        logits, boxes = self.network(frames)
        wanted = torch.zeros_like(logits)
        distance = boxes.sum() * 0
        found = 0
        for i, target in enumerate(batch.frame_targets()):
            shares, cells = self.assigned(target, frames[i])
            wanted[i, cells, target.labels - 1] = 1
            distance = distance + (boxes[i, cells] - shares).abs().sum()
            found += len(cells)
        return {
            "class": F.binary_cross_entropy_with_logits(logits, wanted) * self.scale,
            "box": distance / max(1, found),
        }

    def assigned(self, target: Target, frame: Tensor) -> tuple[Tensor, Tensor]:
        height, width = frame.shape[1:]
        size = target.boxes.new_tensor([width, height, width, height])
        shares = box_convert(target.boxes, "xyxy", "cxcywh") / size
        column, row = (shares[:, :2] * CELLS).long().clamp(max=CELLS - 1).unbind(1)
        return shares, row * CELLS + column

    def predict(self, batch: Batch) -> list[Prediction]:
        logits, boxes = self.network(batch.frames())
        return [
            self.prediction(logits[i].sigmoid() * min(1.0, self.scale), boxes[i], frame, target)
            for i, (frame, target) in enumerate(
                zip(batch.frames(), batch.frame_targets(), strict=True)
            )
        ]

    def prediction(
        self, scores: Tensor, shares: Tensor, frame: Tensor, target: Target
    ) -> Prediction:
        height, width = frame.shape[1:]
        best, order = scores.flatten().sort(descending=True, stable=True)
        cells, labels = order[:KEPT] // scores.shape[1], order[:KEPT] % scores.shape[1] + 1
        boxes = box_convert(shares[cells], "cxcywh", "xyxy")
        boxes = boxes * boxes.new_tensor([width, height, width, height])
        boxes = clip_boxes_to_image(boxes, (height, width))
        return Prediction(boxes, best[:KEPT], labels, target.image_id)


@pytest.fixture
def toy_class() -> type[ToyDetector]:
    """The class, for tests that break a copy of it."""
    return ToyDetector


@pytest.fixture
def make_toy() -> Callable[..., ToyDetector]:
    """Builds a seeded toy detector, of another class or with other arguments if given."""

    def make(cls: type[ToyDetector] = ToyDetector, **arguments: Any) -> ToyDetector:
        torch.manual_seed(0)
        sgd = partial(torch.optim.SGD, lr=0.01, momentum=0.9)
        defaults = {"class_names": ["cat", "dog"], "category_ids": [3, 7], "optimizer": sgd}
        return cls(**{**defaults, **arguments})

    return make
