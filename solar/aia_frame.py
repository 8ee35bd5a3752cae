"""One FITS file of SDO/AIA -> intensities in DN/s with their place, time and gaps."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from solar.degradation import DegradationTable
from solar.fits_image import open_image, read_pixels
from solar.frame_error import FrameError
from solar.frame_wcs import FrameWCS
from solar.header_values import number, text, utc_time
from solar.quality import check_quality

SATURATED = 16383  # DN, all bits of the camera
LEAST_MEASURED = 0.75  # of the pixels; the worst bit of QUALITY stands for a quarter missing
AUTOMATIC_EXPOSURE = 2  # AECTYPE of a frame that flare light made shorter
MARGIN = 4  # pixels around a region, for the interpolation that follows
LONGEST_HALF_EXPOSURE = timedelta(seconds=60)
COUNTS = (u.DN, u.DN / u.pix, u.ct, u.ct / u.pix)


class Region(NamedTuple):
    """A rectangle on the sky in helioprojective arcsec."""

    left: float
    bottom: float
    right: float
    top: float


@dataclass(frozen=True)
class FrameFacts:
    """What is known of a frame without its pixels.

    Attributes:
        source: The file.
        wavelength: In Å.
        time: Middle of the exposure (T_OBS), aware, UTC; that of the coordinates.
        start: Of the exposure (DATE-OBS), aware, UTC.
        exposure: In s; NaN where unknown, which only rates allow.
        automatic_exposure: Whether flare light shortened it.
        quality: The QUALITY word.
        percent: Of the data that arrived (PERCENTD); 100 where the header does not say.
        normalised_by_us: Whether the file held DN, divided here by `exposure`; false where it
            held rates already.
        throughput: What the rates were divided by for degradation; 1 without a table.
        wcs: Where the array lies.
    """

    source: Path
    wavelength: int
    time: datetime
    start: datetime
    exposure: float
    automatic_exposure: bool
    quality: int
    percent: float
    normalised_by_us: bool
    throughput: float
    wcs: FrameWCS


@dataclass(frozen=True)
class AIAFrame(FrameFacts):
    """A frame with its pixels.

    Attributes:
        rate: float32 [H, W], DN/s; row 0 at the bottom, as in FITS; NaN where nothing is measured.
        saturated: bool [H, W], true where the camera was full.
    """

    rate: NDArray[np.float32]
    saturated: NDArray[np.bool_]

    def facts(self) -> FrameFacts:
        """The same without the pixels."""
        return FrameFacts(**{field.name: getattr(self, field.name) for field in fields(FrameFacts)})


def read_aia(
    path: Path,
    wavelengths: Collection[int] = (304,),
    region: Region | None = None,
    degradation: DegradationTable | None = None,
) -> AIAFrame:
    """Read, check and normalise one frame.

    Args:
        path: FITS file, level 1 or 1.5, full disk or part of it, compressed or not.
        wavelengths: Those that are wanted, in Å.
        region: Read no more than this part and a few pixels around it; everything by default.
        degradation: Corrects for lost throughput; no correction by default.

    Raises:
        FileNotFoundError: if there is no such file.
        FrameError: if the file gives no such frame; `reason` tells why.
    """
    path = Path(path)
    with open_image(path) as hdu:
        header = hdu.header
        wavelength = _wavelength(header, path, wavelengths)
        quality = check_quality(header, path)
        wcs = FrameWCS.from_header(header, path)
        exposure = number(header, "EXPTIME", path)
        divisor = _divisor(header, exposure, path)
        window, wcs = _window(wcs, region, path)
        pixels = read_pixels(hdu, path, window)
    _check_measured(pixels, path)
    throughput = degradation.factor(wavelength, wcs.time) if degradation else 1.0
    percent = number(header, "PERCENTD", path)
    return AIAFrame(
        source=path,
        wavelength=wavelength,
        time=wcs.time,
        start=_start(header, wcs.time, exposure, path),
        exposure=math.nan if exposure is None else exposure,
        automatic_exposure=number(header, "AECTYPE", path) == AUTOMATIC_EXPOSURE,
        quality=quality,
        percent=100.0 if percent is None else percent,
        normalised_by_us=divisor is not None,
        throughput=throughput,
        wcs=wcs,
        rate=pixels / np.float32((divisor or 1.0) * throughput),
        saturated=pixels * (1.0 if divisor else exposure or 1.0) >= SATURATED,
    )


def _wavelength(header: Mapping[str, Any], path: Path, wanted: Collection[int]) -> int:
    instrument = text(header, "INSTRUME", path)
    if not instrument.startswith("AIA"):
        raise FrameError(
            "not_aia", path, f"expected a frame of SDO/AIA, got INSTRUME {instrument or None!r}"
        )
    found = number(header, "WAVELNTH", path)
    if found is None or int(found) != found or int(found) not in wanted:
        told = f"{found:g} Å" if found is not None else "none"
        names = ", ".join(f"{w} Å" for w in wanted)
        raise FrameError(
            "wavelength", path, f"expected {names}, got {told}; ask for other wavelengths by name"
        )
    return int(found)


def _divisor(header: Mapping[str, Any], exposure: float | None, path: Path) -> float | None:
    """What turns the pixels into rates; nothing where they are rates, so that none is twice."""
    stated = text(header, "BUNIT", path) or text(header, "PIXLUNIT", path)
    try:
        unit = u.Unit(stated, format=None) if stated else u.DN
    except ValueError as error:
        raise FrameError("unit", path, f"BUNIT is no unit: {stated!r}") from error
    if any(unit == counts / u.s for counts in COUNTS):
        return None
    if not any(unit == counts for counts in COUNTS):
        raise FrameError("unit", path, f"expected BUNIT 'DN' or 'DN/s', got {stated!r}")
    if exposure is None or not exposure > 0:
        raise FrameError(
            "exposure", path, f"EXPTIME should be positive to turn DN into DN/s, got {exposure}"
        )
    return exposure


def _start(
    header: Mapping[str, Any], middle: datetime, exposure: float | None, path: Path
) -> datetime:
    """DATE-OBS; half an exposure before the middle where there is none."""
    start = utc_time(header, "DATE-OBS", path)
    if start is None:
        return middle - timedelta(seconds=(exposure or 0) / 2)
    if abs(middle - start) > LONGEST_HALF_EXPOSURE:
        raise FrameError(
            "time", path, f"T_OBS {middle:%FT%T} and DATE-OBS {start:%FT%T} contradict each other"
        )
    return start


def _window(
    wcs: FrameWCS, region: Region | None, path: Path
) -> tuple[tuple[slice, slice] | None, FrameWCS]:
    """The rows and columns that hold the region, and their coordinate system."""
    if region is None:
        return None, wcs
    x0, y0, x1, y1 = region
    corners = wcs.to_pixels(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]))
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    columns = _clipped(left, right, wcs.width)
    rows = _clipped(wcs.height - bottom, wcs.height - top, wcs.height)
    if columns.start >= columns.stop or rows.start >= rows.stop:
        raise FrameError(
            "field", path, f"shows no part of the region {tuple(round(v) for v in region)}″"
        )
    width, height = columns.stop - columns.start, rows.stop - rows.start
    return (rows, columns), wcs.cropped(columns.start, rows.start, width, height)


def _clipped(low: float, high: float, length: int) -> slice:
    return slice(max(0, math.floor(low) - MARGIN), min(length, math.ceil(high) + MARGIN))


def _check_measured(pixels: NDArray[np.float32], path: Path) -> None:
    measured = float(np.isfinite(pixels).mean())
    if measured < LEAST_MEASURED:
        raise FrameError(
            "nan",
            path,
            f"only {measured:.0%} of its pixels are measured, expected {LEAST_MEASURED:.0%} or "
            "more; fetch it without NaN off the limb",
        )
