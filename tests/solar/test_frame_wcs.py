"""Places in arcsec against sunpy's own maps, and which way is up."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import astropy.units as u
import numpy as np
import pytest
import sunpy.map
from astropy.coordinates import SkyCoord
from astropy.io import fits

from solar.frame_error import FrameError
from solar.frame_wcs import FrameWCS

SIZE = {"NAXIS1": 50, "NAXIS2": 40}


def sunpy_pixels(picture, points):
    """Places in the picture as sunpy's map has them, turned by hand."""
    sky = SkyCoord(points[:, 0] * u.arcsec, points[:, 1] * u.arcsec, frame=picture.coordinate_frame)
    place = picture.world_to_pixel(sky)
    height = picture.data.shape[0]
    return np.stack([place.x.value + 0.5, height - (place.y.value + 0.5)], axis=1)


@pytest.mark.parametrize("wavelength", [171, 193, 304])
def test_real_frames_agree_with_sunpy_within_a_hundredth_of_a_pixel(real_frames, wavelength):
    rng = np.random.default_rng(wavelength)
    for path in real_frames(wavelength)[::12]:
        with fits.open(path) as hdus:
            wcs = FrameWCS.from_header(hdus[1].header, path)
        corners = wcs.corners_arcsec()
        # Also far off the limb, where a map of another observer has NaN.
        points = rng.uniform(corners.min(axis=0) - 300, corners.max(axis=0) + 300, (50, 2))
        expected = sunpy_pixels(sunpy.map.Map(path), points)
        ours = wcs.to_pixels(points)
        assert np.abs(ours - expected).max() < 1e-6
        assert np.abs(wcs.to_arcsec(ours) - points).max() < 1e-6  # arcsec; 0.01 px is 6e-3
        assert np.abs(wcs.to_pixels(wcs.to_arcsec(ours)) - ours).max() < 0.01


@pytest.mark.parametrize("roll", [0.0, 0.14, 5.0, -90.0, 180.0])
@pytest.mark.parametrize("by_matrix", [False, True])
def test_rolled_headers_agree_with_sunpy(aia_header, counts, roll, by_matrix):
    header = aia_header(CROTA2=None if by_matrix else roll, **SIZE)
    if by_matrix:
        c, s = np.cos(np.radians(roll)), np.sin(np.radians(roll))
        header |= {"PC1_1": c, "PC1_2": -s, "PC2_1": s, "PC2_2": c}
    points = np.array([[800.0, -250.0], [900.0, -200.0], [1100.0, -300.0]])
    expected = sunpy_pixels(sunpy.map.Map(counts, header), points)
    assert np.abs(FrameWCS.from_header(header).to_pixels(points) - expected).max() < 1e-6


def test_north_is_nearer_the_top_and_west_nearer_the_right(aia_header):
    wcs = FrameWCS.from_header(aia_header(**SIZE))
    centre = wcs.to_arcsec(np.array([[25.0, 20.0]]))
    (x, y), (north_x, north_y), (west_x, west_y) = wcs.to_pixels(
        centre + np.array([[0, 0], [0, 6.0], [6.0, 0]])
    )
    assert (north_x, north_y) == pytest.approx((x, y - 10), abs=1e-3)
    assert (west_x, west_y) == pytest.approx((x + 10, y), abs=1e-3)


def test_reference_pixel_is_counted_from_one_at_pixel_centres(aia_header):
    header = aia_header(CRPIX1=1.0, CRPIX2=1.0, CRVAL1=700.0, CRVAL2=-300.0, **SIZE)
    place = FrameWCS.from_header(header).to_pixels(np.array([[700.0, -300.0]]))
    # The centre of the lower left pixel.
    np.testing.assert_allclose(place, [[0.5, 39.5]], atol=1e-9)


def test_east_of_the_centre_is_negative(aia_header):
    wcs = FrameWCS.from_header(aia_header(CRPIX1=1400.0, **SIZE))
    corners = wcs.corners_arcsec()
    assert (corners[:, 0] < -700).all()
    expected = [[0, 0], [50, 0], [50, 40], [0, 40]]
    np.testing.assert_allclose(wcs.to_pixels(corners), expected, atol=1e-8)


