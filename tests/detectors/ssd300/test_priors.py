"""Priors: counts, order, presets, and how well they cover facades."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torchvision.ops import box_iou

from detectors.ssd300.priors import (
    BOXES_PER_CELL,
    FRAME,
    GRIDS,
    PRIOR_COUNT,
    best_prior_iou,
    build_priors,
    prior_recall,
    prior_shapes,
)

PRESETS = ("coco", "voc", "facades", "seed")


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_has_8732_priors(preset: str) -> None:
    assert PRIOR_COUNT == 8732
    assert [g * g * n for g, n in zip(GRIDS, BOXES_PER_CELL, strict=True)] == [
        5776, 2166, 600, 150, 36, 4
    ]  # fmt: skip
    priors = build_priors(preset)
    assert priors.shape == (8732, 4)
    assert (priors[:, 2:] > priors[:, :2]).all()
    assert tuple(len(level) for level in prior_shapes(preset)) == BOXES_PER_CELL


def test_golden_priors_are_exact(golden: dict) -> None:
    assert torch.equal(build_priors("coco"), golden["anchors_xyxy_300"])


def test_corners_are_not_clipped() -> None:
    priors = build_priors("coco")
    assert priors.min().item() == pytest.approx(-100.5, abs=0.1)
    assert priors.max().item() == pytest.approx(420.5, abs=0.1)


def test_last_centres_by_steps_and_by_grid() -> None:
    ends = torch.tensor(GRIDS).square().mul(torch.tensor(BOXES_PER_CELL)).cumsum(0) - 1
    for centres, expected in (("steps", (300, 296, 304, 288)), ("grid", (296.1, 292.1, 285, 270))):
        priors = build_priors("coco", centres)[ends[:4]]
        last = (priors[:, 0] + priors[:, 2]) / 2
        torch.testing.assert_close(last, torch.tensor(expected).float(), atol=0.06, rtol=0)


def test_seed_ratios_are_taken_literally() -> None:
    shapes = prior_shapes("seed")
    ratios = [[round(w / h, 3) for w, h in level] for level in shapes]
    assert ratios[0] == [1, 1, 0.4, 0.333]
    assert ratios[2] == [1, 1, 2, 0.5, 0.4, 0.333]
    assert shapes[5][1] == (1.0, 1.0)


def random_boxes(widths: tuple[float, float], aspects: tuple[float, float]) -> Tensor:
    """2000 boxes in the frame, their width and width / height uniform."""
    draw = torch.rand(2000, 4, generator=torch.Generator().manual_seed(0))
    width = widths[0] + draw[:, 0] * (widths[1] - widths[0])
    height = (width / (aspects[0] + draw[:, 1] * (aspects[1] - aspects[0]))).clamp(max=FRAME)
    x, y = draw[:, 2] * (FRAME - width), draw[:, 3] * (FRAME - height)
    return torch.stack([x, y, x + width, y + height], 1)


@pytest.mark.parametrize(
    ("widths", "aspects", "seed", "coco"),
    [
        ((12, 25), (0.4, 0.8), 0.27, 0.93),
        ((25, 50), (0.4, 0.8), 0.26, 0.98),
        ((20, 60), (0.35, 0.6), 0.18, 0.95),
    ],
)
def test_most_windows_and_doors_miss_the_seed_s_priors(
    widths: tuple[float, float], aspects: tuple[float, float], seed: float, coco: float
) -> None:
    boxes = random_boxes(widths, aspects)
    assert prior_recall(build_priors("seed"), boxes) == pytest.approx(seed, abs=0.03)
    assert prior_recall(build_priors("coco"), boxes) == pytest.approx(coco, abs=0.03)


def test_buildings_are_covered_by_all_presets() -> None:
    boxes = random_boxes((120, 280), (0.8, 1.25))
    for preset in ("seed", "coco", "voc", "facades"):
        assert prior_recall(build_priors(preset), boxes) > 0.97, preset


def test_facade_priors_cover_small_windows_better() -> None:
    small = random_boxes((6, 14), (0.4, 0.8))
    recall = {preset: prior_recall(build_priors(preset), small) for preset in PRESETS}
    assert recall["facades"] > recall["coco"] > recall["seed"]


def test_best_iou_does_not_depend_on_the_chunk() -> None:
    priors, boxes = build_priors("voc"), random_boxes((20, 60), (0.4, 0.8))[:50]
    torch.testing.assert_close(best_prior_iou(priors, boxes, 7), box_iou(boxes, priors).amax(1))
    assert len(best_prior_iou(priors, boxes[:0])) == 0


def test_explicit_scales_equal_the_preset() -> None:
    spec = {
        "scales": [0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05],
        "ratios": [[2], [2, 3], [2, 3], [2, 3], [2], [2]],
    }
    assert torch.equal(build_priors(spec), build_priors("coco"))
    shapes = {"shapes": [[list(pair) for pair in level] for level in prior_shapes("facades")]}
    assert torch.equal(build_priors(shapes), build_priors("facades"))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("pascal", "unknown preset 'pascal'; known: coco"),
        ({"scale": [1]}, r"got keys \['scale'\]"),
        ({"shapes": [[[0.1, 0.1]]] * 6}, r"need \(4, 6, 6, 6, 4, 4\) boxes a cell"),
        ({"scales": [0.1] * 6, "ratios": [[2]] * 6}, "need 7 scales and 6 lists"),
        ({"scales": [0.1] * 7, "ratios": [[2, 3]] * 6}, r"got \(6, 6, 6, 6, 6, 6\)"),
    ],
)
def test_bad_specifications_are_named(spec: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_priors(spec)


def test_unknown_centres_are_named() -> None:
    with pytest.raises(ValueError, match="'steps' or 'grid', got 'cells'"):
        build_priors("coco", "cells")
