"""Windows that touch."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from prepare.components import Component, connected_components
from prepare.touching import split_touching


def whole(mask: np.ndarray) -> Component:
    (component,) = connected_components(mask)
    return component


def two_windows(bridge: int) -> np.ndarray:
    """Two windows of 20×30 px, 4 px apart, with a bridge of some rows."""
    mask = np.zeros((60, 80), bool)
    mask[10:40, 10:30] = mask[10:40, 34:54] = True
    mask[20 : 20 + bridge, 30:34] = True
    return mask


@pytest.mark.parametrize("bridge", [1, 2, 3, 5, 6])
def test_windows_joined_by_a_bridge_are_parted(bridge: int) -> None:
    mask = two_windows(bridge)
    parts = split_touching(whole(mask))
    assert [part.box for part in parts] == [(10, 10, 30, 40), (34, 10, 54, 40)]
    assert [part.area for part in parts] == [600, 600]


def test_bridge_wider_than_the_erosions_stays() -> None:
    assert len(split_touching(whole(two_windows(8)))) == 1


def test_staggered_windows_that_share_a_short_edge_are_parted() -> None:
    mask = np.zeros((60, 60), bool)
    mask[5:30, 5:25] = mask[28:55, 25:45] = True
    assert [part.box for part in split_touching(whole(mask))] == [(5, 5, 25, 30), (25, 28, 45, 55)]


def test_row_of_three_is_parted_into_three() -> None:
    mask = np.zeros((40, 80), bool)
    for left in (5, 27, 49):
        mask[5:35, left : left + 20] = True
    mask[20:22, 5:69] = True
    assert len(split_touching(whole(mask))) == 3


def test_single_windows_stay_whole() -> None:
    rectangle = np.zeros((60, 60), bool)
    rectangle[10:50, 20:40] = True
    round_arch = rectangle.copy()
    round_arch[10:20, 20:40] = cv2.circle(np.zeros((10, 20), np.uint8), (10, 10), 10, 1, -1) > 0
    cross = np.zeros((60, 60), bool)
    cross[20:40, 5:55] = cross[5:55, 25:35] = True
    for mask in (rectangle, round_arch, cross):
        assert [part.box for part in split_touching(whole(mask))] == [whole(mask).box]


def test_slender_oblique_window_is_not_sliced() -> None:
    # Erosion by 2 px cuts this 5 px wide strip at its steps, across its whole width.
    mask = np.zeros((60, 20), bool)
    for row in range(50):
        shift = row // 17
        mask[5 + row, 5 + shift : 10 + shift] = True
    assert len(split_touching(whole(mask))) == 1
