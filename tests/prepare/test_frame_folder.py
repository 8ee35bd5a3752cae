"""Folders of FITS files, listed by their headers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from prepare.frame_folder import ListedFrame, common_region, fits_files, frames_of, list_frames
from solar.aia_frame import Region
from solar.report import Report

START = datetime(2013, 10, 28, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def save(path: Path, seconds: float, **changes: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {
        "WAVELNTH": 304,
        "T_OBS": at(seconds).isoformat().replace("+00:00", "Z"),
        "CTYPE1": "HPLN-TAN",
        "CTYPE2": "HPLT-TAN",
        "CUNIT1": "arcsec",
        "CUNIT2": "arcsec",
        "CRPIX1": 0.5,
        "CRPIX2": 0.5,
        "CRVAL1": 100.0,
        "CRVAL2": 200.0,
        "CDELT1": 0.6,
        "CDELT2": 0.6,
    }
    fits.PrimaryHDU(np.zeros((50, 100), np.int16), fits.Header(header | changes)).writeto(path)


def test_frames_come_in_order_of_time_whatever_their_names(tmp_path: Path) -> None:
    for name, seconds in (("a.fits", 48.0), ("b.fits.gz", 0.0), ("deep/c.FITS", 24.0)):
        save(tmp_path / name, seconds)
    (tmp_path / "note.txt").write_text("no frame")
    report = Report()
    frames = list_frames(fits_files(tmp_path), 304, report)
    assert [frame.path.name for frame in frames] == ["b.fits.gz", "c.FITS", "a.fits"]
    assert frames[0].time == START
    assert frames[0].field == pytest.approx((100, 200, 160, 230), abs=0.01)
    assert (report.files, report.rejected) == (3, [])


def test_what_is_no_frame_is_reported(tmp_path: Path) -> None:
    save(tmp_path / "171.fits", 0, WAVELNTH=171)
    save(tmp_path / "nowhere.fits", 0, CTYPE1="RA---TAN")
    (tmp_path / "page.fits").write_text("<html>403</html>")
    (tmp_path / "empty.fits").write_bytes(b"")
    report = Report()
    assert list_frames(fits_files(tmp_path), 304, report) == []
    assert report.counts() == {"wavelength": 1, "no_wcs": 1, "html": 1, "empty": 1}


def test_folder_without_frames(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected files ending in"):
        fits_files(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        fits_files(tmp_path / "none")


def test_frames_of_a_time_and_place() -> None:
    here, half, away = Region(0, 0, 100, 100), Region(45, 0, 145, 100), Region(60, 0, 160, 100)
    frames = [
        ListedFrame(Path(f"{name}.fits"), at(seconds), field)
        for name, seconds, field in (
            ("early", -1, here), ("half", 0, half), ("here", 0, here), ("away", 24, away),
            ("copy", 24, away), ("other", 48, half), ("twin", 48, half), ("late", 73, here),
        )
    ]  # fmt: skip
    chosen = frames_of(frames, at(0), at(72), Region(0, 0, 100, 100))
    names = [frame.path.stem for frame in chosen]
    assert names == ["here", "other", "twin"], "one field for each moment, all copies of it"
    assert common_region(frames[1:4]) == (45, 0, 145, 100)
