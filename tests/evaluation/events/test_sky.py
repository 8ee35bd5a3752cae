"""Boxes of pictures on the sky, against the full coordinate system."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.events.sky import read_sky

WCS = {
    "width": 200,
    "height": 100,
    "crpix": [100.5, 50.5],
    "crval": [900.0, -300.0],
    "cdelt": [0.6, 0.6],
    "pc": [1.0, 0.0, 0.0, 1.0],
}


def truth_of(*systems):
    return {"images": [{"id": n, "wcs": wcs} for n, wcs in enumerate(systems, start=1)]}


def test_north_is_up_and_west_is_right():
    sky = read_sky(truth_of(WCS))
    boxes = np.array([[0, 0, 200, 100], [100, 50, 101, 52.0]])
    placed = sky.boxes(boxes, np.zeros(2, dtype=np.int64))
    assert placed == pytest.approx(np.array([[840, -330, 960, -270], [900, -301.2, 900.6, -300]]))


def test_pictures_without_a_place_and_the_order_of_ids():
    other = {**WCS, "crval": [0.0, 0.0]}
    truth = {"images": [{"id": 9, "wcs": WCS}, {"id": 4}, {"id": 2, "wcs": other}]}
    sky = read_sky(truth)
    assert sky.corner[0] == pytest.approx([-60, 30])
    assert np.isnan(sky.corner[1]).all()
    assert sky.corner[2] == pytest.approx([840, -270])
    assert read_sky({"images": [{"id": 1}]}) is None


@pytest.mark.parametrize(
    "change",
    [
        {},
        # The full disk: 1737″ from the centre to the corner.
        {"crval": [0.0, 0.0], "crpix": [512.5, 512.5]}
        | {"width": 1024, "height": 1024, "cdelt": [2.4, 2.4]},
        {"pc": [0.9962, -0.0872, 0.0872, 0.9962]},
        {"crpix": [-700.3, 2000.7]},
    ],
)
def test_equals_the_gnomonic_projection_within_a_twentieth_of_an_arcsec(change):
    wcs = pytest.importorskip("astropy.wcs").WCS(naxis=2)
    values = {**WCS, **change}
    wcs.wcs.ctype = ["HPLN-TAN", "HPLT-TAN"]
    wcs.wcs.cunit = ["arcsec", "arcsec"]
    wcs.wcs.crpix, wcs.wcs.crval = values["crpix"], values["crval"]
    wcs.wcs.cdelt, wcs.wcs.pc = values["cdelt"], np.reshape(values["pc"], (2, 2))
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 0.8, (50, 2)) * [values["width"], values["height"]]
    boxes = np.concatenate([low, low + rng.uniform(5, 20, (50, 2))], axis=1)
    corners = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]].reshape(-1, 2)
    # Pixel centres are whole numbers there, and rows count from below.
    expected = (
        wcs.wcs_pix2world(
            np.stack([corners[:, 0] - 0.5, values["height"] - corners[:, 1] - 0.5], axis=1), 0
        )
        * 3600
    )
    expected = ((expected + 180 * 3600) % (360 * 3600) - 180 * 3600).reshape(-1, 4, 2)
    wanted = np.concatenate([expected.min(axis=1), expected.max(axis=1)], axis=1)
    placed = read_sky(truth_of(values)).boxes(boxes, np.zeros(50, dtype=np.int64))
    assert np.abs(placed - wanted).max() < 0.05


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"crpix": [1.0]}, "2 numbers as 'crpix'"),
        ({"cdelt": ["a", 1]}, "2 numbers as 'cdelt'"),
        ({"height": None}, "a number as 'height'"),
        ({"crval": [1.0, float("nan")]}, "2 numbers as 'crval'"),
        ({"pc": [1, 1, 1, 1]}, "span no area"),
    ],
)
def test_a_broken_system_is_named(change, message):
    with pytest.raises(ValueError, match=f"image 1.*{message}"):
        read_sky(truth_of({**WCS, **change}))
    with pytest.raises(ValueError, match="image 1: expected a number as 'height'"):
        read_sky(truth_of("HPLN-TAN"))