def test_json_gives_back_the_same_system(aia_header):
    wcs = FrameWCS.from_header(aia_header(CROTA2=0.14, **SIZE))
    assert FrameWCS.from_json(json.loads(json.dumps(wcs.as_json()))) == wcs


@pytest.mark.parametrize(
    "change",
    [
        {"width": 0},
        {"width": "many"},
        {"crpix": [1.0]},
        {"crpix": None},
        {"cdelt": [0.0, 0.6]},
        {"cdelt": [float("nan"), 0.6]},
        {"pc": [1, 0, 0, -1]},
        {"time": "2013-10-28T01:00:00"},
        {"time": 3},
        {"observer": [0.0, 1.0]},
    ],
)
def test_broken_json_is_refused(aia_header, change):
    values = FrameWCS.from_header(aia_header(**SIZE)).as_json() | change
    with pytest.raises(FrameError):
        FrameWCS.from_json(values)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"CTYPE1": None}, "no_wcs"),
        ({"CTYPE1": "RA---TAN"}, "no_wcs"),
        ({"CUNIT2": "deg"}, "no_wcs"),
        ({"CRPIX2": None}, "no_wcs"),
        ({"CDELT1": 0.0}, "no_wcs"),
        ({"CDELT1": -0.6}, "no_wcs"),
        ({"CD1_1": 0.6}, "no_wcs"),
        ({"LONPOLE": 0.0}, "no_wcs"),
        ({"CRVAL1": "here"}, "header"),
        ({"CROTA2": True}, "header"),
        ({"NAXIS1": 100000}, "no_image"),
        ({"T_OBS": None, "DATE-OBS": None}, "time"),
        ({"T_OBS": "now"}, "time"),
    ],
)
def test_headers_without_a_place_are_refused(aia_header, change, reason):
    with pytest.raises(FrameError) as caught:
        FrameWCS.from_header(aia_header(**(SIZE | change)), "there.fits")
    assert caught.value.reason == reason
    assert str(caught.value).startswith("there.fits: ")


def test_time_is_the_middle_of_the_exposure_as_in_sunpy(aia_header, counts):
    header = aia_header(**SIZE)
    wcs = FrameWCS.from_header(header)
    assert wcs.time == datetime(2013, 10, 28, 1, 0, 1, 450000, tzinfo=UTC)
    assert sunpy.map.Map(counts, header).reference_date.to_datetime(timezone=UTC) == wcs.time


def test_observer_is_that_of_sunpy(real_frames):
    path = real_frames(304)[0]
    with fits.open(path) as hdus:
        wcs = FrameWCS.from_header(hdus[1].header, path)
    frame = sunpy.map.Map(path).coordinate_frame
    ours = wcs.coordinate_frame()
    assert ours.observer.separation_3d(frame.observer).to_value(u.km) < 1
    assert ours.obstime.isot == frame.obstime.isot
    with fits.open(path) as hdus:
        assert wcs.solar_radius == pytest.approx(hdus[1].header["RSUN_OBS"], abs=0.01)


@pytest.mark.parametrize("distance", [None, 0.0])
def test_without_an_observer_the_earth_stands_in(aia_header, distance):
    wcs = FrameWCS.from_header(aia_header(DSUN_OBS=distance, **SIZE))
    assert wcs.observer is None
    assert wcs.solar_radius == pytest.approx(965.5, abs=1.5)  # end of October


@pytest.mark.parametrize("points", [np.zeros(2), np.zeros((3, 3)), np.array([[np.nan, 0.0]])])
def test_points_of_another_form_are_refused(aia_header, points):
    wcs = FrameWCS.from_header(aia_header(**SIZE))
    with pytest.raises(ValueError, match="points"):
        wcs.to_pixels(points)
    with pytest.raises(ValueError, match="points"):
        wcs.to_arcsec(points)
    assert wcs.to_pixels(np.empty((0, 2))).shape == (0, 2)


def test_a_crop_keeps_places(aia_header):
    wcs = FrameWCS.from_header(aia_header(CROTA2=3.0, **SIZE))
    point = wcs.to_arcsec(np.array([[20.0, 15.0]]))
    # Columns 8..27, rows 5..34 from the south: 5 of 40 rows are cut off at the top.
    np.testing.assert_allclose(wcs.cropped(8, 5, 20, 30).to_pixels(point), [[12.0, 10.0]])
