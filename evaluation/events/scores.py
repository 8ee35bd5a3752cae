"""The figures of matched events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest

from evaluation.events.found_events import FoundEvent
from evaluation.events.matching import EventMatches, common_frames
from evaluation.events.observations import Observations
from evaluation.events.true_events import TrueEvent

FIELD = 100.0**2  # arcsec², the field of view to which rates of false alarms are referred
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Group:
    """Recall of a part of the true events; nan where the part is empty."""

    truth: int
    found: int
    recall: float
    tiou: float


@dataclass(frozen=True, slots=True)
class EventScores:
    """Figures at one threshold and one tolerance, nan where there is nothing to measure.

    Attributes:
        truth: events to find.
        found: events that the detector found, right or wrong.
        matched: those that are true ones.
        ignored: those that show only events which need not be found.
        unmatched: all others. Where the truth is not complete some of them may be right, which
            makes precision and F1 lower bounds and the rates of false alarms upper ones.
        recall: share of the true events that were found.
        precision: matched of matched and unmatched.
        f1: the harmonic mean of both.
        recall_interval: 95 % interval after Wilson (1927).
        precision_interval: likewise.
        tiou: mean temporal IoU of the matches.
        iou: mean IoU of the matches' boxes.
        onset_error: median of found less true start, seconds; positive is late.
        onset_quartiles: the quartiles of the same.
        localisation_error: median of the distance of box centres over the common frames, arcsec.
        false_alarms_per_hour: unmatched an hour of observed time.
        false_alarms_per_hour_field: the same, for each (100″)² of the field of view.
        latency: median time from the true start to the frame that confirmed the event, seconds.
        latency_90: its 90th percentile.
        fragmentation: found events that show a true one, mean over the true ones found; 1 is best.
        groups: 'disk' and 'limb', and by tercile of height 'short', 'middle' and 'tall'.
    """

    truth: int
    found: int
    matched: int
    ignored: int
    unmatched: int
    recall: float
    precision: float
    f1: float
    recall_interval: tuple[float, float]
    precision_interval: tuple[float, float]
    tiou: float
    iou: float
    onset_error: float
    onset_quartiles: tuple[float, float]
    localisation_error: float
    false_alarms_per_hour: float
    false_alarms_per_hour_field: float
    latency: float
    latency_90: float
    fragmentation: float
    groups: dict[str, Group]


def score_events(
    matches: EventMatches, observations: Observations, tolerance: float, threshold: float
) -> EventScores:
    """The figures of matched events.

    Args:
        matches: of events whose score is at least `threshold`.
        observations: what was looked at.
        tolerance: with which they were matched, seconds.
        threshold: least score of an event.
    """
    hits, false = int(matches.matched.sum()), int(matches.false.sum())
    to_find = int(matches.counted.sum())
    pairs = [
        (matches.truth[n], event)
        for n, event in zip(matches.true_of, matches.found, strict=True)
        if n >= 0
    ]
    onset = [event.start - true.start for true, event in pairs]
    latency = [event.confirmed_at(threshold) - true.start for true, event in pairs]
    centres = np.array([centre_distance(true, event, tolerance) for true, event in pairs])
    hours = observations.hours
    return EventScores(
        truth=to_find,
        found=len(matches.found),
        matched=hits,
        ignored=int(matches.ignored.sum()),
        unmatched=false,
        recall=_ratio(hits, to_find),
        precision=_ratio(hits, hits + false),
        f1=_ratio(2 * hits, hits + false + to_find) if to_find else NAN,
        recall_interval=_wilson(hits, to_find),
        precision_interval=_wilson(hits, hits + false),
        tiou=_mean(matches.tiou[matches.matched]),
        iou=_mean(matches.iou[matches.matched]),
        onset_error=_quantile(onset, 0.5),
        onset_quartiles=(_quantile(onset, 0.25), _quantile(onset, 0.75)),
        localisation_error=_quantile(centres[~np.isnan(centres)], 0.5),
        false_alarms_per_hour=_ratio(false, hours.sum()),
        false_alarms_per_hour_field=_ratio(false, (hours * observations.area).sum() / FIELD),
        latency=_quantile(latency, 0.5),
        latency_90=_quantile(latency, 0.9),
        fragmentation=_mean(matches.tracks[matches.found_truth]),
        groups=group_scores(matches),
    )


def group_scores(matches: EventMatches) -> dict[str, Group]:
    """Disk and limb, and terciles of the height among the events whose height is known."""
    events = [event for event in matches.truth if not event.ignored]
    limb = np.array([event.at_limb for event in events], dtype=bool)
    height = np.array([event.height for event in events], dtype=np.float64)
    low, high = (_quantile(height[~np.isnan(height)], share) for share in (1 / 3, 2 / 3))
    # A comparison with nan is False: events of unknown height are in no tercile.
    members = {
        "disk": ~limb,
        "limb": limb,
        "short": height <= low,
        "middle": (height > low) & (height <= high),
        "tall": height > high,
    }
    tiou = np.full(len(matches.truth), np.nan)
    tiou[matches.true_of[matches.matched]] = matches.tiou[matches.matched]
    return {name: _group(tiou[matches.counted][inside]) for name, inside in members.items()}


def centre_distance(true: TrueEvent, found: FoundEvent, tolerance: float) -> float:
    """Mean distance of the centres of both boxes over the common frames, arcsec; nan without."""
    shown = common_frames(true, found, tolerance)
    boxes, expected = found.boxes[shown], true.boxes_at(found.times[shown])
    offset = (boxes[:, :2] + boxes[:, 2:] - expected[:, :2] - expected[:, 2:]) / 2
    return _mean(np.hypot(*offset.T))


def _group(tiou: ArrayLike) -> Group:
    """Of the temporal IoU of each event, nan for those missed."""
    values = np.asarray(tiou)
    hit = ~np.isnan(values)
    return Group(len(values), int(hit.sum()), _ratio(hit.sum(), len(values)), _mean(values[hit]))


def _wilson(hits: int, of: int) -> tuple[float, float]:
    if of == 0:
        return NAN, NAN
    interval = binomtest(hits, of).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else NAN


def _mean(values: ArrayLike) -> float:
    array = np.asarray(values, dtype=np.float64)
    return float(array.mean()) if len(array) else NAN


def _quantile(values: Sequence[float] | ArrayLike, share: float) -> float:
    array = np.asarray(values, dtype=np.float64)
    return float(np.quantile(array, share)) if len(array) else NAN
