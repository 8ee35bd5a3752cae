from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.ops import box_iou

from datamodules.crop_window import keeps, sample_canvas, sample_crop

WIDTH, HEIGHT = 120, 80


@given(st.integers(0, 10**6))
def test_canvas_holds_the_frame(seed: int) -> None:
    x1, y1, x2, y2 = sample_canvas(np.random.default_rng(seed), WIDTH, HEIGHT, 4.0)
    assert x1 <= 0 <= WIDTH <= x2
    assert y1 <= 0 <= HEIGHT <= y2
    assert x2 - x1 <= 4 * WIDTH
    assert abs((x2 - x1) / WIDTH - (y2 - y1) / HEIGHT) < 0.02


def test_canvas_reaches_its_extremes() -> None:
    random = np.random.default_rng(0)
    canvases = np.array([sample_canvas(random, WIDTH, HEIGHT, 4.0) for _ in range(2000)])
    assert (canvases[:, 2] - canvases[:, 0]).max() > 3.9 * WIDTH
    assert (canvases[:, :2] == 0).any(axis=0).all()


@pytest.mark.parametrize("min_iou", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9])
@given(seed=st.integers(0, 10**6))
def test_crop_reaches_its_minimum_with_one_box(min_iou: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    corner = random.uniform(0, [90, 60], (4, 2))
    boxes = np.concatenate([corner, corner + random.uniform(2, [30, 20], (4, 2))], axis=1)
    canvas = (-40, -10, 200, 150)
    crop = sample_crop(random, canvas, boxes, [None, min_iou], 50)
    assert crop[0] >= canvas[0]
    assert crop[3] <= canvas[3]
    if crop == canvas:
        return
    iou = box_iou(torch.tensor([crop], dtype=torch.float64), torch.from_numpy(boxes))
    assert float(iou.max()) >= min_iou
    assert keeps(crop, boxes).any()
    aspect = (crop[3] - crop[1]) / (crop[2] - crop[0])
    assert 0.5 < aspect < 2


def test_every_minimum_is_drawn_and_crops_happen() -> None:
    boxes = np.array([[20.0, 10.0, 100.0, 70.0]])
    canvas = (0, 0, WIDTH, HEIGHT)
    random = np.random.default_rng(0)
    crops = {sample_crop(random, canvas, boxes, [None, 0.0, 0.5], 50) for _ in range(100)}
    assert canvas in crops
    assert len(crops) > 40


def test_without_boxes_the_canvas_is_kept() -> None:
    random = np.random.default_rng(0)
    canvas = (0, 0, WIDTH, HEIGHT)
    assert sample_crop(random, canvas, np.zeros((0, 4)), [None, 0.9], 50) == canvas


def test_hopeless_minimum_ends_with_the_canvas() -> None:
    speck = np.array([[5.0, 5.0, 6.0, 6.0]])
    canvas = (0, 0, WIDTH, HEIGHT)
    assert sample_crop(np.random.default_rng(0), canvas, speck, [None, 0.9], 50) == canvas
