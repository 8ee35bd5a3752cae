"""Where a picture lies on the sky: pixels <-> helioprojective arcsec of the frame's own observer.

Only the gnomonic projection and the linear part of the header are used (Thompson 2006, A&A 449,
791), so that a place off the limb is as good as any other: nothing here knows the sun's surface.
Pictures are stored with the top row first, FITS arrays with the bottom row first; this file and
`solar.picture` are the two that know of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.time import Time
from astropy.wcs import WCS
from numpy.typing import NDArray
from sunpy.coordinates import Helioprojective

from solar.frame_error import FrameError
from solar.header_values import number, utc_time
from solar.observer import Observer, observer_of
from solar.wcs_keys import Pair, check_axes, check_linear, pair_of, rotation_of

ARCSEC = 3600.0  # in a degree
RADIUS_OF_THE_SUN = 695.7e6  # m, IAU 2015 resolution B3


@dataclass(frozen=True)
class FrameWCS:
    """The world coordinate system of one picture.

    Attributes:
        width: Of the picture in pixels.
        height: Of the picture in pixels.
        reference_pixel: CRPIX: FITS pixels, the centre of the lower left one is (1, 1).
        reference_arcsec: CRVAL: helioprojective Tx, Ty of that pixel.
        scale: CDELT: arcsec a pixel.
        rotation: PC matrix, row by row: (PC1_1, PC1_2, PC2_1, PC2_2); (1, 0, 0, 1) without roll.
        time: Of the coordinates (T_OBS), aware, UTC.
        observer: Where the telescope was; the earth's centre where the header does not say.
        radius: Of the sun in m (RSUN_REF).
    """

    width: int
    height: int
    reference_pixel: Pair
    reference_arcsec: Pair
    scale: Pair
    rotation: tuple[float, float, float, float]
    time: datetime
    observer: Observer | None = None
    radius: float = RADIUS_OF_THE_SUN

    @classmethod
    def from_header(cls, header: Mapping[str, Any], source: Path | str = "header") -> FrameWCS:
        """Read it from a FITS header.

        Args:
            header: With NAXIS1, NAXIS2, CTYPE, CUNIT, CRPIX, CRVAL, CDELT, PC or CROTA2, T_OBS or
                DATE-OBS.
            source: The file, named in messages.

        Raises:
            FrameError: 'no_wcs', if keys are missing or of another projection; 'time'; 'header'.
        """
        check_axes(header, source)
        time = utc_time(header, "T_OBS", source) or utc_time(header, "DATE-OBS", source)
        if time is None:
            raise FrameError("time", source, "the header has neither T_OBS nor DATE-OBS")
        scale = pair_of(header, "CDELT", source)
        width, height = (int(side) for side in pair_of(header, "NAXIS", source))
        result = cls(
            width=width,
            height=height,
            reference_pixel=pair_of(header, "CRPIX", source),
            reference_arcsec=pair_of(header, "CRVAL", source),
            scale=scale,
            rotation=rotation_of(header, scale, source),
            time=time,
            observer=observer_of(header, time, source),
            radius=number(header, "RSUN_REF", source) or RADIUS_OF_THE_SUN,
        )
        check_linear(result.size, result.linear, result.reference_pixel, source)
        return result

    @classmethod
    def from_json(cls, values: Mapping[str, Any], source: Path | str = "wcs") -> FrameWCS:
        """Read what `as_json` wrote; see there.

        Raises:
            FrameError: 'no_wcs', if a key is missing or its value is not as it should be.
        """
        try:
            observer = values["observer"]
            a, b, c, d = map(float, values["pc"])
            time = datetime.fromisoformat(values["time"])
            if time.tzinfo is None:
                raise ValueError(f"time {values['time']!r} names no zone; end it in Z")
            result = cls(
                width=int(values["width"]),
                height=int(values["height"]),
                reference_pixel=Pair(*map(float, values["crpix"])),
                reference_arcsec=Pair(*map(float, values["crval"])),
                scale=Pair(*map(float, values["cdelt"])),
                rotation=(a, b, c, d),
                time=time.astimezone(UTC),
                observer=None if observer is None else Observer(*map(float, observer)),
                radius=float(values["radius"]),
            )
            check_linear(result.size, result.linear, result.reference_pixel, source)
            return result
        except FrameError:
            raise
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise FrameError(
                "no_wcs",
                source,
                f"no coordinate system as FrameWCS.as_json writes it: {error!r}; prepare it again",
            ) from error

    def as_json(self) -> dict[str, Any]:
        """Plain values: numbers, lists and a time in ISO 8601; keys named after the FITS keys.

        `observer` is [Stonyhurst longitude, latitude in degrees, distance in m], or null.
        """
        return {
            "width": self.width,
            "height": self.height,
            "crpix": list(self.reference_pixel),
            "crval": list(self.reference_arcsec),
            "cdelt": list(self.scale),
            "pc": list(self.rotation),
            "time": self.time.isoformat().replace("+00:00", "Z"),
            "observer": None if self.observer is None else list(self.observer),
            "radius": self.radius,
        }

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.width, self.height

    @property
    def pixel_side(self) -> float:
        """Of a square of a pixel's area, in arcsec."""
        return math.sqrt(np.linalg.det(self.linear))

    @property
    def solar_radius(self) -> float:
        """Of the limb as the observer sees it, in arcsec."""
        return self.observer_or_earth.apparent_radius(self.radius)

    @cached_property
    def observer_or_earth(self) -> Observer:
        """The observer; the earth's centre at this time where the header named none."""
        return self.observer or Observer.earth(self.time)

    def coordinate_frame(self) -> Helioprojective:
        """The frame as sunpy takes it for `SkyCoord`, with this observer and time."""
        return Helioprojective(
            obstime=Time(self.time),
            observer=self.observer_or_earth.coordinate(self.time),
            rsun=self.radius * u.m,
        )

    def to_pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places on the sky -> places in the picture.

        Args:
            points: [N, 2], Tx and Ty in arcsec.

        Returns:
            float64 [N, 2], x and y; (0, 0) is the upper left corner of the picture, (0.5, 0.5)
            the centre of its first pixel. Outside the picture for places outside the field.

        Raises:
            ValueError: if `points` is of another shape, not finite, or 90° away or more.
        """
        sky = _points(points) / ARCSEC
        x, y = self._projection.wcs_world2pix(sky, 0).T
        return _points(np.stack([x + 0.5, self.height - (y + 0.5)], axis=1))

    def to_arcsec(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places in the picture -> places on the sky; the inverse of `to_pixels`.

        Args:
            points: [N, 2], x and y as `to_pixels` gives them.

        Returns:
            float64 [N, 2], Tx and Ty in arcsec.

        Raises:
            ValueError: if `points` is of another shape or not finite.
        """
        x, y = _points(points).T
        pixels = np.stack([x - 0.5, self.height - y - 0.5], axis=1)
        degrees = self._projection.wcs_pix2world(pixels, 0)
        return np.stack([(degrees[:, 0] + 180) % 360 - 180, degrees[:, 1]], axis=1) * ARCSEC

    def cropped(self, left: int, bottom: int, width: int, height: int) -> FrameWCS:
        """The system of a part of the array; `left` and `bottom` count FITS columns and rows."""
        x, y = self.reference_pixel
        return replace(self, width=width, height=height, reference_pixel=Pair(x - left, y - bottom))

    def corners_arcsec(self) -> NDArray[np.float64]:
        """float64 [4, 2]: the corners of the picture from the upper left one, clockwise."""
        w, h = self.size
        return self.to_arcsec(np.array([[0, 0], [w, 0], [w, h], [0, h]], dtype=np.float64))

    @property
    def linear(self) -> NDArray[np.float64]:
        """[2, 2]: arcsec along x and y of one pixel along x and along y."""
        return np.reshape(self.rotation, (2, 2)) * np.reshape(self.scale, (2, 1))

    @cached_property
    def _projection(self) -> WCS:
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = ["HPLN-TAN", "HPLT-TAN"]
        wcs.wcs.cunit = ["arcsec", "arcsec"]
        wcs.wcs.crpix = self.reference_pixel
        wcs.wcs.crval = self.reference_arcsec
        wcs.wcs.cdelt = self.scale
        wcs.wcs.pc = np.reshape(self.rotation, (2, 2))
        wcs.wcs.set()
        return wcs


def _points(points: NDArray[np.float64]) -> NDArray[np.float64]:
    result = np.asarray(points, dtype=np.float64)
    if result.ndim != 2 or result.shape[1] != 2:
        raise ValueError(f"expected points of shape [N, 2], got {list(result.shape)}")
    if not np.isfinite(result).all():
        raise ValueError(f"{int((~np.isfinite(result)).any(axis=1).sum())} points are not finite")
    return result
