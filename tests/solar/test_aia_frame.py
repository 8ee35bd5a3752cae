"""Reading one file: rates, gaps, time, and everything that a file can be instead."""

from __future__ import annotations

import contextlib
import gzip
import pickle
from datetime import timedelta

import numpy as np
import pytest
from astropy.io import fits

from solar.aia_frame import AIAFrame, Region, read_aia
from solar.frame_error import FrameError


def reason_of(path, **options) -> str:
    with pytest.raises(FrameError) as caught:
        read_aia(path, **options)
    assert path.name in str(caught.value)
    return caught.value.reason


def test_counts_become_rates_and_keep_their_rows(write_aia, counts):
    frame = read_aia(write_aia())
    assert isinstance(frame, AIAFrame)
    assert frame.rate.dtype == np.float32
    np.testing.assert_allclose(frame.rate, counts / 2.9, rtol=1e-6)
    assert frame.normalised_by_us
    assert not frame.saturated.any()
    assert (frame.wavelength, frame.exposure, frame.quality) == (304, 2.9, 0)


@pytest.mark.parametrize("unit", ["DN/s", "DN / s", "DN s-1", "ct / s", "DN / (pix s)"])
def test_rates_are_not_divided_again(write_aia, counts, unit):
    frame = read_aia(write_aia(data=(counts / 2.9).astype(np.float32), BUNIT=unit))
    np.testing.assert_allclose(frame.rate, counts / 2.9, rtol=1e-6)
    assert not frame.normalised_by_us


def test_what_sunpy_normalised_is_not_divided_again(write_aia, tmp_path):
    import sunpy.map

    whole = sunpy.map.Map(write_aia())
    (whole / whole.exposure_time).save(tmp_path / "rates.fits")
    again = read_aia(tmp_path / "rates.fits")
    np.testing.assert_allclose(again.rate, read_aia(write_aia("counts.fits")).rate, rtol=1e-5)
    assert again.exposure == 2.9


def test_compressed_and_gzipped_files_read_alike(write_aia, counts):
    plain = write_aia()
    packed = plain.with_name("frame.fits.gz")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    for path in (write_aia("rice.fits", compressed=True), packed):
        np.testing.assert_array_equal(read_aia(path).rate, read_aia(plain).rate)


def test_middle_and_start_of_the_exposure(write_aia):
    frame = read_aia(write_aia())
    assert frame.time - frame.start == timedelta(seconds=1.45)
    assert frame.wcs.time == frame.time
    without = read_aia(write_aia("no_start.fits", **{"DATE-OBS": None}))
    assert (without.time, without.start) == (frame.time, frame.start)


def test_tai_is_turned_into_utc(write_aia):
    utc = read_aia(write_aia())
    tai = read_aia(write_aia("tai.fits", T_OBS="2013.10.28_01:00:36.450_TAI"))
    assert tai.time == utc.time
    stated = {"TIMESYS": "TAI", "T_OBS": "2013-10-28T01:00:36.450"}
    stated["DATE-OBS"] = "2013-10-28T01:00:35.000"
    assert read_aia(write_aia("timesys.fits", **stated)).start == utc.start


def test_second_sixty_is_the_next_minute(write_aia):
    path = write_aia(T_OBS="2013-10-28T00:59:60.50Z", **{"DATE-OBS": None})
    assert read_aia(path).time.isoformat() == "2013-10-28T01:00:00.500000+00:00"


def test_missing_and_full_pixels_are_marked(write_aia, counts):
    counts[3, 4] = 16383
    counts[5, 6] = -32768  # JSOC's mark, also where BLANK is forgotten
    for path in (write_aia(), write_aia("blank.fits", BLANK=-32768)):
        frame = read_aia(path)
        assert np.argwhere(frame.saturated).tolist() == [[3, 4]]
        assert np.argwhere(np.isnan(frame.rate)).tolist() == [[5, 6]]


def test_saturation_of_rates_is_found_by_their_exposure(write_aia, counts):
    data = (counts / 2.9).astype(np.float32)
    data[3, 4] = 16383.5 / 2.9
    frame = read_aia(write_aia(data=data, BUNIT="DN/s"))
    assert np.argwhere(frame.saturated).tolist() == [[3, 4]]


def test_a_block_of_nan_is_kept_and_marked(write_aia, counts):
    data = counts.astype(np.float32)
    data[10:20, 10:30] = np.nan
    data[0, 0] = np.inf
    frame = read_aia(write_aia(data=data))
    assert np.isnan(frame.rate).sum() == 201
    assert np.isnan(frame.rate[10:20, 10:30]).all()


def test_a_region_is_read_with_its_place(write_aia, counts):
    path = write_aia(compressed=True)
    whole = read_aia(path)
    (left, bottom), (right, top) = whole.wcs.to_arcsec(np.array([[20.4, 29.6], [38.6, 12.4]]))
    part = read_aia(path, region=Region(left, bottom, right, top))
    # Four pixels of margin; the picture's rows 12..30 are rows 10..28 from the south.
    np.testing.assert_array_equal(part.rate, whole.rate[6:32, 16:43])
    there = np.array([[left, top]])
    np.testing.assert_allclose(part.wcs.to_pixels(there), whole.wcs.to_pixels(there) - [16, 8])


