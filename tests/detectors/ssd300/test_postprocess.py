"""Candidates and suppression: limits, thresholds, frames."""

from __future__ import annotations

import torch
from torchvision.ops import box_iou

from detectors.ssd300.box_codes import encode
from detectors.ssd300.postprocess import candidates, suppress, to_frame
from detectors.ssd300.priors import build_priors

PRIORS = build_priors("coco")


def random_outputs(frames: int = 2, classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    codes = torch.randn(frames, 8732, 4, generator=generator)
    return codes, 3 * torch.randn(frames, 8732, classes + 1, generator=generator)


def test_candidates_are_each_class_s_best() -> None:
    codes, logits = random_outputs()
    boxes, scores, labels = candidates(codes, logits, PRIORS, per_class=50)
    assert boxes.shape == (2, 150, 4)
    assert scores.shape == labels.shape == (2, 150)
    probabilities = logits.softmax(-1)
    for label in (1, 2, 3):
        mine = scores[0][labels[0] == label]
        assert torch.equal(mine, probabilities[0, :, label].sort(descending=True).values[:50])


def test_candidates_decode_and_clip() -> None:
    box = torch.tensor([[-20.0, 40, 100, 320]])
    logits = torch.zeros(1, 8732, 2)
    logits[0, 8000, 1] = 20
    codes = encode(box.expand(8732, 4), PRIORS)[None]
    boxes, _, _ = candidates(codes, logits, PRIORS, per_class=1)
    torch.testing.assert_close(boxes[0], torch.tensor([[0.0, 40, 100, 300]]), atol=1e-3, rtol=0)


def test_half_precision_outputs_are_decoded_in_single() -> None:
    codes, logits = random_outputs()
    boxes, scores, _ = candidates(codes.bfloat16(), logits.bfloat16(), PRIORS)
    assert boxes.dtype == scores.dtype == torch.float32


def overlapping(iou: float) -> torch.Tensor:
    """Two boxes of 100x100 with about this IoU."""
    shift = 100 * (1 - iou) / (1 + iou)
    return torch.tensor([[0.0, 0, 100, 100], [shift, 0, 100 + shift, 100]])


def test_suppression_has_a_limit_for_each_class() -> None:
    pair = overlapping(0.3)
    boxes, scores = pair.repeat(2, 1), torch.tensor([0.9, 0.8, 0.7, 0.6])
    labels = torch.tensor([1, 1, 2, 2])
    assert suppress(boxes, scores, labels, (0.45, 0.45)).tolist() == [0, 1, 2, 3]
    assert suppress(boxes, scores, labels, (0.45, 0.1)).tolist() == [0, 1, 2]
    assert suppress(boxes, scores, labels, (0.1, 0.1)).tolist() == [0, 2]


def test_equal_iou_survives() -> None:
    boxes = torch.tensor([[0.0, 0, 2, 1], [0, 0, 1, 1]])  # IoU is 0.5 exactly
    scores, labels = torch.tensor([0.9, 0.8]), torch.tensor([1, 1])
    assert suppress(boxes, scores, labels, (0.5,)).tolist() == [0, 1]
    assert suppress(boxes, scores, labels, (0.49,)).tolist() == [0]


def test_kept_boxes_are_best_first_and_few() -> None:
    codes, logits = random_outputs()
    boxes, scores, labels = (part[0] for part in candidates(codes, logits, PRIORS))
    kept = suppress(boxes, scores, labels, (0.45,) * 3, max_detections=20)
    assert len(kept) == 20
    assert (scores[kept].diff() <= 0).all()
    for label in (1, 2, 3):
        own = boxes[kept][labels[kept] == label]
        assert (box_iou(own, own).fill_diagonal_(0) <= 0.45).all()


def test_score_threshold_is_strict() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [50, 50, 60, 60]])
    kept = suppress(boxes, torch.tensor([0.5, 0.6]), torch.tensor([1, 1]), (0.45,), 0.5)
    assert kept.tolist() == [1]


def test_nothing_above_the_threshold_is_legal() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10]])
    assert len(suppress(boxes, torch.tensor([0.001]), torch.tensor([1]), (0.45,))) == 0


def test_boxes_return_to_their_frame() -> None:
    boxes = torch.tensor([[0.0, 0, 300, 300], [150, 30, 300, 60]])
    expected = torch.tensor([[0.0, 0, 500, 200], [250, 20, 500, 40]])
    torch.testing.assert_close(to_frame(boxes, (200, 500)), expected)
    assert (to_frame(boxes, (333, 777))[:, 2] <= 777).all()
