"""Values of a FITS header, which anyone may have written, in the types that they should have."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from astropy.io.fits.card import Undefined
from astropy.io.fits.verify import VerifyError
from astropy.time import Time

from solar.frame_error import FrameError

# ISO 8601 as in level 1, or the dotted form of JSOC; `parse_time` would also take 'now'.
_TIME = re.compile(
    r"(\d{4})[-.](\d\d)[-.](\d\d)[T_ ](\d\d):(\d\d):(\d\d(?:\.\d{1,9})?)(Z|_UTC|_TAI)?", re.ASCII
)
FIRST_LIGHT = 2010  # of AIA; JSOC marks unknown times by years long before


def number(header: Mapping[str, Any], key: str, source: Path | str) -> float | None:
    """A finite number, or nothing where the key is missing or blank.

    Args:
        header: FITS header or another mapping of keys.
        key: Its name.
        source: What the message names.

    Raises:
        FrameError: 'header', if the value is no finite number.
    """
    value = _value(header, key, source)
    if value is None or not str(value).strip():
        return None
    # bool is an int to Python, and T is no number to FITS.
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise FrameError("header", source, f"{key} should be a number, got {value!r}")
    return float(value)


def required_number(header: Mapping[str, Any], key: str, source: Path | str) -> float:
    """A finite number that must be there; see `number`.

    Raises:
        FrameError: 'header', also if the key is missing.
    """
    value = number(header, key, source)
    if value is None:
        raise FrameError("header", source, f"the header has no {key}; is it a level 1 file?")
    return value


def text(header: Mapping[str, Any], key: str, source: Path | str) -> str:
    """The value without surrounding blanks; empty where the key is missing or no text.

    Args:
        header: FITS header or another mapping of keys.
        key: Its name.
        source: What the message names.

    Raises:
        FrameError: 'header', if the value cannot be read at all.
    """
    value = _value(header, key, source)
    return value.strip() if isinstance(value, str) else ""


def utc_time(header: Mapping[str, Any], key: str, source: Path | str) -> datetime | None:
    """An aware time in UTC, or nothing where the key is missing or blank.

    Args:
        header: FITS header; its TIMESYS, if TAI, holds for times that name no scale themselves.
        key: 'T_OBS', 'DATE-OBS' or another.
        source: What the message names.

    Raises:
        FrameError: 'time', if the value is no time after AIA's first light.
    """
    value = text(header, key, source)
    if not value:
        return None
    found = _TIME.fullmatch(value)
    if found is None:
        raise FrameError("time", source, f"{key} should be a time in ISO 8601, got {value!r}")
    year, month, day, hour, minute, second, suffix = found.groups()
    zone = suffix or f"_{text(header, 'TIMESYS', source).upper()}"
    try:
        # JSOC rounds up to second 60, which is the next minute except in a leap second.
        start = Time(f"{year}-{month}-{day}T{hour}:{minute}:00", scale=_scale(zone))
        result = start.utc.to_datetime(timezone=UTC) + timedelta(seconds=float(second))
    except (ValueError, OverflowError) as error:
        raise FrameError("time", source, f"{key} is no time: {value!r} ({error})") from error
    if result.year < FIRST_LIGHT or float(second) >= 61:
        raise FrameError(
            "time", source, f"{key} should lie in {FIRST_LIGHT} or later, got {value!r}"
        )
    return result


def _value(header: Mapping[str, Any], key: str, source: Path | str) -> Any:
    try:
        value = header.get(key)
    except VerifyError as error:  # astropy reads a value only when it is asked for
        raise FrameError("header", source, f"{key} is no FITS value: {error}") from error
    return None if isinstance(value, Undefined) else value


def _scale(zone: str) -> str:
    return "tai" if zone == "_TAI" else "utc"
