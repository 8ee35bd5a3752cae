"""Recall of events against false alarms an hour (FROC), and the threshold for a wanted recall."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.events.found_events import FoundEvent
from evaluation.events.matching import NONE, Criteria, assign, compare_events
from evaluation.events.true_events import TrueEvent
from evaluation.operating_point import UNINFORMED_THRESHOLD

_log = logging.getLogger(__name__)

# A recall of 9 in 10 is reached by 0.9000000001 as well as by its neighbour in floating point.
_SLACK = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class EventCurve:
    """What keeping all found events of score >= `threshold[i]` would give.

    Attributes:
        threshold: float64 [S], the distinct scores, falling.
        found: int64 [S], true events found.
        false_alarms: int64 [S], found events that match nothing.
        truth: number of events to find.
        hours: observed time.
    """

    threshold: NDArray[np.float64]
    found: NDArray[np.int64]
    false_alarms: NDArray[np.int64]
    truth: int
    hours: float

    @property
    def recall(self) -> NDArray[np.float64]:
        """float64 [S], nan where there is nothing to find."""
        return self.found / self.truth if self.truth else np.full(len(self.found), np.nan)

    @property
    def rate(self) -> NDArray[np.float64]:
        """float64 [S], false alarms an hour; nan where nothing was observed."""
        if self.hours <= 0:
            return np.full(len(self.found), np.nan)
        return self.false_alarms / self.hours

    def rate_at(self, recall: float) -> float:
        """The lowest rate of false alarms at which a recall is reached, nan where it never is."""
        reached = self.rate[self.recall >= recall - _SLACK]
        return float(reached.min()) if len(reached) else float("nan")


def event_curve(
    truth: Sequence[TrueEvent], found: Sequence[FoundEvent], criteria: Criteria, hours: float
) -> EventCurve:
    """Match anew at every score; events of equal score stand or fall together.

    Args:
        truth: of all videos.
        found: of all videos, of any score.
        criteria: when a found event may be a true one.
        hours: observed time.
    """
    by_video = [
        _steps(
            sorted((t for t in truth if t.video == video), key=lambda t: (t.start, t.event)),
            sorted((f for f in found if f.video == video), key=lambda f: (-f.score, f.event)),
            criteria,
        )
        for video in sorted({event.video for event in found})
    ]
    scores, hits, false = (
        (np.concatenate([np.zeros(0), *parts]) for parts in zip(*by_video, strict=True))
        if by_video
        else np.zeros((3, 0))
    )
    order = np.argsort(-scores, kind="stable")
    scores = scores[order]
    last = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)[: len(scores)])
    return EventCurve(
        threshold=scores[last],
        found=np.cumsum(hits[order])[last].astype(np.int64),
        false_alarms=np.cumsum(false[order])[last].astype(np.int64),
        truth=sum(not event.ignored for event in truth),
        hours=hours,
    )


def choose_event_threshold(curve: EventCurve, wanted_recall: float, allowed_rate: float) -> float:
    """A least score of events that reaches a recall with few false alarms.

    The highest one with that recall falls short of it on the next data as often as not. Where lower
    ones raise no more false alarms than are allowed, it is the middle between that and the lowest
    of these, which leaves room on both sides.

    Args:
        curve: of data that nothing was trained on.
        wanted_recall: where it is never reached, the best recall there is.
        allowed_rate: false alarms an hour.

    Returns:
        The score; .5 where nothing was found or nothing was to be found.
    """
    if not curve.found.any():
        _log.warning("No true event was found at any score: the threshold of events stays at .5")
        return UNINFORMED_THRESHOLD
    best = float(curve.recall.max())
    if best < wanted_recall - _SLACK:
        _log.warning(
            "Wanted an event recall of %.2f; the best there is is %.2f", wanted_recall, best
        )
    first = int(np.argmax(curve.recall >= min(wanted_recall, best) - _SLACK))
    allowed = curve.rate[first:] <= allowed_rate
    last = first + max(0, int(np.cumprod(allowed).sum()) - 1)
    return float(curve.threshold[first] + curve.threshold[last]) / 2


def _steps(
    truth: Sequence[TrueEvent], found: Sequence[FoundEvent], criteria: Criteria
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Scores of a video's events from the best, and what each adds to the hits and false alarms."""
    pairs = compare_events(truth, found, criteria)
    left_out = np.array([event.ignored for event in truth], dtype=bool)
    weight = np.where(left_out[:, None], 0.0, pairs.weight)
    forgiven = pairs.touching[left_out].any(axis=0)
    hits, false = np.zeros((2, len(found) + 1))
    for kept in range(1, len(found) + 1):
        alone = assign(weight[:, :kept]) == NONE
        hits[kept] = kept - alone.sum()
        false[kept] = (alone & ~forgiven[:kept]).sum()
    return np.array([event.score for event in found]), np.diff(hits), np.diff(false)
