from __future__ import annotations

import pytest

from solar.frame_error import FrameError
from solar.quality import check_quality, lacks_ancillary_data


@pytest.mark.parametrize("bit", [9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 31])
def test_bits_that_reject(bit):
    with pytest.raises(FrameError) as caught:
        check_quality({"QUALITY": 1 << bit}, "a.fits")
    assert caught.value.reason == "quality"


@pytest.mark.parametrize("bit", [0, 1, 2, 3, 4, 8, 21, 30])
def test_bits_that_do_not(bit):
    assert check_quality({"QUALITY": 1 << bit}, "a.fits") == 1 << bit
    assert lacks_ancillary_data(1 << bit) == (bit < 5)


def test_signed_word_is_read_bit_by_bit():
    with pytest.raises(FrameError, match="not available"):
        check_quality({"QUALITY": -(2**31)}, "a.fits")


def test_no_word_is_no_fault():
    assert check_quality({}, "a.fits") == 0


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ({"PERCENTD": 98.9}, "98.9 %"),
        ({"IMG_TYPE": "DARK"}, "DARK"),
        ({"ACS_ECLP": "YES"}, "eclipse"),
        ({"ACS_SUNP": "NO"}, "not in view"),
        ({"QUALITY": 1 << 13, "ACS_SAFE": "YES"}, "eclipse, safe mode"),
    ],
)
def test_what_else_the_header_tells(header, told):
    with pytest.raises(FrameError, match=told):
        check_quality(header, "a.fits")
