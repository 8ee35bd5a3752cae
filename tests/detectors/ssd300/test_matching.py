"""Matching against brute force, torchvision and the golden tensors."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.models.detection._utils import SSDMatcher
from torchvision.ops import box_iou

from detectors.ssd300.matching import match_priors
from detectors.ssd300.priors import build_priors

PRIORS = build_priors("coco")


@st.composite
def boxes(draw: st.DrawFn, largest: int = 6) -> Tensor:
    """0 to `largest` boxes of at least a pixel in the 300x300 frame."""
    rows = []
    for _ in range(draw(st.integers(0, largest))):
        x, y = draw(st.floats(0, 290)), draw(st.floats(0, 290))
        rows.append([x, y, x + draw(st.floats(1, 300 - x)), y + draw(st.floats(1, 300 - y))])
    return torch.tensor(rows).reshape(-1, 4)


def by_brute_force(iou: Tensor, greedy: bool) -> list[int]:
    count, prior_count = iou.shape
    matches = []
    for p in range(prior_count):
        best = max(range(count), key=lambda g: iou[g, p].item())
        matches.append(best if iou[best, p] >= 0.5 else -1)
    if not greedy:
        for g in range(count):
            matches[max(range(prior_count), key=lambda p: iou[g, p].item())] = g
        return matches
    free_boxes, free_priors = set(range(count)), set(range(prior_count))
    while free_boxes and free_priors:
        pairs = [(g, p) for g in sorted(free_boxes) for p in sorted(free_priors)]
        g, p = max(pairs, key=lambda pair: iou[pair].item())
        matches[p] = g
        free_boxes.remove(g)
        free_priors.remove(p)
    return matches


@settings(max_examples=60, deadline=None)
@given(boxes().filter(len), st.integers(0, 8600), st.booleans())
def test_equals_brute_force(given_boxes: Tensor, start: int, greedy: bool) -> None:
    priors = PRIORS[start : start + 60]
    expected = by_brute_force(box_iou(given_boxes, priors), greedy)
    got = match_priors(given_boxes, priors, forced="greedy" if greedy else "overwrite")
    assert got.tolist() == expected


@settings(max_examples=60, deadline=None)
@given(boxes(largest=20).filter(len))
def test_equals_torchvision(given_boxes: Tensor) -> None:
    expected = SSDMatcher(0.5)(box_iou(given_boxes, PRIORS))
    assert torch.equal(match_priors(given_boxes, PRIORS), expected)


@settings(max_examples=60, deadline=None)
@given(boxes(largest=20))
def test_greedy_loses_no_box(given_boxes: Tensor) -> None:
    matches = match_priors(given_boxes, PRIORS, forced="greedy")
    assert set(range(len(given_boxes))) <= set(matches.tolist())


def test_golden_matches(golden: dict) -> None:
    for target, matches in zip(golden["targets_300"], golden["matches"], strict=True):
        assert torch.equal(match_priors(target, PRIORS), matches)
    assert [int((m >= 0).sum()) for m in golden["matches"]] == [15, 6, 0]


def test_no_boxes_is_all_background() -> None:
    assert (match_priors(torch.zeros(0, 4), PRIORS) == -1).all()


def test_poor_box_gets_its_best_prior() -> None:
    sliver = torch.tensor([[10.0, 150, 290, 153]])
    assert box_iou(sliver, PRIORS).max() < 0.2
    matches = match_priors(sliver, PRIORS)
    assert (matches >= 0).nonzero().flatten().tolist() == [int(box_iou(sliver, PRIORS).argmax())]


@pytest.mark.parametrize(("forced", "kept"), [("overwrite", [1]), ("greedy", [0, 1])])
def test_boxes_that_share_a_best_prior(forced: str, kept: list[int]) -> None:
    priors = torch.tensor([[0.0, 0, 100, 100], [200, 200, 210, 210]])
    given_boxes = torch.tensor([[0.0, 0, 100, 90], [0, 0, 100, 20]])
    matches = match_priors(given_boxes, priors, forced=forced)
    assert sorted(set(matches.tolist()) - {-1}) == kept
