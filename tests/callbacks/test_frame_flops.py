"""Operations are counted a judged frame, and as torch defines them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from callbacks.frame_flops import frame_flops
from detectors.base import Detector
from structures import Batch, Prediction, Target


class OneConvolution(Detector):
    """3 -> 5 channels, 3x3, without padding."""

    def __init__(self) -> None:
        super().__init__(["thing"])
        self.network = nn.Conv2d(3, 5, 3, bias=False)
        self.queries = nn.Parameter(torch.zeros(2, 3))
        self.identity = nn.Identity()

    def predict(self, batch: Batch) -> list[Prediction]:
        self.identity(self.queries)  # a module whose input learns
        self.network(torch.stack([frame / 255 for frame in batch.frames()]))
        return []


def target(judged: bool) -> Target:
    return Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), image_id=1, judged=judged)


def test_a_convolution_costs_two_operations_a_weight_and_place(trainer_with: Any) -> None:
    clip = torch.zeros(4, 3, 10, 12, dtype=torch.uint8)
    frame = 2 * 5 * 3 * 3 * 3 * 8 * 10
    for judged, cost in ((4, frame), (2, 2 * frame), (0, None)):
        targets = [target(i < judged) for i in range(4)]
        # The second clip is not looked at.
        batch = Batch([clip, clip], [targets, targets])
        assert frame_flops(trainer_with(), OneConvolution(), batch) == cost


def test_it_is_what_torch_counts(trainer_with: Any) -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.Flatten(2), nn.Linear(49, 12)
    )
    attention = nn.MultiheadAttention(12, 3, batch_first=True)

    def run() -> None:
        found = network(torch.zeros(1, 3, 16, 16))
        attention(found, found, found, need_weights=False)

    detector = OneConvolution()
    detector.predict = lambda batch: run()  # type: ignore
    batch = Batch([torch.zeros(1, 3, 9, 9, dtype=torch.uint8)], [[target(True)]])
    with FlopCounterMode(display=False) as counter:
        run()
    with torch.inference_mode():
        assert frame_flops(trainer_with(), detector, batch) == counter.get_total_flops() > 0
