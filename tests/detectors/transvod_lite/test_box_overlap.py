"""Overlaps of (centre, size) boxes against the golden tensors and torchvision."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.ops import box_convert, generalized_box_iou

from detectors.transvod_lite.box_overlap import covered_share, generalized_iou

sides = st.floats(2**-6, 1.0, width=32)
boxes = st.tuples(sides, sides, sides, sides).map(torch.tensor)


def test_golden_giou(shared: Path) -> None:
    golden = torch.load(shared / "golden" / "transvod_lite.pt", weights_only=True)["misc"]["giou"]
    giou = generalized_iou(golden["a_cxcywh"][:, None], golden["b_cxcywh"][None])
    torch.testing.assert_close(giou, golden["giou"], atol=1e-12, rtol=0)


@given(boxes, boxes)
def test_giou_equals_torchvision(first: torch.Tensor, second: torch.Tensor) -> None:
    corners = (box_convert(box[None].double(), "cxcywh", "xyxy") for box in (first, second))
    expected = generalized_box_iou(*corners)[0, 0]
    torch.testing.assert_close(generalized_iou(first.double(), second.double()), expected)


def test_giou_of_a_small_box_with_itself_is_one() -> None:
    box = torch.tensor([0.5, 0.5, 0.004, 0.003])
    assert generalized_iou(box, box).item() == pytest.approx(1, abs=1e-6)


def test_covered_share_of_a_box() -> None:
    region = torch.tensor([0.25, 0.5, 0.5, 1.0])  # the left half
    these = torch.tensor(
        [[0.2, 0.5, 0.2, 0.2], [0.5, 0.5, 0.2, 0.2], [0.8, 0.5, 0.2, 0.2], [0.2, 0.5, 0.0, 0.2]]
    )
    torch.testing.assert_close(covered_share(these, region), torch.tensor([1.0, 0.5, 0.0, 0.0]))
