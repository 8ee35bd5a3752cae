"""What a catalogue knows of a coronal jet. Places are helioprojective arcsec, Tx west, Ty north."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from solar.aia_frame import Region

SUBJECT = timedelta(seconds=336)  # 15 frames, 24 s apart: what volunteers saw at a time
SUBJECT_STEP = timedelta(seconds=312)  # neighbours share two frames


@dataclass(frozen=True, eq=False)
class Subject:
    """One stretch of frames for which volunteers drew one box around a jet.

    Attributes:
        number: Of the subject at Zooniverse; none where the catalogue names none.
        start: Of the first frame's exposure, aware, UTC, truncated to whole seconds.
        end: Of the last frame's exposure, aware, UTC.
        corners: float64 [4, 2], arcsec: two at the base, then two at the tip, always turning the
            same way, so that corner i of one subject belongs to corner i of the next.
        base: float64 [2], arcsec: where the jet is rooted at the start.
        sigma: Disagreement of the volunteers, 0..1; NaN where not stated.
    """

    number: int | None
    start: datetime
    end: datetime
    corners: NDArray[np.float64]
    base: NDArray[np.float64]
    sigma: float


@dataclass(frozen=True, eq=False)
class Jet:
    """One jet, an event.

    Attributes:
        id: As in the catalogue, e.g. 'sjh_2011-01-20T09_1'.
        sol: The trigger event that several jets may share.
        start: Of the first subject, aware, UTC.
        end: Of the last subject, aware, UTC.
        exact_ends: Whether the jet is visible from start to end. Otherwise it begins somewhere in
            its first subject and ends somewhere in its last, up to 5.6 min off.
        base: float64 [2], arcsec, in the mean over subjects.
        length: Of the longest box, arcsec; NaN where not stated, as all numbers below.
        width: Of the boxes in the mean, arcsec.
        velocity: Of the tip, arcsec/s, not km/s.
        sigma: Disagreement of the volunteers in the mean, 0..1.
        flag: Three characters '0' or '1': short, without velocity, base behind the limb; empty
            where the catalogue has none. Text, since the leading zeros count.
        subjects: With boxes, in order of time; empty where the catalogue has no boxes.
    """

    id: str
    sol: str
    start: datetime
    end: datetime
    exact_ends: bool
    base: NDArray[np.float64]
    length: float
    width: float
    velocity: float
    sigma: float
    flag: str
    subjects: tuple[Subject, ...]

    def extent(self) -> Region:
        """The upright rectangle around the boxes of all subjects.

        Raises:
            ValueError: if the catalogue has no box of this jet.
        """
        if not self.subjects:
            raise ValueError(f"{self.id}: the catalogue has no box of it")
        return enclosing(np.concatenate([subject.corners for subject in self.subjects]))


def enclosing(points: NDArray[np.float64]) -> Region:
    """The smallest upright rectangle around points.

    Args:
        points: float64 [N, 2], arcsec; at least one.
    """
    return Region(*points.min(axis=0).tolist(), *points.max(axis=0).tolist())
