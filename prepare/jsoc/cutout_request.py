"""What JSOC is asked for: the frames of one jet, cut out around it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from prepare.jet_catalogue.field import field_of
from prepare.jet_catalogue.jet import Jet
from solar.aia_frame import Region

SERIES = "aia.lev1_euv_12s"
WAVELENGTHS = (94, 131, 171, 193, 211, 304, 335)  # of that series, in Å
SLOT = 12.0  # seconds, between records of that series
PIXEL = 0.6  # arcsec
# A little less than 4096 pixels, since the telescope does not point at the centre exactly.
DETECTOR = Region(-1210.0, -1210.0, 1210.0, 1210.0)
BORDER = 6.0  # arcsec, lost when frames are turned north and aligned
# Of 720 x 720 cutouts, compressed: 0.4 to 0.7 MB a frame.
BYTES_PER_PIXEL = 1.2
HEADER_BYTES = 25_000


@dataclass(frozen=True)
class CutoutRequest:
    """One export: all frames of one jet.

    Attributes:
        jet: Its id, which names the folder of its frames.
        record_set: What JSOC calls the query.
        im_patch: Arguments of JSOC's cutout, which neither follows the sun's rotation nor shifts by
            parts of pixels nor blanks what is off the limb.
        wavelength: In Å.
        frames: At most so many; there are fewer where the telescope paused.
        size: Width and height in pixels, about.
    """

    jet: str
    record_set: str
    im_patch: Mapping[str, str | int | float]
    wavelength: int
    frames: int
    size: tuple[int, int]

    @property
    def bytes(self) -> int:
        """Size of all frames on disk, about."""
        width, height = self.size
        return self.frames * (HEADER_BYTES + round(BYTES_PER_PIXEL * width * height))


@dataclass(frozen=True)
class FetchOptions:
    """Which frames of a jet.

    Attributes:
        cadence: Seconds from frame to frame, a multiple of 12.
        wavelength: In Å.
        margin: Minutes before and after each jet.
    """

    cadence: float
    wavelength: int
    margin: float

    def __post_init__(self) -> None:
        slots = self.cadence / SLOT
        if not 1 <= slots < math.inf or slots != int(slots):
            raise ValueError(
                f"expected a cadence of 12, 24, 36 … s, as {SERIES} has them, got {self.cadence:g}"
            )
        if not 0 <= self.margin < math.inf:
            raise ValueError(f"expected a margin of 0 min or more, got {self.margin:g}")
        if self.wavelength not in WAVELENGTHS:
            known = ", ".join(map(str, WAVELENGTHS))
            raise ValueError(f"expected a wavelength of {known} Å, got {self.wavelength}")


def requests_for(jets: Iterable[Jet], options: FetchOptions) -> list[CutoutRequest]:
    """One request for each jet that has boxes.

    The field is that of `field_of`, all boxes of the jet with 30 % around them and the jet beside
    the middle, and a border.

    Args:
        jets: Those without boxes are passed over.
        options: See there.
    """
    return [_request(jet, options) for jet in jets if jet.subjects]


def _request(jet: Jet, options: FetchOptions) -> CutoutRequest:
    margin = timedelta(minutes=options.margin)
    start = (jet.start - margin).replace(microsecond=0)
    seconds = math.ceil((jet.end + margin - start).total_seconds())
    field = field_of(jet, DETECTOR)
    width = field.right - field.left + 2 * BORDER
    height = field.top - field.bottom + 2 * BORDER
    # The Z makes it UTC, which AIA's records are labelled in; others are 34 s and more off.
    times = f"{start:%Y-%m-%dT%H:%M:%S}Z/{seconds}s@{options.cadence:g}s"
    return CutoutRequest(
        jet=jet.id,
        record_set=f"{SERIES}[{times}][{options.wavelength}]{{image}}",
        im_patch={
            "t_ref": jet.start.replace(tzinfo=None).isoformat(timespec="milliseconds"),
            "t": 1,  # no tracking: it would lose what is off the disk
            "r": 0,
            "c": 0,
            "locunits": "arcsec",
            "boxunits": "arcsec",
            "x": round(float((field.left + field.right) / 2), 2),
            "y": round(float((field.bottom + field.top) / 2), 2),
            "width": round(float(width), 2),
            "height": round(float(height), 2),
        },
        wavelength=options.wavelength,
        frames=math.ceil(seconds / options.cadence),
        size=(math.ceil(width / PIXEL), math.ceil(height / PIXEL)),
    )
