"""A scene -> FITS files as JSOC delivers them, good and bad."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from prepare.drawing_solar.camera import photograph, strike
from prepare.drawing_solar.faults import Fault
from prepare.drawing_solar.pointing import Pointing
from prepare.drawing_solar.scene import EXTENT, Scene
from solar.frame_wcs import RADIUS_OF_THE_SUN
from structures.atomic_file import write_atomically

WAVELENGTH = 304  # Å
SLOT = timedelta(seconds=6.12)  # T_REC names a slot that begins before the exposure
JITTER, ROLL = 0.5, 0.14  # pixels that a cutout is off, and degrees of roll at most
NOT_SCIENCE, MISSING_VALUES, ECLIPSED = 1 << 12, 1 << 8, 1 << 13  # bits of QUALITY
HIDDEN = 0.5  # of the way of an eclipse, from which the header tells of it
BLANK = -(2**15)  # DN of a missing pixel
PAGE = b"<!DOCTYPE html>\n<html><body>503 Service Unavailable</body></html>\n"


def write_frames(
    scene: Scene,
    faults: dict[int, Fault],
    side: int,
    folder: Path,
    rng: np.random.Generator,
) -> dict[str, Fault]:
    """Write the files of a sequence.

    Args:
        scene: What they show.
        faults: Frame -> what is wrong with it.
        side: Of a frame in pixels.
        folder: Where they go.
        rng: Where jitter and noise come from.

    Returns:
        File name -> what is wrong with it, for the files that have a fault.
    """
    roll = float(rng.uniform(-ROLL, ROLL))
    bad: dict[str, Fault] = {}
    for frame in range(len(scene.times)):
        fault = faults.get(frame)
        pointing = _pointing(scene, side, roll, rng)
        counts = photograph(
            rng, scene.rate(pointing.sky(scene.limb), frame), scene.exposures[frame], pointing.scale
        )
        if fault is not None:
            _damage(counts, fault, rng)
        header = frame_header(scene, frame, pointing)
        if fault == "quality":
            header["QUALITY"] |= NOT_SCIENCE
        name = file_name(scene.moment(frame))
        if fault != "missing":
            content = _broken(encode_fits(counts, header), fault, rng)
            write_atomically(folder / name, content)
            bad |= {name: fault} if fault else {}
        if fault == "duplicate":
            worse = header | {"QUALITY": header["QUALITY"] | MISSING_VALUES}
            twin = name.replace(".image", ".image_nrt")
            write_atomically(folder / twin, encode_fits(counts, worse))
            bad = {key: value for key, value in bad.items() if key != name} | {twin: fault}
    return bad


def file_name(moment: datetime) -> str:
    """As JSOC names them: after the slot, which begins some seconds before the exposure."""
    return f"aia.lev1_euv_12s.{moment - SLOT:%Y-%m-%dT%H%M%SZ}.{WAVELENGTH}.image.fits"


def frame_header(scene: Scene, frame: int, pointing: Pointing) -> dict[str, Any]:
    """The keys of a level 1 header that place, time and normalise a frame.

    Args:
        scene: What the frame shows.
        frame: Which.
        pointing: Where it looks.
    """
    begin, exposure = scene.moment(frame), scene.exposures[frame]
    quality = 0
    if scene.eclipse is not None and scene.eclipse.progress(frame) > HIDDEN:
        quality |= ECLIPSED
    return {
        "ORIGIN": "drawn by a computer, not observed",
        "TELESCOP": "SDO/AIA",
        "INSTRUME": "AIA_4",
        "WAVELNTH": WAVELENGTH,
        "WAVEUNIT": "angstrom",
        "DATE-OBS": _iso(begin),
        "T_OBS": _iso(begin + timedelta(seconds=exposure.seconds / 2)) + "Z",
        "T_REC": _iso(begin - SLOT) + "Z",
        "EXPTIME": exposure.seconds,
        "AECTYPE": 2 if exposure.automatic else 0,
        "QUALITY": quality,
        "LVL_NUM": 1.0,
        "IMG_TYPE": "LIGHT",
        "PERCENTD": 100.0,
        "BUNIT": "DN",
        **pointing.keys(),
        "HGLN_OBS": scene.observer.longitude,
        "HGLT_OBS": scene.observer.latitude,
        "DSUN_OBS": scene.observer.distance,
        "RSUN_REF": RADIUS_OF_THE_SUN,
        "RSUN_OBS": scene.limb,
    }


def encode_fits(counts: NDArray[np.int16], header: dict[str, Any]) -> bytes:
    """A FITS file with a Rice-compressed picture in its second part."""
    cards = fits.Header([*header.items(), ("BLANK", BLANK)])
    picture = fits.CompImageHDU(counts, cards, compression_type="RICE_1")
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), picture]).writeto(stream)
    return stream.getvalue()


def _pointing(scene: Scene, side: int, roll: float, rng: np.random.Generator) -> Pointing:
    """The scene's field, cut a little beside it."""
    scale = EXTENT / side
    x, y = np.array(scene.centre) + rng.uniform(-JITTER, JITTER, 2) * scale
    return Pointing((float(x), float(y)), side, scale, roll)


def _damage(counts: NDArray[np.int16], fault: Fault, rng: np.random.Generator) -> None:
    """Faults of the pixels; changes `counts`."""
    side = len(counts)
    if fault == "nan":
        counts[: side // 2] = BLANK
    elif fault == "stripe":
        first = int(rng.integers(0, side - side // 24))
        counts[first : first + side // 24] = BLANK
    elif fault == "dark":
        counts[:] = np.abs(rng.normal(0, 1, counts.shape)).astype(np.int16)
    elif fault == "spikes":
        strike(rng, counts)


def _broken(content: bytes, fault: Fault | None, rng: np.random.Generator) -> bytes:
    """Faults of the file."""
    if fault == "truncated":
        return content[: int(len(content) * rng.uniform(0.6, 0.9))]
    if fault == "empty":
        return b""
    if fault == "html":
        return PAGE
    return rng.bytes(len(content)) if fault == "garbage" else content


def _iso(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")
