"""Connected parts of masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prepare.components import connected_components, joined_components


def blank() -> np.ndarray:
    return np.zeros((60, 80), bool)


def boxes(mask: np.ndarray, connectivity: int = 4) -> list[tuple[int, int, int, int]]:
    return [component.box for component in connected_components(mask, connectivity)]


def test_gap_of_one_pixel_parts() -> None:
    mask = blank()
    mask[10:40, 10:30] = mask[10:40, 31:50] = True
    assert boxes(mask) == [(10, 10, 30, 40), (31, 10, 50, 40)]


def test_diagonal_contact_parts_unless_asked_otherwise() -> None:
    mask = blank()
    mask[10:20, 10:20] = mask[20:30, 20:30] = True
    assert boxes(mask) == [(10, 10, 20, 20), (20, 20, 30, 30)]
    assert boxes(mask, connectivity=8) == [(10, 10, 30, 30)]


@given(st.tuples(*(st.integers(0, 39) for _ in range(4))))
@settings(max_examples=60, deadline=None)
def test_rectangle_to_box_to_rectangle_is_exact(corners: tuple[int, int, int, int]) -> None:
    x1, x2 = sorted(corners[:2])
    y1, y2 = sorted(corners[2:])
    mask = np.zeros((40, 40), bool)
    mask[y1 : y2 + 1, x1 : x2 + 1] = True
    (component,) = connected_components(mask)
    again = np.zeros_like(mask)
    left, top, right, bottom = component.box
    again[top:bottom, left:right] = component.mask
    assert (again == mask).all()
    assert component.area == mask.sum()
    assert component.extent == 1


@pytest.mark.parametrize(("gap", "parts"), [(0, 2), (4, 2), (6, 1), (7, 1)])
def test_gaps_up_to_the_given_width_are_joined(gap: int, parts: int) -> None:
    mask = blank()
    mask[5:50, 5:30] = mask[5:50, 36:70] = True
    assert len(joined_components(mask, gap)) == parts


@pytest.mark.parametrize("gap", range(1, 12))
def test_joining_moves_no_box_and_adds_no_area(gap: int) -> None:
    # Closing reaches for the border of the picture when a mask ends near it, and an even square
    # shifts; neither may show.
    mask = blank()
    mask[2:57, 3:40] = True
    mask[20:30, 10:20] = False
    (component,) = joined_components(mask, gap)
    assert component.box == (3, 2, 40, 57)
    assert component.area == mask.sum()
