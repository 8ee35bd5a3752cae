"""Which of many files are fit for a video: each by itself, then beside its neighbours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from solar.aia_frame import AIAFrame, FrameFacts
from solar.frame_error import FrameError, Reason
from solar.frame_wcs import FrameWCS
from solar.report import Report
from solar.resampling import coverage
from solar.sequence_gates import brightness_jumps, odd_exposures
from solar.time_grid import duplicates

SAMPLE = 4096  # rates of each frame, kept for the scale of a whole video
LEAST_COVERED = 0.75  # of the common field


@dataclass(frozen=True)
class Candidate:
    """A frame that is sound by itself.

    Attributes:
        facts: Of the frame.
        median: Rate in DN/s.
        sample: float32 [at most 4096], rates spread evenly over the frame, NaN among them.
    """

    facts: FrameFacts
    median: float
    sample: NDArray[np.float32]


def read_candidates(
    paths: Iterable[Path], read: Callable[[Path], AIAFrame], report: Report
) -> list[Candidate]:
    """Read every file once.

    Args:
        paths: FITS files in any order.
        read: What reads one of them.
        report: Notes those that give no frame.

    Returns:
        The others in order of time.
    """
    found = []
    for path in paths:
        report.files += 1
        try:
            frame = read(path)
        except FrameError as error:
            report.reject(FrameError(error.reason, path, error.args[2]))
            continue
        flat = frame.rate.ravel()
        step = -(-flat.size // SAMPLE)
        found.append(Candidate(frame.facts(), float(np.nanmedian(flat)), flat[::step].copy()))
    return sorted(found, key=lambda candidate: candidate.facts.time)


def seconds(candidates: Sequence[Candidate], origin: datetime) -> NDArray[np.float64]:
    """float64 [N]: times of the frames in s since `origin`."""
    return np.array([(c.facts.time - origin).total_seconds() for c in candidates])


def without_duplicates(candidates: Sequence[Candidate], report: Report) -> list[Candidate]:
    """One frame for each time, the best."""
    if not candidates:
        return []
    times = seconds(candidates, candidates[0].facts.time)
    quality = np.array([c.facts.quality for c in candidates], dtype=np.int64)
    percent = np.array([c.facts.percent for c in candidates])
    return _passed(
        candidates,
        duplicates(times, quality, percent),
        report,
        "duplicate",
        lambda c: (
            f"another frame of {c.facts.time:%FT%T} is as good or better; this one is left out"
        ),
    )


def fit_together(candidates: Sequence[Candidate], report: Report) -> list[Candidate]:
    """Frames of one run whose exposure and brightness suit their neighbours."""
    exposures = np.array([c.facts.exposure for c in candidates])
    automatic = np.array([c.facts.automatic_exposure for c in candidates], dtype=bool)
    usual = _passed(
        candidates,
        odd_exposures(exposures, automatic),
        report,
        "exposure",
        lambda c: f"exposed for {c.facts.exposure:g} s, far from the others of its sequence",
    )
    return _passed(
        usual,
        brightness_jumps(np.array([c.median for c in usual])),
        report,
        "brightness",
        lambda c: (
            f"its median, {c.median:.3g} DN/s, is far from its neighbours': eclipse, transit "
            "or door"
        ),
    )


def within_field(
    candidates: Sequence[Candidate], target: FrameWCS, report: Report
) -> list[Candidate]:
    """Frames that show the video's field, or most of it."""
    seen = np.array([coverage(c.facts.wcs, target) for c in candidates])
    return _passed(
        candidates,
        seen < LEAST_COVERED,
        report,
        "field",
        lambda c: (
            f"shows {coverage(c.facts.wcs, target):.0%} of the video's field, expected "
            f"{LEAST_COVERED:.0%}; put frames of other regions into folders of their own"
        ),
    )


def _passed(
    candidates: Sequence[Candidate],
    bad: NDArray[np.bool_],
    report: Report,
    reason: Reason,
    message: Callable[[Candidate], str],
) -> list[Candidate]:
    for candidate, is_bad in zip(candidates, bad, strict=True):
        if is_bad:
            report.reject(FrameError(reason, candidate.facts.source, message(candidate)))
    return [c for c, is_bad in zip(candidates, bad, strict=True) if not is_bad]
