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
    least = np.array([thresholds[name] for name in truth.class_names])
    kept = detections.scores >= least[detections.category]
    seen_by = np.full(len(truth.image), MISSED)

    right = np.flatnonzero(kept & matches.tp)
    solid = np.flatnonzero(~truth.crowd)
    cells = len(truth.class_names)
    key, truth_key = (part.image * cells + part.category for part in (detections, truth))
    best, _ = most_overlapped(
        detections.boxes[right], key[right], truth.boxes[solid], truth_key[solid]
    )
    seen_by[solid[best]] = right

    left = np.flatnonzero(truth.counted & (seen_by == MISSED))
    false = np.flatnonzero(kept & matches.fp)
    wrong = detections.boxes[false], detections.image[false]
    best, iou = most_overlapped(*wrong, truth.boxes[left], truth.image[left])
    claimed = np.where(iou >= IOU_THRESHOLD, best, MISSED)
    order = np.lexsort((detections.image[false], -detections.scores[false]))
    confused = first_claims(claimed, order, np.ones(len(left), dtype=bool))
    seen_by[left[claimed[confused]]] = false[confused]
    return seen_by
