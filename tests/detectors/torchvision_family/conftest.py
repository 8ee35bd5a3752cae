"""What makes tests of torchvision's detectors quick."""

from __future__ import annotations

from typing import Any

import pytest
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork


@pytest.fixture
def few_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two-stage networks look at 64 regions a frame, not at 512 and 1000: the same code, sooner."""
    start_proposing, start_judging = RegionProposalNetwork.__init__, RoIHeads.__init__

    def propose(self: Any, *settings: Any, **named: Any) -> None:
        start_proposing(self, *settings, **named)
        self._post_nms_top_n = {"training": 64, "testing": 64}

    def judge(self: Any, *settings: Any, **named: Any) -> None:
        start_judging(self, *settings, **named)
        self.fg_bg_sampler.batch_size_per_image = 64

    monkeypatch.setattr(RegionProposalNetwork, "__init__", propose)
    monkeypatch.setattr(RoIHeads, "__init__", judge)
