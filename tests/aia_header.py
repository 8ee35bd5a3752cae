"""The header of a frame of SDO/AIA, for tests that write their own."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

START = datetime(2013, 10, 28, 1, 0, 0)
EXPOSURE = 2.9


def aia_header(seconds: float = 0.0, **changes: Any) -> dict[str, Any]:
    """Keys of a frame of 304 Å.

    Args:
        seconds: from START to the beginning of the exposure.
        **changes: other values; None takes a key out.
    """
    start = START + timedelta(seconds=seconds)
    middle = start + timedelta(seconds=EXPOSURE / 2)
    values: dict[str, Any] = {
        "TELESCOP": "SDO/AIA",
        "INSTRUME": "AIA_4",
        "WAVELNTH": 304,
        "DATE-OBS": start.isoformat(timespec="milliseconds"),
        "T_OBS": middle.isoformat(timespec="milliseconds"),
        "EXPTIME": EXPOSURE,
        "QUALITY": 0,
        "BUNIT": "DN",
        "CTYPE1": "HPLN-TAN",
        "CTYPE2": "HPLT-TAN",
        "CUNIT1": "arcsec",
        "CUNIT2": "arcsec",
        "CRPIX1": 0.5,
        "CRPIX2": 0.5,
        "CRVAL1": 0.0,
        "CRVAL2": 0.0,
        "CDELT1": 0.6,
        "CDELT2": 0.6,
        "HGLN_OBS": 0.0,
        "HGLT_OBS": 4.7,
        "DSUN_OBS": 1.486e11,
    }
    return {key: value for key, value in (values | changes).items() if value is not None}
