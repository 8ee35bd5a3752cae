"""Box codes: inverse of each other, and equal to torchvision's coder."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.models.detection._utils import BoxCoder

from detectors.ssd300.box_codes import decode, encode
from detectors.ssd300.priors import build_priors

PRIORS = build_priors("coco")


def random_boxes(seed: int, count: int) -> torch.Tensor:
    draw = torch.rand(count, 4, generator=torch.Generator().manual_seed(seed)) * 280
    low, high = torch.minimum(draw[:, :2], draw[:, 2:]), torch.maximum(draw[:, :2], draw[:, 2:])
    return torch.cat([low, high + 4], 1)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_decode_inverts_encode(seed: int) -> None:
    boxes = random_boxes(seed, len(PRIORS))
    torch.testing.assert_close(decode(encode(boxes, PRIORS), PRIORS), boxes, atol=2e-3, rtol=1e-5)


def test_equals_torchvision_s_coder() -> None:
    boxes, codes = (
        random_boxes(1, len(PRIORS)),
        8 * torch.randn(len(PRIORS), 4, generator=torch.Generator().manual_seed(2)),
    )
    coder = BoxCoder((10.0, 10.0, 5.0, 5.0))
    torch.testing.assert_close(encode(boxes, PRIORS), coder.encode_single(boxes, PRIORS))
    theirs = coder.decode_single(codes, PRIORS)
    torch.testing.assert_close(decode(codes, PRIORS), theirs, atol=1e-3, rtol=1e-5)


def test_codes_of_the_paper() -> None:
    prior, box = torch.tensor([[10.0, 20, 30, 60]]), torch.tensor([[12.0, 16, 52, 56]])
    expected = torch.tensor([[12 / 20 / 0.1, -4 / 40 / 0.1, torch.tensor(2.0).log() / 0.2, 0]])
    torch.testing.assert_close(encode(box, prior), expected)


def test_wild_sizes_are_capped() -> None:
    prior = torch.tensor([[0.0, 0, 10, 10]])
    wide = decode(torch.tensor([[0.0, 0, 1e6, 0]]), prior)
    assert (wide[0, 2] - wide[0, 0]).item() == pytest.approx(10 * 1000 / 16)
