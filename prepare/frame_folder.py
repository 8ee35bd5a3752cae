"""What a folder of FITS files shows, and when, from the headers alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from prepare.jet_catalogue.jet import enclosing
from solar.aia_frame import Region
from solar.fits_image import open_image
from solar.frame_error import FrameError
from solar.frame_wcs import FrameWCS
from solar.header_values import number
from solar.report import Report

ENDINGS = (".fits", ".fit", ".fts", ".fits.gz", ".fits.fz")
LEAST_SHOWN = 0.5  # of a wanted region
SAME_FIELD = 0.5  # arcsec between the edges of two files of one moment, at most


@dataclass(frozen=True)
class ListedFrame:
    """A file that may hold a frame; nobody has looked at its pixels yet.

    Attributes:
        path: Of the file.
        time: Middle of the exposure, aware, UTC.
        field: The upright rectangle around its picture, in arcsec.
    """

    path: Path
    time: datetime
    field: Region


def fits_files(folder: Path) -> list[Path]:
    """FITS files in a folder and the folders below it, sorted by name.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if it holds none.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder of FITS files")
    found = [p for p in folder.rglob("*") if p.name.lower().endswith(ENDINGS) and p.is_file()]
    if not found:
        raise ValueError(f"{folder}: expected files ending in {' '.join(ENDINGS)}, found none")
    return sorted(found)


def list_frames(paths: Iterable[Path], wavelength: int, report: Report) -> list[ListedFrame]:
    """Read the headers.

    Args:
        paths: FITS files, good and bad.
        wavelength: In Å; frames of others are left out.
        report: Notes what is left out.

    Returns:
        The rest in order of time, whatever their names say: those hold a slot's time, not theirs.
    """
    found = []
    for path in paths:
        report.files += 1
        try:
            found.append(_listed(path, wavelength))
        except FrameError as error:
            report.reject(error)
    return sorted(found, key=lambda frame: frame.time)


def _listed(path: Path, wavelength: int) -> ListedFrame:
    with open_image(path) as hdu:
        given = number(hdu.header, "WAVELNTH", path)
        if given != wavelength:
            told = "none" if given is None else f"{given:g} Å"
            raise FrameError("wavelength", path, f"expected {wavelength} Å, got {told}")
        wcs = FrameWCS.from_header(hdu.header, path)
    return ListedFrame(path, wcs.time, enclosing(wcs.corners_arcsec()))


def frames_of(
    frames: Sequence[ListedFrame], start: datetime, end: datetime, region: Region
) -> list[ListedFrame]:
    """The frames from start to end that show half of a region or more.

    Cutouts around several jets of one hour may show the same moment; the one that shows most of
    the region stands for it, with others of the same field: only pixels tell which copy is sound.

    Args:
        frames: In order of time.
        start: Aware.
        end: Aware.
        region: In arcsec.
    """
    best: dict[datetime, tuple[float, ListedFrame]] = {}
    for frame in frames:
        if start <= frame.time <= end:
            share = _shared(frame.field, region) / _shared(region, region)
            if share >= LEAST_SHOWN and share > best.get(frame.time, (0.0, frame))[0]:
                best[frame.time] = (share, frame)
    return [
        frame
        for frame in frames
        if frame.time in best and _is_same(frame.field, best[frame.time][1].field)
    ]


def common_region(frames: Sequence[ListedFrame]) -> Region:
    """What the frames show, in the median over them; at least one frame."""
    return Region(*np.median([frame.field for frame in frames], axis=0).tolist())


def _is_same(one: Region, other: Region) -> bool:
    return bool(np.allclose(one, other, rtol=0, atol=SAME_FIELD))


def _shared(one: Region, other: Region) -> float:
    """Area of the intersection in arcsec²."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.top, other.top) - max(one.bottom, other.bottom)
    return max(width, 0.0) * max(height, 0.0)
