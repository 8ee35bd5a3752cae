"""What goes wrong with single frames of a sequence on their way to the user."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

Fault = Literal[
    "missing",  # no file
    "truncated",
    "empty",
    "html",
    "garbage",  # bytes that are no FITS file
    "nan",  # half of the pixels
    "quality",  # QUALITY says that it is not pointed for science
    "dark",  # the shutter stayed shut, and the header says nothing of it
    "duplicate",  # the same moment twice, once worse
    "stripe",  # a few rows missing; the frame is used
    "spikes",  # cosmic rays; the frame is used
]
FAULTS: tuple[Fault, ...] = get_args(Fault)
# What reading such a file must say; nothing where it is used or there is none.
REASONS: dict[Fault, str] = {
    "truncated": "truncated",
    "empty": "empty",
    "html": "html",
    "garbage": "not_fits",
    "nan": "nan",
    "quality": "quality",
    "dark": "brightness",
    "duplicate": "duplicate",
}
A_SEQUENCE = 3  # faults
APART = 3  # frames from one to the next: two in a row would be a gap that splits the video


def draw_faults(rng: np.random.Generator, frames: int, number: int) -> dict[int, Fault]:
    """Which frames have a fault.

    Args:
        rng: Says where.
        frames: T; the first two and the last two have none.
        number: Of the sequence; says which, so that a few sequences have them all.

    Returns:
        Frame -> its fault.
    """
    places = np.arange(2, frames - 2, APART)
    count = min(A_SEQUENCE, len(places))
    chosen = rng.choice(places, count, replace=False)
    kinds = [FAULTS[(number * A_SEQUENCE + i) % len(FAULTS)] for i in range(count)]
    return dict(zip((int(place) for place in chosen), kinds, strict=True))
