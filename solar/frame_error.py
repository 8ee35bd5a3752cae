"""Why a frame cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Reason = Literal[
    "empty",  # no bytes
    "html",  # a page of a server in place of the file
    "not_fits",
    "truncated",  # a download or a copy that stopped early
    "corrupt",  # the right length, and yet not decodable
    "no_image",  # no two-dimensional picture, or one too large
    "header",  # a key that is missing or not a number
    "not_aia",
    "wavelength",
    "time",
    "no_wcs",
    "unit",
    "exposure",
    "quality",
    "nan",  # too few measured pixels
    "field",  # shows another part of the sun
    "degradation",  # no factor for this time and wavelength
    "duplicate",  # another frame of the same time is better
    "brightness",  # a sudden change of the whole frame: eclipse, transit, door
    "off_grid",  # between the slots of a regular cadence
    "cadence",  # frames too far apart for the cadence that was asked for
]


class FrameError(ValueError):
    """A file or a header that gives no frame.

    Args:
        reason: Short name of the fault, to count by.
        source: The file, or what else names the frame.
        message: What is wrong, expected and got, and the mend.

    Attributes:
        reason: As given.
        source: As given.
    """

    def __init__(self, reason: Reason, source: Path | str, message: str) -> None:
        super().__init__(reason, source, message)
        self.reason: Reason = reason
        self.source = source

    def __str__(self) -> str:
        return f"{self.args[1]}: {self.args[2]}"
