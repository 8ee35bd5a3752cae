"""Frames like those of JSOC, small and made of numbers that tests choose."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

START = datetime(2013, 10, 28, 1, 0, 0)
EXPOSURE = 2.9


def make_header(seconds: float = 0.0, **changes: Any) -> dict[str, Any]:
    start = START + timedelta(seconds=seconds)
    values = {
        "TELESCOP": "SDO/AIA",
        "INSTRUME": "AIA_4",
        "WAVELNTH": 304,
        "WAVEUNIT": "angstrom",
        "DATE-OBS": start.isoformat(timespec="milliseconds"),
        "T_OBS": (start + timedelta(seconds=EXPOSURE / 2)).isoformat(timespec="milliseconds"),
        "EXPTIME": EXPOSURE,
        "QUALITY": 0,
        "LVL_NUM": 1.0,
        "IMG_TYPE": "LIGHT",
        "PIXLUNIT": "DN",
        "CTYPE1": "HPLN-TAN",
        "CTYPE2": "HPLT-TAN",
        "CUNIT1": "arcsec",
        "CUNIT2": "arcsec",
        "CRPIX1": -1300.5,
        "CRPIX2": 400.25,
        "CRVAL1": 0.0,
        "CRVAL2": 0.0,
        "CDELT1": 0.6,
        "CDELT2": 0.6,
        "CROTA2": 0.0,
        "HGLN_OBS": 0.0,
        "HGLT_OBS": 4.7,
        "DSUN_OBS": 1.486e11,
        "RSUN_REF": 6.96e8,
    }
    values.update(changes)
    return {key: value for key, value in values.items() if value is not None}


@pytest.fixture
def aia_header() -> Callable[..., dict[str, Any]]:
    """Header of a frame `seconds` after the first; a change of None takes a key out."""
    return make_header


@pytest.fixture
def counts() -> np.ndarray:
    """int16 [40, 50], DN of a calm field, every pixel another."""
    return np.random.default_rng(0).integers(40, 90, (40, 50)).astype(np.int16)


@pytest.fixture
def write_aia(tmp_path: Path, counts: np.ndarray) -> Callable[..., Path]:
    """Write a frame and return its path; row 0 of `data` is the southernmost."""

    def write(
        name: str = "frame.fits",
        seconds: float = 0.0,
        data: np.ndarray | None = None,
        compressed: bool = False,
        **changes: Any,
    ) -> Path:
        data = counts if data is None else data
        header = fits.Header(list(make_header(seconds, **changes).items()))
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if compressed:
            picture = fits.CompImageHDU(data, header, compression_type="RICE_1")
            fits.HDUList([fits.PrimaryHDU(), picture]).writeto(path)
        else:
            fits.PrimaryHDU(data, header).writeto(path)
        return path

    return write


@pytest.fixture(scope="session")
def real_frames(shared: Path) -> Callable[[int], list[Path]]:
    """The real frames of a wavelength in order of time."""
    return lambda wavelength: sorted(
        (shared / "data" / "solar" / "aia_fits" / f"aia{wavelength}").glob("*.fits")
    )
