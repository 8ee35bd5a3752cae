"""Which detection stands for which object at the operating point, whatever its class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.matching import IOU_THRESHOLD, Matches, first_claims, most_overlapped

MISSED = -1


def sightings(matches: Matches, thresholds: dict[str, float]) -> NDArray[np.int64]:
    """The detection that each object is seen by, at IoU .5.

    First come detections of the object's own class, exactly as `matches` has them right. What is
    left over is then joined whatever the class: an object and the detection that overlaps it most.

    Args:
        matches: from `match_detections`.
        thresholds: class name -> least score of a detection that counts.

    Returns:
        int64 [N], places in the detections; -1 for objects that are missed, ignored or crowds.
    """
    truth, detections = matches.truth, matches.detections
    kept = matches.kept(thresholds)
    right = np.isin(matches.found_by, np.flatnonzero(kept))
    seen_by = np.where(right, matches.found_by, MISSED)

    left = np.flatnonzero(truth.counted & (seen_by == MISSED))
    false = np.flatnonzero(kept & matches.fp)
    wrong = detections.boxes[false], detections.image[false]
    best, iou = most_overlapped(*wrong, truth.boxes[left], truth.image[left])
    claimed = np.where(iou >= IOU_THRESHOLD, best, MISSED)
    order = np.lexsort((detections.image[false], -detections.scores[false]))
    confused = first_claims(claimed, order, np.ones(len(left), dtype=bool))
    seen_by[left[claimed[confused]]] = false[confused]
    return seen_by
