"""Which box a jet has at a time."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from prepare.jet_catalogue.jet import Jet, Subject

EARLY = timedelta(seconds=0.5)  # starts are whole seconds, frames are not
LATE = timedelta(seconds=12)  # one step of AIA after a subject's last frame


@dataclass(frozen=True, eq=False)
class JetBox:
    """The box of a jet at one time.

    Attributes:
        jet: Whose.
        corners: float64 [4, 2], arcsec; see `Subject`.
        base: float64 [2], arcsec.
        sigma: Disagreement of the volunteers, 0..1, or NaN.
        generated: Nobody drew it: it lies between the boxes before and after a missing subject.
        uncertain: The jet may not have begun yet, or have ended: the time is in its first or last
            subject, and the catalogue does not tell when in it.
    """

    jet: Jet
    corners: NDArray[np.float64]
    base: NDArray[np.float64]
    sigma: float
    generated: bool
    uncertain: bool


def box_at(jet: Jet, time: datetime) -> JetBox | None:
    """The box of a jet in a frame; nothing while there is no jet.

    Where two subjects share frames, the later one's box holds: its frames follow. The sun's
    rotation is left alone: within a subject it moves a box by less than an arcsec.

    Args:
        jet: Of a catalogue.
        time: Start of the frame's exposure (DATE-OBS), by which subjects are timed; aware.
    """
    starts = [subject.start for subject in jet.subjects]
    latest = bisect_right(starts, time + EARLY) - 1
    if latest < 0:
        return None
    subject = jet.subjects[latest]
    if time <= subject.end + LATE:
        at_an_end = subject.start == jet.start or subject.end == jet.end
        uncertain = at_an_end and not jet.exact_ends
        return JetBox(jet, subject.corners, subject.base, subject.sigma, False, uncertain)
    if latest + 1 == len(jet.subjects):
        return None
    return _between(jet, subject, jet.subjects[latest + 1], time)


def _between(jet: Jet, before: Subject, after: Subject, time: datetime) -> JetBox:
    """On the straight way from one subject's box to the other's."""
    part = (time - before.end) / (after.start - before.end)
    return JetBox(
        jet,
        corners=before.corners + part * (after.corners - before.corners),
        base=before.base + part * (after.base - before.base),
        sigma=before.sigma + part * (after.sigma - before.sigma),
        generated=True,
        uncertain=False,
    )
