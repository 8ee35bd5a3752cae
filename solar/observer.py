"""Where the telescope was."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import astropy.units as u
from astropy.coordinates import CartesianRepresentation, HeliocentricMeanEcliptic, SkyCoord
from astropy.time import Time
from sunpy.coordinates import HeliographicStonyhurst, get_earth

from solar.header_values import number


class Observer(NamedTuple):
    """A place in heliographic Stonyhurst coordinates.

    Attributes:
        longitude: Degrees; 0 towards the earth.
        latitude: Degrees.
        distance: From the sun's centre in m.
    """

    longitude: float
    latitude: float
    distance: float

    @classmethod
    def earth(cls, time: datetime) -> Observer:
        """The earth's centre."""
        place = get_earth(Time(time))
        return cls(float(place.lon.deg), float(place.lat.deg), float(place.radius.to_value(u.m)))

    def apparent_radius(self, radius: float) -> float:
        """What a sphere of `radius` in m around the sun's centre spans, in arcsec."""
        return math.degrees(math.asin(radius / self.distance)) * 3600

    def coordinate(self, time: datetime) -> SkyCoord:
        """The place as sunpy takes it for `observer`."""
        return SkyCoord(
            self.longitude * u.deg,
            self.latitude * u.deg,
            self.distance * u.m,
            frame=HeliographicStonyhurst(obstime=Time(time)),
        )


def observer_of(header: Mapping[str, Any], time: datetime, source: Path | str) -> Observer | None:
    """Read it from a FITS header; nothing where it does not say.

    The ecliptic position comes first, as in sunpy's AIAMap: the Stonyhurst keys of AIA are coarse.

    Args:
        header: With HAEX_OBS, HAEY_OBS, HAEZ_OBS, or HGLN_OBS, HGLT_OBS, DSUN_OBS.
        time: Of the frame.
        source: The file, named in messages.

    Raises:
        FrameError: 'header', if one of them is no number.
    """
    x, y, z = (number(header, f"HAE{axis}_OBS", source) for axis in "XYZ")
    if x and y and z:
        ecliptic = HeliocentricMeanEcliptic(
            CartesianRepresentation(x, y, z, unit=u.m), obstime=Time(time)
        )
        place = ecliptic.transform_to(HeliographicStonyhurst(obstime=Time(time)))
        return _plausible(place.lon.deg, place.lat.deg, place.radius.to_value(u.m))
    longitude, latitude, distance = (
        number(header, key, source) for key in ("HGLN_OBS", "HGLT_OBS", "DSUN_OBS")
    )
    if longitude is None or latitude is None or distance is None:
        return None
    return _plausible(longitude, latitude, distance)


def _plausible(longitude: float, latitude: float, distance: float) -> Observer | None:
    """Nothing for a place that SDO, which circles the earth, cannot have; files in haste have 0."""
    near = 1.4e11 < distance < 1.6e11 and abs(latitude) < 10
    return Observer(float(longitude), float(latitude), float(distance)) if near else None
