"""Properties of the box geometry, and agreement with brute force."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from structures.boxes import inside_frame, scale_boxes

sizes = st.tuples(st.integers(1, 4000), st.integers(1, 4000))
coordinate = st.floats(-50, 150, width=32)
boxes = st.lists(st.tuples(coordinate, coordinate, coordinate, coordinate), max_size=8).map(
    lambda rows: torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)
)


@given(boxes, sizes, sizes)
def test_scaling_there_and_back_changes_nothing(boxes: torch.Tensor, a: tuple, b: tuple) -> None:
    back = scale_boxes(scale_boxes(boxes, a, b), b, a)
    torch.testing.assert_close(back, boxes, rtol=1e-4, atol=1e-3)


@given(sizes, sizes)
def test_the_whole_frame_stays_the_whole_frame(a: tuple, b: tuple) -> None:
    whole = torch.tensor([[0.0, 0.0, a[1], a[0]]])
    wanted = torch.tensor([[0.0, 0.0, b[1], b[0]]])
    torch.testing.assert_close(scale_boxes(whole, a, b), wanted, rtol=1e-4, atol=1e-3)


def test_x_follows_the_width_and_y_the_height() -> None:
    boxes = torch.tensor([[10.0, 20.0, 30.0, 40.0]])
    assert scale_boxes(boxes, (100, 200), (50, 600)).tolist() == [[30, 10, 90, 20]]


@given(boxes, st.integers(1, 100), st.integers(1, 100))
def test_inside_frame_agrees_with_its_definition(boxes: torch.Tensor, h: int, w: int) -> None:
    wanted = [
        0 <= x1 < x2 <= w and 0 <= y1 < y2 <= h for x1, y1, x2, y2 in boxes.tolist()
    ]  # half-open: the right and lower edge may touch the frame's
    assert inside_frame(boxes, (h, w)).tolist() == wanted


def test_boxes_that_are_not_finite_are_not_inside() -> None:
    nan, inf = float("nan"), float("inf")
    boxes = torch.tensor([[nan, 0, 1, 1], [0, 0, inf, 1], [0, 0, nan, 1], [-inf, 0, 1, 1]])
    assert not inside_frame(boxes, (10, 10)).any()


def test_no_boxes_are_legal() -> None:
    none = torch.zeros(0, 4)
    assert inside_frame(none, (3, 3)).shape == (0,)
    assert scale_boxes(none, (3, 3), (5, 5)).shape == (0, 4)
