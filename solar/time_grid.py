"""Frames at irregular times -> slots of a regular cadence, with gaps marked.

Times are seconds from any origin, float64 [N], in order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAME_TIME = 1.0  # s; no telescope of AIA takes two frames within a second
MOST_HELD = 2  # slots without a frame that a video bridges
USUAL_CADENCE = 24.0  # s; of a video of a single frame, which has none of its own


@dataclass(frozen=True)
class Slots:
    """The regular slots of one video.

    Attributes:
        times: float64 [T], s, exactly one cadence apart.
        frames: int64 [T], which frame each slot shows.
        valid: bool [T]; false where there is none and the frame before is held.
    """

    times: NDArray[np.float64]
    frames: NDArray[np.int64]
    valid: NDArray[np.bool_]


def native_cadence(times: NDArray[np.float64]) -> float:
    """How far apart frames are in s; NaN for fewer than two.

    The mean over all steps between the first and the last frame, of which a gap counts several:
    a median of neighbours is off by what single frames are early or late, and adds up over hours.

    Args:
        times: float64 [N], ascending.
    """
    if len(times) < 2:
        return float("nan")
    steps = np.diff(times)
    counted = np.maximum(1, np.rint(steps / np.median(steps)))
    return float((times[-1] - times[0]) / counted.sum())


def cadence_near(native: float, usual: float | None) -> float:
    """The cadence nearest to a usual one that frames can be thinned out to.

    Args:
        native: How far apart the frames are in s; NaN of a single one.
        usual: In s; None thins nothing out.

    Returns:
        A multiple of `native`, so that no slot falls between two frames.
    """
    if math.isnan(native):
        return usual or USUAL_CADENCE
    return native if usual is None else native * max(1, round(usual / native))


def duplicates(
    times: NDArray[np.float64], quality: NDArray[np.int64], percent: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which frames to leave out because a better one was taken less than a second away.

    The lowest QUALITY stays, then the largest part of the data, then the first.

    Args:
        times: float64 [N], ascending.
        quality: int64 [N], QUALITY words.
        percent: float64 [N], PERCENTD.

    Returns:
        bool [N].
    """
    left_out = np.zeros(len(times), dtype=bool)
    groups = np.split(np.arange(len(times)), np.flatnonzero(np.diff(times) >= SAME_TIME) + 1)
    for group in groups:
        if len(group) > 1:
            order = np.lexsort((group, -percent[group], quality[group]))
            left_out[group[order[1:]]] = True
    return left_out


def split_at_gaps(times: NDArray[np.float64], longest: float) -> list[NDArray[np.int64]]:
    """Runs of frames without a longer pause.

    Args:
        times: float64 [N], ascending.
        longest: Pause in s up to which frames stay together.

    Returns:
        Indices of the frames of each run, int64; empty without frames.
    """
    if not len(times):
        return []
    return np.split(np.arange(len(times)), np.flatnonzero(np.diff(times) > longest) + 1)


def regular_slots(
    times: NDArray[np.float64],
    cadence: float,
    tolerance: float | None = None,
    most_held: int = MOST_HELD,
) -> list[Slots]:
    """Each slot takes the frame nearest to it; a long gap ends one video and begins another.

    Args:
        times: float64 [N], ascending, without duplicates.
        cadence: Distance of slots in s.
        tolerance: How far in s a frame may lie from its slot; a quarter of the cadence by default.
        most_held: Slots in a row that may hold the frame before; more of them split the video.

    Returns:
        The videos in order of time. Frames further than `tolerance` from every slot occur in none.

    Raises:
        ValueError: if `cadence` is not positive, `tolerance` above half of it, or `times` do not
            ascend.
    """
    tolerance = cadence / 4 if tolerance is None else tolerance
    if not cadence > 0 or not 0 <= tolerance <= cadence / 2:
        raise ValueError(
            "expected cadence > 0 and 0 <= tolerance <= cadence / 2 in s, got "
            f"{cadence} and {tolerance}"
        )
    if (np.diff(times) <= 0).any():
        raise ValueError("times must ascend; sort the frames and resolve duplicates first")
    runs = split_at_gaps(times, (most_held + 1) * cadence + tolerance)
    return [
        Slots(part.times, run[part.frames], part.valid)
        for run in runs
        for part in _slots_of_run(times[run], cadence, tolerance, most_held)
    ]


def _slots_of_run(
    times: NDArray[np.float64], cadence: float, tolerance: float, most_held: int
) -> list[Slots]:
    start = times[0] + _phase(times, cadence, tolerance)
    slot = np.rint((times - start) / cadence).astype(np.int64)
    distance = np.abs(times - (start + slot * cadence))
    # The nearest frame of each slot: the first in the order of slot, then distance.
    order = np.lexsort((distance, slot))
    order = order[distance[order] <= tolerance]
    taken, first = np.unique(slot[order], return_index=True)
    chosen = order[first]
    ends = np.flatnonzero(np.diff(taken) > most_held + 1) + 1
    return [
        _filled(part_slots, part_frames, start, cadence)
        for part_slots, part_frames in zip(
            np.split(taken, ends), np.split(chosen, ends), strict=True
        )
    ]


def _filled(
    taken: NDArray[np.int64], chosen: NDArray[np.int64], start: float, cadence: float
) -> Slots:
    every = np.arange(taken[0], taken[-1] + 1)
    latest = np.searchsorted(taken, every, side="right") - 1
    return Slots(start + every * cadence, chosen[latest], np.isin(every, taken))


def _phase(times: NDArray[np.float64], cadence: float, tolerance: float) -> float:
    """Where the slots lie best, relative to the first frame, which may be early or late itself."""
    off = (times - times[0] + cadence / 2) % cadence - cadence / 2
    return float(np.median(off[np.abs(off) <= tolerance]))
