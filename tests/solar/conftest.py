"""Frames like those of JSOC, small and made of numbers that tests choose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from tests.aia_header import aia_header as base_header


def make_header(seconds: float = 0.0, **changes: Any) -> dict[str, Any]:
    """With the further keys of JSOC's frames, which say DN in a key of their own."""
    further = {
        "WAVEUNIT": "angstrom",
        "LVL_NUM": 1.0,
        "IMG_TYPE": "LIGHT",
        "PIXLUNIT": "DN",
        "BUNIT": None,
        "CRPIX1": -1300.5,
        "CRPIX2": 400.25,
        "CROTA2": 0.0,
        "RSUN_REF": 6.96e8,
    }
    return base_header(seconds, **(further | changes))


@pytest.fixture
def aia_header() -> Callable[..., dict[str, Any]]:
    """Header of a frame `seconds` after the first; a change of None takes a key out."""
    return make_header


@pytest.fixture
def counts() -> np.ndarray:
    """int16 [40, 50], DN of a calm field, every pixel another."""
    return np.random.default_rng(0).integers(40, 90, (40, 50)).astype(np.int16)


@pytest.fixture
def write_aia(tmp_path: Path, counts: np.ndarray) -> Callable[..., Path]:
    """Write a frame and return its path; row 0 of `data` is the southernmost."""

    def write(
        name: str = "frame.fits",
        seconds: float = 0.0,
        data: np.ndarray | None = None,
        compressed: bool = False,
        **changes: Any,
    ) -> Path:
        data = counts if data is None else data
        header = fits.Header(list(make_header(seconds, **changes).items()))
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if compressed:
            picture = fits.CompImageHDU(data, header, compression_type="RICE_1")
            fits.HDUList([fits.PrimaryHDU(), picture]).writeto(path)
        else:
            fits.PrimaryHDU(data, header).writeto(path)
        return path

    return write


@pytest.fixture(scope="session")
def real_frames(shared: Path) -> Callable[[int], list[Path]]:
    """The real frames of a wavelength in order of time."""
    return lambda wavelength: sorted(
        (shared / "data" / "solar" / "aia_fits" / f"aia{wavelength}").glob("*.fits")
    )
