"""Whether a frame is fit to be looked at, by what its header says.

The bits of QUALITY: SDO/AIA level 1 keywords (JSOC, AIA02840). Missing ancillary data (bits 0 to
4) and the quick-look bit of near-real-time files (30) do not reject a frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from solar.frame_error import FrameError
from solar.header_values import number, text

REJECTED_BITS = {
    9: "more than 1 % of the pixels missing",
    10: "more than 5 % of the pixels missing",
    11: "more than 25 % of the pixels missing",
    12: "not pointed for science",
    13: "eclipse",
    14: "the sun is not in view",
    15: "safe mode",
    16: "dark frame",
    17: "image stabilisation loop open",
    18: "calibration frame",
    20: "out of focus",
    31: "image not available",
}
ANCILLARY_BITS = range(5)
LEAST_PERCENT = 99.0
# What the attitude system says of itself, and what of it rejects a frame.
ATTITUDE = {"ACS_ECLP": ("YES", "eclipse"), "ACS_SUNP": ("NO", "the sun is not in view"),
            "ACS_SAFE": ("YES", "safe mode")}  # fmt: skip


def check_quality(header: Mapping[str, Any], source: Path | str) -> int:
    """Let a frame pass, or say why not.

    Args:
        header: With QUALITY; PERCENTD, IMG_TYPE and the ACS keys where there are any.
        source: The file, named in messages.

    Returns:
        QUALITY; 0 where the header has none.

    Raises:
        FrameError: 'quality', with every reason; 'header', if a value is no number.
    """
    # Bit 31 makes it negative where 32 bits are read as signed.
    quality = int(number(header, "QUALITY", source) or 0) & 0xFFFFFFFF
    faults = [meaning for bit, meaning in REJECTED_BITS.items() if quality >> bit & 1]
    percent = number(header, "PERCENTD", source)
    if percent is not None and percent < LEAST_PERCENT:
        faults.append(f"only {percent:g} % of the data arrived (PERCENTD)")
    kind = text(header, "IMG_TYPE", source)
    if kind and kind != "LIGHT":
        faults.append(f"IMG_TYPE is {kind}")
    faults += [
        f"{meaning} ({key})"
        for key, (bad, meaning) in ATTITUDE.items()
        if text(header, key, source).upper() == bad
    ]
    if faults:
        told = ", ".join(dict.fromkeys(faults))
        raise FrameError("quality", source, f"QUALITY {quality:#010x}: {told}; left out")
    return quality


def lacks_ancillary_data(quality: int) -> bool:
    """Whether temperatures, orbit or the like were unknown: usable, and worth a word."""
    return any(quality >> bit & 1 for bit in ANCILLARY_BITS)
