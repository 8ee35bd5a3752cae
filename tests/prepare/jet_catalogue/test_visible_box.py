"""What of a jet's box a picture shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from prepare.jet_catalogue.jet import Jet
from prepare.jet_catalogue.placement import JetBox
from prepare.jet_catalogue.visible_box import visible_box
from solar.frame_wcs import FrameWCS
from solar.observer import Observer
from solar.wcs_keys import Pair

START = datetime(2013, 10, 28, 1, tzinfo=UTC)
# 600x600 px of 0.6": the lower left corner of the picture is (700", -400"), the upper right one
# (1060", -40").
WCS = FrameWCS(
    width=600,
    height=600,
    reference_pixel=Pair(0.5, 0.5),
    reference_arcsec=Pair(700.0, -400.0),
    scale=Pair(0.6, 0.6),
    rotation=(1.0, 0.0, 0.0, 1.0),
    time=START,
    observer=Observer(0.0, 4.7, 1.486e11),
)
NAN = float("nan")
JET = Jet("a", "SOL", START, START, False, np.zeros(2), NAN, NAN, NAN, NAN, "", ())


def box(*corners: tuple[float, float]) -> JetBox:
    points = np.array(corners, dtype=np.float64)
    return JetBox(JET, points, points[:2].mean(axis=0), 0.4, False, False)


def upright(left: float, bottom: float, right: float, top: float) -> JetBox:
    return box((left, bottom), (right, bottom), (right, top), (left, top))


def test_north_is_up_and_the_upper_left_corner_is_the_origin() -> None:
    shown = visible_box(upright(760, -160, 820, -100), WCS)
    assert shown is not None
    # The projection is flat to a hundredth of a pixel here.
    assert shown.xyxy == pytest.approx((100, 100, 200, 200), abs=0.02)
    assert not shown.ignored
    assert not shown.off_limb


def test_a_tilted_box_is_enclosed() -> None:
    shown = visible_box(box((880, -250), (910, -220), (850, -160), (820, -190)), WCS)
    assert shown is not None
    assert shown.xyxy == pytest.approx((200, 200, 350, 350), abs=0.02)


@pytest.mark.parametrize("roll", [0.14, 5.0])
def test_a_rolled_picture_has_the_corners_projected_first(roll: float) -> None:
    c, s = np.cos(np.radians(roll)), np.sin(np.radians(roll))
    rolled = replace(WCS, rotation=(c, -s, s, c))
    jet_box = upright(820, -250, 850, -160)
    shown = visible_box(jet_box, rolled)
    corners = rolled.to_pixels(jet_box.corners)
    assert shown is not None
    assert shown.xyxy == pytest.approx((*corners.min(axis=0), *corners.max(axis=0)))


def test_the_base_decides_what_is_off_the_limb() -> None:
    radius = WCS.solar_radius
    for reach, off in ((-5, False), (5, True)):
        base = (radius + reach) * np.array([np.cos(-0.25), np.sin(-0.25)])
        jet_box = box((base[0], base[1] - 5), (base[0], base[1] + 5), (1050, -220), (1050, -250))
        shown = visible_box(jet_box, WCS)
        assert shown is not None
        assert shown.off_limb is off


def test_a_box_is_clipped_to_the_picture() -> None:
    shown = visible_box(upright(670, -160, 760, -100), WCS)
    assert shown is not None
    assert shown.xyxy == pytest.approx((0, 100, 100, 200), abs=0.02)
    assert not shown.ignored, "two thirds are visible"


@pytest.mark.parametrize(
    "jet_box",
    [
        upright(500, -160, 760, -100),  # 23 % are visible
        upright(760, -160, 762, -100),  # 3.3 px wide
    ],
)
def test_what_hardly_shows_is_neither_demanded_nor_punished(jet_box: JetBox) -> None:
    shown = visible_box(jet_box, WCS)
    assert shown is not None
    assert shown.ignored


def test_the_least_side_goes_by_the_size_of_the_picture() -> None:
    small = replace(WCS, width=150, height=150, scale=Pair(2.4, 2.4))
    shown = visible_box(upright(760, -160, 763, -100), small)
    assert shown is not None
    assert not shown.ignored, "1.25 px of 150 are 5 px of 600"


@pytest.mark.parametrize(
    "jet_box",
    [
        upright(500, -160, 690, -100),
        # Its enclosing box reaches into the picture's lower left corner, it does not.
        box((640, -350), (630, -360), (740, -470), (750, -460)),
    ],
)
def test_a_box_outside_is_none(jet_box: JetBox) -> None:
    assert visible_box(jet_box, WCS) is None
