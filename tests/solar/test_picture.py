from __future__ import annotations

import cv2
import numpy as np
import pytest

from solar.aia_frame import read_aia
from solar.intensity import FixedLog
from solar.picture import as_integers, encode_png, render


@pytest.mark.parametrize(("bits", "top"), [(8, 255), (16, 65535)])
def test_north_is_up_and_the_whole_range_is_used(write_aia, bits, top):
    data = np.full((40, 50), np.nan, np.float32)
    data[10:] = 0.8  # the northern three quarters
    data[35, 45] = 250.0
    frame = read_aia(write_aia(data=data, BUNIT="DN/s"))
    picture = render(frame, frame.wcs, FixedLog(), bits)
    assert picture.pixels.dtype == (np.uint8 if bits == 8 else np.uint16)
    assert picture.pixels[4, 45] == top
    assert np.count_nonzero(picture.pixels) == 1
    assert picture.missing[30:].all()
    assert not picture.missing[:30].any()
    # The bright pixel is FITS column 46, row 36, and lies where the header says by hand.
    place = np.array([[(46 + 1300.5) * 0.6, (36 - 400.25) * 0.6]])
    np.testing.assert_allclose(frame.wcs.to_pixels(place), [[45.5, 4.5]], atol=0.03)


@pytest.mark.parametrize("bits", [8, 16])
def test_png_is_lossless(bits):
    values = np.random.default_rng(0).uniform(0, 1, (17, 23)).astype(np.float32)
    pixels = as_integers(values, bits)
    back = cv2.imdecode(np.frombuffer(encode_png(pixels), np.uint8), cv2.IMREAD_UNCHANGED)
    assert back.dtype == pixels.dtype
    np.testing.assert_array_equal(back, pixels)
    assert np.abs(pixels / (2**bits - 1) - values).max() <= 0.5 / (2**bits - 1) + 1e-7


def test_colour_is_no_grey():
    with pytest.raises(ValueError, match="grey"):
        encode_png(np.zeros((4, 4, 3), np.uint8))
