"""One frame as a sunpy map with axes in arcsec, its limb and the boxes of what was found."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.visualization import ImageNormalize, LogStretch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sunpy.map import Map

from solar.aia_frame import AIAFrame
from solar.intensity import SMALLEST_RANGE
from structures.atomic_file import write_atomically

FITS_TIME = "%Y-%m-%dT%H:%M:%S.%f"
BOX_COLOUR = "#56c8ff"
SIZE = 8.0  # inches
DPI = 110
BRIGHTEST = 99.8  # percentile that becomes white


def write_map(path: Path, frame: AIAFrame, boxes: NDArray[np.float64]) -> None:
    """Write a PNG.

    Args:
        path: Of the PNG; its folder is made if need be.
        frame: What it shows, in DN/s.
        boxes: float64 [N, 4], helioprojective arcsec.
    """
    shown = Map(frame.rate, _header(frame))
    figure = Figure(figsize=(SIZE, SIZE), layout="constrained")
    axes = figure.add_subplot(projection=shown)
    low, high = np.nanpercentile(frame.rate, [1.0, BRIGHTEST]).tolist()
    high = max(high, SMALLEST_RANGE)
    norm = ImageNormalize(vmin=max(low, 1e-3 * high), vmax=high, stretch=LogStretch(), clip=True)
    shown.plot(axes=axes, norm=norm)
    shown.draw_limb(axes=axes)
    for x0, y0, x1, y1 in boxes.tolist():
        corners = SkyCoord([x0, x1] * u.arcsec, [y0, y1] * u.arcsec, frame=shown.coordinate_frame)
        shown.draw_quadrangle(corners, axes=axes, edgecolor=BOX_COLOUR, linewidth=1.5)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=DPI)
    write_atomically(path, picture.getvalue())


def _header(frame: AIAFrame) -> dict[str, Any]:
    """What sunpy needs; the file's own header may lack some of it."""
    wcs, observer = frame.wcs, frame.wcs.observer_or_earth
    values: dict[str, Any] = {
        "TELESCOP": "SDO/AIA",
        "INSTRUME": "AIA",
        "WAVELNTH": frame.wavelength,
        "WAVEUNIT": "angstrom",
        "BUNIT": "DN / s",
        "DATE-OBS": frame.start.strftime(FITS_TIME),
        "T_OBS": frame.time.strftime(FITS_TIME),
        "HGLN_OBS": observer.longitude,
        "HGLT_OBS": observer.latitude,
        "DSUN_OBS": observer.distance,
        "RSUN_REF": wcs.radius,
    }
    pairs = {"CRPIX": wcs.reference_pixel, "CRVAL": wcs.reference_arcsec, "CDELT": wcs.scale}
    for axis, kind in ((1, "HPLN-TAN"), (2, "HPLT-TAN")):
        values |= {f"CTYPE{axis}": kind, f"CUNIT{axis}": "arcsec"}
        values |= {f"{key}{axis}": pair[axis - 1] for key, pair in pairs.items()}
    return values | dict(zip(("PC1_1", "PC1_2", "PC2_1", "PC2_2"), wcs.rotation, strict=True))
