"""How much of its throughput the telescope has lost; 304 Å more than nine tenths over the years."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from pathlib import Path

import astropy.units as u
from astropy.table import QTable
from astropy.time import Time

from solar.frame_error import FrameError


class DegradationTable:
    """Correction factors from a local file; nothing is fetched.

    Args:
        path: The response table of the aia.response series as SolarSoft holds it,
            `aia_V*_response_table.txt`.

    Raises:
        FileNotFoundError: if there is no such file.
        ImportError: if aiapy, which reads the table, is missing.
        ValueError: if the file is no such table.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(
                f"degradation table {path} not found; save aia_V10_*_response_table.txt of "
                "SolarSoft there, or leave the table out"
            )
        self._table = _read(self.path)

    def factor(self, wavelength: int, time: datetime) -> float:
        """Throughput relative to launch; an intensity is to be divided by it.

        Args:
            wavelength: In Å.
            time: Of the frame, aware.

        Raises:
            FrameError: 'degradation', if the table does not cover it.
        """
        # The factor moves by 1e-4 a day: one value a day is enough, and 80 times as fast.
        return self._of_day(wavelength, time.replace(hour=12, minute=0, second=0, microsecond=0))

    @lru_cache(maxsize=4096)  # noqa: B019 - a process holds one table or two
    def _of_day(self, wavelength: int, day: datetime) -> float:
        from aiapy.calibrate import degradation

        try:
            factor = degradation(wavelength * u.angstrom, Time(day), correction_table=self._table)
        except ValueError as error:
            raise FrameError(
                "degradation", self.path, f"no factor for {wavelength} Å on {day:%F}: {error}"
            ) from error
        value = float(factor.to_value(u.dimensionless_unscaled)[0])
        if not 0 < value < 10:
            raise FrameError(
                "degradation",
                self.path,
                f"the factor for {wavelength} Å on {day:%F} should be positive, got {value:g}",
            )
        return value


def _read(path: Path) -> QTable:
    try:
        from aiapy.calibrate.util import get_correction_table
    except ImportError as error:
        raise ImportError(
            "the degradation table is read by aiapy, which is not installed; "
            "pip install 'detector-zoo[solar]', or leave the table out"
        ) from error
    try:
        return get_correction_table(path)
    except (ValueError, KeyError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: no table of aia.response: {error}") from error
