"""Common fields: places keep their arcsec, gaps stay gaps, and a still frame is not touched."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import center_of_mass

from solar.aia_frame import AIAFrame, Region, read_aia
from solar.resampling import common_field, coverage, resample


def spots(wcs, places: np.ndarray) -> np.ndarray:
    """float32 [H, W] in the order of FITS: a Gaussian at each place in arcsec."""
    x, y = np.meshgrid(np.arange(wcs.width) + 0.5, wcs.height - np.arange(wcs.height) - 0.5)
    image = np.zeros(x.shape)
    for px, py in wcs.to_pixels(places):
        image += 1000 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / 8)
    return image.astype(np.float32)


@pytest.fixture
def frame(write_aia) -> AIAFrame:
    return read_aia(write_aia(data=np.zeros((160, 200), np.int16)))


def rolled(frame: AIAFrame, roll: float, shift: float = 0.0) -> AIAFrame:
    """The same field seen by a telescope that is rolled about the field's centre."""
    c, s = np.cos(np.radians(roll)), np.sin(np.radians(roll))
    wcs = frame.wcs
    centre = wcs.to_arcsec(np.array([[wcs.width / 2, wcs.height / 2]]))
    wcs = replace(wcs, rotation=(c, -s, s, c))
    x, y = wcs.to_pixels(centre)[0]
    move = (x - wcs.width / 2 + shift, wcs.height / 2 - y + shift)
    pixel = type(wcs.reference_pixel)(
        wcs.reference_pixel.x - move[0], wcs.reference_pixel.y - move[1]
    )
    return replace(frame, wcs=replace(wcs, reference_pixel=pixel))


@pytest.mark.parametrize("roll", [0.14, 5.0, -37.0, 180.0])
def test_roll_is_removed_and_places_stay(frame, roll):
    seen = rolled(frame, roll, shift=0.4)
    centre = frame.wcs.to_arcsec(np.array([[100.0, 80.0]]))
    place = centre + np.array([[7.3, 14.1]])  # on or off the limb, it does not matter
    seen = replace(seen, rate=spots(seen.wcs, place))
    target = common_field([seen.wcs])
    assert target.rotation == (1, 0, 0, 1)
    rate, _ = resample(seen, target)
    row, column = center_of_mass(np.nan_to_num(rate))
    found = target.to_arcsec(np.array([[column + 0.5, target.height - (row + 0.5)]]))
    assert np.abs(found - place).max() < 0.03  # arcsec, a twentieth of a pixel
    assert rate.shape == (target.height, target.width)


def test_the_field_holds_a_rolled_frame_whole(frame):
    target = common_field([rolled(frame, 5.0).wcs])
    expected = (200 * np.cos(np.radians(5)) + 160 * np.sin(np.radians(5)),
                160 * np.cos(np.radians(5)) + 200 * np.sin(np.radians(5)))  # fmt: skip
    assert target.size == pytest.approx(expected, abs=1)
    assert coverage(frame.wcs, frame.wcs) == 1.0


def test_corners_outside_a_rolled_frame_are_missing(frame):
    seen = replace(rolled(frame, 5.0), rate=np.full((160, 200), 5.0, np.float32))
    rate, saturated = resample(seen, common_field([seen.wcs]))
    assert np.isnan(rate[[0, 0, -1, -1], [0, -1, 0, -1]]).all()
    assert np.nanmin(rate) == pytest.approx(5.0)
    assert np.nanmax(rate) == pytest.approx(5.0)
    assert 0.01 < np.isnan(rate).mean() < 0.25
    assert not saturated.any()


def test_a_small_roll_leaves_no_slivers(frame):
    seen = replace(rolled(frame, 0.14), rate=np.full((160, 200), 5.0, np.float32))
    rate, _ = resample(seen, common_field([seen.wcs]))
    assert np.isfinite(rate).all()


def test_jumps_of_whole_pixels_are_undone(frame):
    wide = np.random.default_rng(1).uniform(1, 50, (160, 200)).astype(np.float32)
    still = replace(frame, rate=wide)
    moved = replace(
        frame,
        rate=np.roll(wide, (1, 2), axis=(0, 1)),
        wcs=frame.wcs.cropped(-2, -1, 200, 160),
    )
    target = common_field([frame.wcs, moved.wcs, frame.wcs])
    assert resample(still, target)[0] is wide  # nothing to do: not interpolated
    again = resample(moved, target)[0]
    np.testing.assert_allclose(again[:-1, :-2], wide[:-1, :-2], atol=0.02)


def test_missing_and_full_pixels_spread_by_one_and_do_not_ring(frame):
    rate = np.full((160, 200), 5.0, np.float32)
    rate[50:60, 70:90] = np.nan
    saturated = np.zeros((160, 200), dtype=bool)
    saturated[100, 100] = True
    seen = replace(frame, rate=rate, saturated=saturated)
    shifted = replace(frame.wcs, reference_pixel=type(frame.wcs.reference_pixel)(-1300.1, 399.85))
    rate, saturated = resample(seen, shifted)
    assert 10 * 20 <= np.isnan(rate).sum() <= 12 * 22
    np.testing.assert_allclose(rate[np.isfinite(rate)], 5.0, rtol=1e-5)
    assert saturated.sum() == 4


def test_one_stray_frame_does_not_move_the_field(frame):
    stray = frame.wcs.cropped(90, 0, 200, 160)
    assert common_field([frame.wcs, stray, frame.wcs]) == common_field([frame.wcs])
    assert coverage(stray, frame.wcs) == pytest.approx(0.55, abs=0.05)


def test_a_region_gives_the_field(frame):
    target = common_field([frame.wcs], Region(800.0, -250.0, 860.0, -220.0))
    assert target.size == (100, 50)
    corners = target.corners_arcsec()
    np.testing.assert_allclose(corners[[0, 2]], [[800, -220], [860, -250]], atol=0.1)


def test_fields_that_are_none(frame):
    with pytest.raises(ValueError, match="at least one frame"):
        common_field([])
    with pytest.raises(ValueError, match="left < right"):
        common_field([frame.wcs], Region(1, 0, 1, 5))
