"""What is painted where."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.drawing import CLASS_COLOURS, class_colour, contact_sheet, draw_boxes

NAMES = ("building", "window")


def grey(height=200, width=300):
    return np.full((height, width, 3), 128, dtype=np.uint8)


def painted(picture):
    return (picture != 128).any(axis=2)


def test_box_is_outlined_in_its_class_colour_and_empty_inside():
    drawn = draw_boxes(grey(), [[50, 60, 150, 160]], [2], NAMES, tags=False)
    assert tuple(drawn[60, 100]) == tuple(drawn[159, 100]) == class_colour(2)
    assert tuple(drawn[100, 50]) == tuple(drawn[100, 149]) == class_colour(2)
    assert not painted(drawn[70:150, 60:140]).any()
    assert not painted(drawn[:58]).any()


def test_argument_is_not_changed():
    picture = grey()
    draw_boxes(picture, [[50, 60, 150, 160]], [1], NAMES, [0.5])
    assert (picture == 128).all()


@pytest.mark.parametrize(
    "box", [[0, 0, 300, 200], [299.6, 199.6, 300, 200], [-5, -5, 400, 300], [10, 10, 11, 11]]
)
def test_boxes_at_and_beyond_the_border_are_drawn(box):
    drawn = draw_boxes(grey(), [box], [1], NAMES, [0.5])
    assert drawn.shape == (200, 300, 3)
    assert painted(drawn).any()


def test_dashes_leave_gaps():
    whole = draw_boxes(grey(), [[50, 60, 150, 160]], [1], NAMES, tags=False)
    broken = draw_boxes(grey(), [[50, 60, 150, 160]], [1], NAMES, dashed=True, tags=False)
    share = painted(broken)[60, 50:150].mean()
    assert painted(whole)[60, 50:150].all()
    assert 0.4 < share < 0.9


def test_tag_lies_above_the_box_or_inside_at_the_upper_border():
    above = draw_boxes(grey(), [[50, 60, 150, 160]], [1], NAMES, [0.9])
    assert tuple(above[52, 50]) == class_colour(1)
    inside = draw_boxes(grey(), [[50, 0, 150, 160]], [1], NAMES, [0.9])
    assert tuple(inside[6, 50]) == class_colour(1)


def test_many_small_boxes_get_no_tag_that_is_wider_than_they_are():
    boxes = [[20 * i, 100, 20 * i + 8, 108] for i in range(12)]
    drawn = draw_boxes(grey(), boxes, [2] * 12, NAMES, [0.5] * 12)
    assert not painted(drawn[:98]).any()


def test_no_boxes_no_paint():
    assert not painted(draw_boxes(grey(), np.zeros((0, 4)), [], NAMES)).any()


def test_class_colours_differ_even_in_grey():
    luminance = sorted(0.299 * r + 0.587 * g + 0.114 * b for r, g, b in CLASS_COLOURS)
    assert len({round(value) for value in luminance}) == len(CLASS_COLOURS)
    assert class_colour(1) == class_colour(len(CLASS_COLOURS) + 1)


def test_contact_sheet_places_every_picture():
    pictures = [np.full((40, 80, 3), value, dtype=np.uint8) for value in (10, 20, 30)]
    sheet = contact_sheet(pictures, columns=2, tile_size=(40, 80), gap=4)
    assert sheet.shape == (2 * 44 + 4, 2 * 84 + 4, 3)
    assert [sheet[24, 44, 0], sheet[24, 128, 0], sheet[68, 44, 0]] == [10, 20, 30]
    with pytest.raises(ValueError, match="at least one picture"):
        contact_sheet([], 2, (40, 80))
