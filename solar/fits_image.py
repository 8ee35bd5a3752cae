"""The picture inside a FITS file that a server, a copy or a stranger left."""

from __future__ import annotations

import gzip
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning
from numpy.typing import NDArray

from solar.frame_error import FrameError
from solar.wcs_keys import LARGEST_SIDE

GZIP = b"\x1f\x8b"
FITS = b"SIMPLE  ="
# JSOC's marks of a missing pixel, where the header forgot BLANK.
MISSING = {"i2": -(2**15), "i4": -(2**31)}

PICTURES = (fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU)


@contextmanager
def open_image(path: Path) -> Iterator[fits.ImageHDU]:
    """The first two-dimensional picture of a file, tile-compressed, gzipped or plain.

    Pixels are read only when asked for: `read_pixels`.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: if there is no such file.
        FrameError: 'empty', 'html', 'not_fits', 'truncated', 'no_image'.
    """
    path = Path(path)
    _check_beginning(path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", AstropyUserWarning)
        try:
            hdus = fits.open(path, memmap=False, lazy_load_hdus=False)
        # Headers of bytes from anywhere make astropy raise anything, AttributeError among it.
        except Exception as error:
            raise FrameError(
                "truncated", path, f"its headers cannot be read ({error}); fetch the file again"
            ) from error
    told = [str(warning.message) for warning in caught]
    with hdus:
        if any("truncated" in message or "Header size" in message for message in told):
            raise FrameError("truncated", path, "it ends early; fetch the file again")
        yield _picture(hdus, path)


def read_pixels(
    hdu: fits.ImageHDU, path: Path, window: tuple[slice, slice] | None = None
) -> NDArray[np.float32]:
    """The pixels, or a window of them, with NaN for missing ones.

    Args:
        hdu: From `open_image`, still open.
        path: The file, named in messages.
        window: Rows and columns of the array; all of them by default.

    Returns:
        float32 [H, W], row 0 at the bottom of the sun. Whatever is not finite is NaN.

    Raises:
        FrameError: 'corrupt'.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyUserWarning)
            pixels = np.asarray(hdu.data if window is None else hdu.section[window])
    # Decoders of bytes from anywhere raise anything; astropy's own is no OSError or ValueError.
    except Exception as error:
        raise FrameError(
            "corrupt", path, f"its pixels cannot be read ({error}); fetch the file again"
        ) from error
    missing = MISSING.get(pixels.dtype.str[1:])
    # Before any arithmetic: int16 would wrap around.
    result = pixels.astype(np.float32)
    if missing is not None:
        result[pixels == missing] = np.nan
    result[~np.isfinite(result)] = np.nan
    return result


def _check_beginning(path: Path) -> None:
    with path.open("rb") as file:
        beginning = file.read(512)
    if not beginning:
        raise FrameError("empty", path, "the file is empty; fetch it again")
    if beginning.startswith(GZIP):
        try:
            with gzip.open(path) as stream:
                beginning = stream.read(512)
        except (OSError, EOFError, zlib.error) as error:
            raise FrameError(
                "truncated", path, f"its gzip stream is broken ({error}); fetch the file again"
            ) from error
    if beginning.startswith(FITS):
        return
    if beginning.lstrip().startswith(b"<"):
        raise FrameError(
            "html", path, "a page of a server, not a FITS file; the download failed: fetch it again"
        )
    raise FrameError("not_fits", path, f"no FITS file: it begins with {beginning[:16]!r}")


def _picture(hdus: fits.HDUList, path: Path) -> fits.ImageHDU:
    for hdu in hdus:
        if isinstance(hdu, PICTURES) and hdu.header.get("NAXIS") == 2:
            sides: list[Any] = [hdu.header.get(f"NAXIS{axis}") for axis in (1, 2)]
            if all(isinstance(side, int) and 1 <= side <= LARGEST_SIDE for side in sides):
                return hdu
            raise FrameError(
                "no_image", path, f"expected sides of 1 to {LARGEST_SIDE} px, got {sides}"
            )
    raise FrameError("no_image", path, "it holds no two-dimensional picture; fetch the file again")
