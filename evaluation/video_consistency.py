"""How steadily a detector sees one and the same object over the frames of a video.

Of each object only what the operating point makes of it counts: in a frame it is missed, or seen
as some class by the detection that `sightings` names. Two numbers follow, and a third that must be
read with them, since what is never found never flickers:

- flicker: the share of an object's pairs of consecutive frames in which it goes from seen to
  missed, from missed to seen, or from one class to another; mean over the objects. Akin to the
  fragment error of Zhang and Wang, "On The Stability of Video Detection and Tracking" (2016,
  arXiv:1611.06467), with the class and at one threshold.
- jitter: over all pairs of consecutive frames in which an object is seen, the mean difference of
  the IoUs of what it is seen by with its true box. A box that is off by a constant has none.
- found: the share of the objects' frames in which they are seen as what they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.matching import Matches, row_overlaps
from evaluation.sightings import MISSED, sightings
from evaluation.tracks import NONE, Tracks


@dataclass(frozen=True, slots=True)
class Consistency:
    """Steadiness in 0..1, nan where there is nothing to measure it on.

    Attributes:
        objects: followed over two consecutive frames at least.
        pairs: of consecutive frames that show the same object.
        flicker: lower is steadier.
        jitter: lower is steadier.
        found: higher is better.
    """

    objects: int
    pairs: int
    flicker: float
    jitter: float
    found: float


def video_consistency(
    matches: Matches, thresholds: dict[str, float], tracks: Tracks
) -> Consistency:
    """Measure how steadily followed objects are seen.

    Args:
        matches: of all frames.
        thresholds: class name -> least score of a detection that counts.
        tracks: of the same truth. Objects marked `ignore` are left out, like crowds.
    """
    truth, detections = matches.truth, matches.detections
    seen_by = sightings(matches, thresholds)
    seen = seen_by != MISSED
    seen_as = np.where(seen, np.append(detections.category, NONE)[seen_by], NONE)
    iou = np.full(len(seen), np.nan)
    iou[seen] = row_overlaps(truth.boxes[seen], detections.boxes[seen_by[seen]])

    first, second = consecutive(tracks, truth.image, truth.counted)
    changed = seen_as[first] != seen_as[second]
    objects, place, pairs = np.unique(tracks.object[first], return_inverse=True, return_counts=True)
    shares = np.bincount(place, changed, minlength=len(objects)) / pairs
    steps = np.abs(iou[first] - iou[second])[seen[first] & seen[second]]
    followed = truth.counted & (tracks.object != NONE)
    right = (seen_as == truth.category)[followed]
    flicker, jitter, found = (_mean(values) for values in (shares, steps, right))
    return Consistency(len(objects), len(first), flicker, jitter, found)


def consecutive(
    tracks: Tracks, image: NDArray[np.int64], counted: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The boxes of the same object in frames that follow each other without a gap.

    Args:
        tracks: of N boxes.
        image: int64 [N], each box's place in `tracks.frame`.
        counted: bool [N], the boxes that may take part.

    Returns:
        Two int64 [P], the earlier and the later box of each pair.
    """
    frame = tracks.frame[image]
    rows = np.flatnonzero(counted & (tracks.object != NONE))
    rows = rows[np.lexsort((frame[rows], tracks.object[rows]))]
    first, second = rows[:-1], rows[1:]
    joined = (tracks.object[first] == tracks.object[second]) & (frame[second] - frame[first] == 1)
    return first[joined], second[joined]


def _mean(values: NDArray[np.float64]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
