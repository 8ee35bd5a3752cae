"""The keys of a FITS header that place a picture on the sky (Thompson 2006, A&A 449, 791)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from solar.frame_error import FrameError
from solar.header_values import number, text

LARGEST_SIDE = 8192  # pixels; a full disk of AIA has 4096
CD_MATRIX = ("CD1_1", "CD1_2", "CD2_1", "CD2_2")
SMALLEST_PIXEL = 1e-6  # arcsec²


class Pair(NamedTuple):
    """One number along x (towards solar west) and one along y (towards solar north)."""

    x: float
    y: float


def pair_of(header: Mapping[str, Any], key: str, source: Path | str) -> Pair:
    """The values of KEY1 and KEY2.

    Raises:
        FrameError: 'no_wcs', if one is missing; 'header', if one is no number.
    """
    values = [number(header, f"{key}{axis}", source) for axis in (1, 2)]
    if values[0] is None or values[1] is None:
        raise FrameError(
            "no_wcs", source, f"the header lacks {key}1 or {key}2: where the sun is is unknown"
        )
    return Pair(values[0], values[1])


def check_axes(header: Mapping[str, Any], source: Path | str) -> None:
    """Let pass what lies in helioprojective arcsec in the gnomonic projection.

    Raises:
        FrameError: 'no_wcs', if CTYPE or CUNIT say otherwise.
    """
    for axis, kind in ((1, "HPLN-TAN"), (2, "HPLT-TAN")):
        found = text(header, f"CTYPE{axis}", source)
        unit = text(header, f"CUNIT{axis}", source)
        if found != kind or unit != "arcsec":
            raise FrameError(
                "no_wcs",
                source,
                f"expected CTYPE{axis} = {kind!r} in arcsec, got {found or None!r} in "
                f"{unit or None!r}; only helioprojective pictures have places in arcsec",
            )
    # What AIA never writes and nothing here reads must not be passed over.
    pole = number(header, "LONPOLE", source)
    unread = [key for key in CD_MATRIX if number(header, key, source) is not None]
    if unread or pole not in (None, 180.0):
        raise FrameError(
            "no_wcs",
            source,
            f"expected CDELT with PC or CROTA2 and LONPOLE 180, got {unread} and LONPOLE {pole}",
        )


def rotation_of(
    header: Mapping[str, Any], scale: Pair, source: Path | str
) -> tuple[float, float, float, float]:
    """The PC matrix row by row, made of CROTA2 where there is none.

    Args:
        header: FITS header; neither key means no roll.
        scale: CDELT.
        source: The file, named in messages.

    Raises:
        FrameError: 'header', if a value is no number.
    """
    keys = ("PC1_1", "PC1_2", "PC2_1", "PC2_2")
    given = [number(header, key, source) for key in keys]
    if any(value is not None for value in given):
        defaults = (1.0, 0.0, 0.0, 1.0)
        filled = [d if g is None else g for g, d in zip(given, defaults, strict=True)]
        return filled[0], filled[1], filled[2], filled[3]
    roll = math.radians(number(header, "CROTA2", source) or 0.0)
    ratio = scale.y / scale.x if scale.x else math.nan
    return math.cos(roll), -math.sin(roll) * ratio, math.sin(roll) / ratio, math.cos(roll)


def check_linear(
    size: tuple[int, int],
    linear: NDArray[np.float64],
    reference_pixel: Pair,
    source: Path | str,
) -> None:
    """Let pass what maps pixels to the sky and back.

    Args:
        size: (width, height) in pixels.
        linear: [2, 2], arcsec of one pixel along x and y.
        reference_pixel: CRPIX.
        source: The file, named in messages.

    Raises:
        FrameError: 'no_image', if a side is none or too long; 'no_wcs', if the mapping is
            singular, mirrored or not finite.
    """
    if not all(1 <= side <= LARGEST_SIDE for side in size):
        raise FrameError("no_image", source, f"expected sides of 1 to {LARGEST_SIDE}, got {size}")
    finite = np.isfinite(linear).all() and np.isfinite(reference_pixel).all()
    if not finite or np.linalg.det(linear) < SMALLEST_PIXEL:
        raise FrameError(
            "no_wcs",
            source,
            f"CDELT times PC is singular, mirrored or not finite: {linear.tolist()}",
        )
