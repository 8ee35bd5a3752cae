"""Which found event is which true one.

A found event may be a true one if they overlap in time (IoU of their spans at least .1) and in
place: the mean IoU of their boxes over the common frames is at least .2, or the base is within 20″.
Of all pairs that may be, each event in one at most, those are taken whose products of the two IoUs
have the largest sum (the Hungarian method). The bounds are low because boxes of volunteers are
loose and one of them stands for 15 frames.

Catalogues know beginning and end to some 336 s (15 frames of 24 s were judged at once). With such a
tolerance each end of the true span lies, within it, where it suits the found event best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from evaluation.events.found_events import FoundEvent
from evaluation.events.true_events import TrueEvent
from evaluation.matching import row_overlaps

NONE = -1
CATALOGUE_TOLERANCE = 336.0


@dataclass(frozen=True, slots=True)
class Criteria:
    """When a found event may be a true one.

    Attributes:
        tolerance: seconds by which either end of a true event may be off.
        min_tiou: least temporal IoU.
        min_iou: least mean IoU of the boxes.
        base_distance: arcsec within which the base replaces the IoU of the boxes. A pair that only
            its base joins weighs as if it had `min_iou`.
    """

    tolerance: float = CATALOGUE_TOLERANCE
    min_tiou: float = 0.1
    min_iou: float = 0.2
    base_distance: float = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """All pairs of N true and F found events of one video.

    Attributes:
        tiou: float64 [N, F], temporal IoU.
        iou: float64 [N, F], mean IoU of the boxes over the common frames, 0 without one.
        weight: float64 [N, F], of a match; 0 for pairs that may not be one.
        touching: bool [N, F], have a common frame and agree in place, however short the time.
    """

    tiou: NDArray[np.float64]
    iou: NDArray[np.float64]
    weight: NDArray[np.float64]
    touching: NDArray[np.bool_]


def compare_events(
    truth: Sequence[TrueEvent], found: Sequence[FoundEvent], criteria: Criteria
) -> Pairs:
    """Measure all pairs of the events of one video."""
    shape = len(truth), len(found)
    tiou, iou, common, near = (np.zeros(shape) for _ in range(4))
    for n, true in enumerate(truth):
        for f, event in enumerate(found):
            tiou[n, f] = temporal_iou(true, event, criteria.tolerance)
            shown = common_frames(true, event, criteria.tolerance)
            common[n, f] = shown.sum()
            if shown.any():
                boxes = true.boxes_at(event.times[shown])
                iou[n, f] = row_overlaps(boxes, event.boxes[shown]).mean()
            if true.base is not None:
                apart = np.hypot(*(event.base - true.base))
                near[n, f] = apart <= criteria.base_distance
    at_place = (iou >= criteria.min_iou) | (near > 0)
    allowed = at_place & (tiou >= criteria.min_tiou)
    weight = np.where(allowed, tiou * np.maximum(iou, criteria.min_iou), 0.0)
    return Pairs(tiou, iou, weight, at_place & (common > 0))


def temporal_iou(true: TrueEvent, found: FoundEvent, tolerance: float) -> float:
    """IoU of the two spans of time; 1 for two equal instants."""
    # No choice of ends within the tolerance gives more than the one nearest to those found.
    start = np.clip(found.start, true.start - tolerance, true.start + tolerance)
    end = np.clip(found.end, true.end - tolerance, true.end + tolerance)
    overlap = min(end, found.end) - max(start, found.start)
    union = max(end, found.end) - min(start, found.start)
    if union == 0:
        return 1.0
    return float(max(overlap, 0.0) / union)


def common_frames(true: TrueEvent, found: FoundEvent, tolerance: float) -> NDArray[np.bool_]:
    """bool [T], the frames of the found event that lie in the span of the true one."""
    return (found.times >= true.start - tolerance) & (found.times <= true.end + tolerance)


def assign(weight: NDArray[np.float64]) -> NDArray[np.int64]:
    """The one-to-one pairs of the largest total weight.

    Args:
        weight: [N, F], 0 for pairs that may not be.

    Returns:
        int64 [F], the row of each column, -1 for those without.
    """
    row_of = np.full(weight.shape[1], NONE, dtype=np.int64)
    rows, columns = linear_sum_assignment(weight, maximize=True)
    some = weight[rows, columns] > 0
    row_of[columns[some]] = rows[some]
    return row_of


@dataclass(frozen=True, slots=True, eq=False)
class EventMatches:
    """Found events (F) joined to true ones (N).

    Attributes:
        truth: N events, by video, start and name.
        found: F events, by video and number.
        true_of: int64 [F], place in `truth`, -1 for those that match none.
        ignored: bool [F], match none but show one that is ignored.
        tiou: float64 [F], temporal IoU with the match, nan without.
        iou: float64 [F], mean IoU of the boxes with those of the match, nan without.
        tracks: int64 [N], found events that show it, matched or not.
    """

    truth: tuple[TrueEvent, ...]
    found: tuple[FoundEvent, ...]
    true_of: NDArray[np.int64]
    ignored: NDArray[np.bool_]
    tiou: NDArray[np.float64]
    iou: NDArray[np.float64]
    tracks: NDArray[np.int64]

    @property
    def matched(self) -> NDArray[np.bool_]:
        """bool [F], found what was to be found."""
        return self.true_of != NONE

    @property
    def false(self) -> NDArray[np.bool_]:
        """bool [F], show nothing that the truth knows; where it has gaps, perhaps rightly."""
        return ~self.matched & ~self.ignored

    @property
    def counted(self) -> NDArray[np.bool_]:
        """bool [N], the events that are to be found."""
        return np.array([not event.ignored for event in self.truth], dtype=bool)

    @property
    def found_truth(self) -> NDArray[np.bool_]:
        """bool [N], the events that were found."""
        hit = np.zeros(len(self.truth), dtype=bool)
        hit[self.true_of[self.matched]] = True
        return hit


def match_events(
    truth: Sequence[TrueEvent], found: Sequence[FoundEvent], criteria: Criteria
) -> EventMatches:
    """Match the events of all videos; the order in which they are given does not matter."""
    truth, found = in_order(truth, found)
    true_of = np.full(len(found), NONE, dtype=np.int64)
    ignored = np.zeros(len(found), dtype=bool)
    tiou, iou = np.full((2, len(found)), np.nan)
    tracks = np.zeros(len(truth), dtype=np.int64)
    for video in sorted({event.video for event in truth} & {event.video for event in found}):
        rows = np.flatnonzero([event.video == video for event in truth])
        columns = np.flatnonzero([event.video == video for event in found])
        pairs = compare_events([truth[n] for n in rows], [found[f] for f in columns], criteria)
        left_out = np.array([truth[n].ignored for n in rows])
        row_of = assign(np.where(left_out[:, None], 0.0, pairs.weight))
        hit = np.flatnonzero(row_of != NONE)
        true_of[columns[hit]] = rows[row_of[hit]]
        tiou[columns[hit]] = pairs.tiou[row_of[hit], hit]
        iou[columns[hit]] = pairs.iou[row_of[hit], hit]
        ignored[columns] = (row_of == NONE) & pairs.touching[left_out].any(axis=0)
        tracks[rows] = pairs.touching.sum(axis=1)
    return EventMatches(truth, found, true_of, ignored, tiou, iou, tracks)


def in_order(
    truth: Sequence[TrueEvent], found: Sequence[FoundEvent]
) -> tuple[tuple[TrueEvent, ...], tuple[FoundEvent, ...]]:
    """True events by video, start and name; found ones by video and number."""
    return (
        tuple(sorted(truth, key=lambda event: (event.video, event.start, event.event))),
        tuple(sorted(found, key=lambda event: (event.video, event.event))),
    )
