from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodules.visible_part import VisiblePart, boxes_of_whole, fill_around

WIDTH, HEIGHT = 120, 80


def expanded() -> VisiblePart:
    """Of a canvas 200 px wide and high, halved."""
    return VisiblePart((-40, -20, 160, 180), (80, 120), (100, 100))


def test_the_whole_frame_is_in_its_place_in_an_expanded_window() -> None:
    part = expanded()
    assert part.source.tolist() == [0, 0, 120, 80]
    assert part.place.tolist() == [20, 10, 80, 50]
    assert part.margin.tolist() == [20, 10, 100, 100]


@given(st.integers(0, 10**6))
def test_it_has_an_area_and_fits(seed: int) -> None:
    random = np.random.default_rng(seed)
    x1, y1 = random.integers(-100, [WIDTH, HEIGHT]).tolist()
    x2, y2 = max(x1, 0) + int(random.integers(1, 50)), max(y1, 0) + int(random.integers(1, 50))
    part = VisiblePart((x1, y1, x2, y2), (HEIGHT, WIDTH), (7, 5))
    for box, (height, width) in ((part.source, (HEIGHT, WIDTH)), (part.place, (7, 5))):
        assert 0 <= box[0] < box[2] <= width
        assert 0 <= box[1] < box[3] <= height


def test_boxes_go_where_their_pixels_go() -> None:
    frame = np.zeros((80, 120, 3), np.uint8)
    frame[20:60, 40:100] = 255
    box = np.array([[40.0, 20.0, 100.0, 60.0]])
    part = expanded()
    whole = fill_around(part.pixels(frame), part.margin, (9, 9, 9))
    shares, kept = part.boxes(box, always=np.array([False]))
    (x1, y1, x2, y2) = (boxes_of_whole(shares, (40, 60), part.margin)[0] * 100).tolist()
    assert kept.tolist() == [0]
    assert (x1, y1, x2, y2) == pytest.approx((40, 20, 70, 40))
    assert (whole[20:40, 40:70] == 255).all()
    assert (whole == 255).sum() == 3 * 20 * 30
    assert (whole[0] == 9).all()


def test_boxes_stay_by_their_centre_and_regions_by_any_overlap() -> None:
    part = VisiblePart((0, 0, 50, 80), (80, 120), (80, 50))
    boxes = np.array([[40.0, 0.0, 70.0, 80.0], [20, 0, 60, 80], [60, 0, 90, 80]])
    shares, kept = part.boxes(boxes, always=np.zeros(3, bool))
    assert kept.tolist() == [1]
    assert shares.tolist() == [[0.4, 0, 1, 1]]
    shares, kept = part.boxes(boxes, always=np.ones(3, bool))
    assert kept.tolist() == [0, 1]
    assert shares[0].tolist() == [0.8, 0, 1, 1]