def test_a_region_elsewhere_is_refused(write_aia):
    assert reason_of(write_aia(), region=Region(-500, 0, -400, 100)) == "field"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>403 Forbidden</html>", "html"),
        (b"\n <html>", "html"),
        (b"GIF89a" * 100, "not_fits"),
        (b"\x1f\x8b" + b"\x00" * 30, "truncated"),
        (b"SIMPLE  =" + b" " * 700, "truncated"),
    ],
)
def test_files_that_are_no_fits(tmp_path, content, reason):
    path = tmp_path / "frame.fits"
    path.write_bytes(content)
    assert reason_of(path) == reason


@pytest.mark.parametrize("compressed", [False, True])
def test_truncated_files(write_aia, compressed):
    whole = write_aia(compressed=compressed, data=np.ones((400, 500), np.int16)).read_bytes()
    for part in (0.2, 0.5, 0.9):
        cut = write_aia(f"{part}.fits", compressed=compressed)
        cut.write_bytes(whole[: int(len(whole) * part)])
        assert reason_of(cut) in {"truncated", "no_image"}


def test_truncated_gzip(write_aia):
    packed = gzip.compress(write_aia().read_bytes())
    path = write_aia("cut.fits.gz")
    path.write_bytes(packed[: len(packed) // 2])
    assert reason_of(path) == "truncated"


def test_bytes_lost_in_the_middle(write_aia):
    noise = np.random.default_rng(1).integers(0, 999, (90, 90)).astype(np.int16)
    path = write_aia(compressed=True, data=noise)
    content = bytearray(path.read_bytes())
    content[-9000:-3000] = bytes(6000)
    path.write_bytes(content)
    assert reason_of(path) in {"corrupt", "no_image"}


def test_a_file_without_a_picture(tmp_path):
    path = tmp_path / "frame.fits"
    fits.PrimaryHDU().writeto(path)
    assert reason_of(path) == "no_image"
    with pytest.raises(FileNotFoundError):
        read_aia(tmp_path / "none.fits")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"INSTRUME": "HMI_SIDE1"}, "not_aia"),
        ({"INSTRUME": None}, "not_aia"),
        ({"WAVELNTH": 171}, "wavelength"),
        ({"WAVELNTH": None}, "wavelength"),
        ({"WAVELNTH": "304 A"}, "header"),
        ({"CTYPE1": None, "CTYPE2": None}, "no_wcs"),
        ({"EXPTIME": 0.0}, "exposure"),
        ({"EXPTIME": None}, "exposure"),
        ({"PIXLUNIT": "K"}, "unit"),
        ({"PIXLUNIT": "DN/min"}, "unit"),
        ({"PIXLUNIT": "no unit"}, "unit"),
        ({"T_OBS": "-4712-01-01_12:00:00"}, "time"),
        ({"T_OBS": "1977-01-01T00:00:00"}, "time"),
        ({"T_OBS": "2013-13-41T00:00:00"}, "time"),
        ({"T_OBS": "2013-10-28T05:00:00"}, "time"),
        ({"QUALITY": 1 << 13}, "quality"),
    ],
)
def test_headers_that_give_no_frame(write_aia, change, reason):
    assert reason_of(write_aia(**change)) == reason


def test_other_wavelengths_on_request(write_aia):
    path = write_aia(WAVELNTH=171)
    assert read_aia(path, wavelengths=(171, 304)).wavelength == 171


def test_mostly_unmeasured_frames_are_refused(write_aia, counts):
    data = counts.astype(np.float32)
    data[:20] = np.nan
    assert reason_of(write_aia(data=data)) == "nan"


def test_a_value_that_is_none(write_aia):
    path = write_aia()
    content = path.read_bytes()
    card = content[content.index(b"EXPTIME") :][:80]
    path.write_bytes(content.replace(card, b"EXPTIME = 2.9.9 [".ljust(80)))
    assert reason_of(path) == "header"


@pytest.mark.parametrize("value", ["ZTILE1  = 1E400", "ZNAME2  = 16"])
def test_a_header_that_makes_astropy_stumble(write_aia, value):
    path = write_aia(compressed=True)
    content = path.read_bytes()
    place = content.index(value[:9].encode())
    path.write_bytes(content[:place] + value.ljust(80).encode() + content[place + 80 :])
    assert reason_of(path) == "truncated"


@pytest.mark.parametrize("compressed", [False, True])
def test_random_damage_gives_a_frame_or_says_why_not(write_aia, compressed):
    whole = write_aia(compressed=compressed).read_bytes()
    rng = np.random.default_rng(5)
    path = write_aia("damaged.fits")
    for _ in range(60):
        content = bytearray(whole)
        for place in rng.integers(0, len(content), 5):
            content[place] = rng.integers(32, 127)
        path.write_bytes(content)
        with contextlib.suppress(FrameError):
            assert np.isfinite(read_aia(path).rate).mean() >= 0.75


def test_the_reason_survives_another_process(write_aia):
    with pytest.raises(FrameError) as caught:
        read_aia(write_aia(WAVELNTH=171))
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.reason, str(again)) == ("wavelength", str(caught.value))
