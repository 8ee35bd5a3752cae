"""What was taken for what: the confusion matrix of a detector, with background."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.matching import Matches
from evaluation.sightings import MISSED, sightings


def confusion_matrix(matches: Matches, thresholds: dict[str, float]) -> NDArray[np.int64]:
    """Count objects by true and predicted class at IoU .5.

    An object found by a detection of its own class stands on the diagonal, one that is seen by a
    detection of another class beside it (see `sightings`). The rest are misses (last column) and
    false alarms (last row). Ignored objects and detections are left out.

    Args:
        matches: from `match_detections`.
        thresholds: class name -> least score of a detection that counts.

    Returns:
        int64 [C+1, C+1], rows the truth, columns the prediction, index C the background.
    """
    truth, detections = matches.truth, matches.detections
    background = len(truth.class_names)
    seen_by = sightings(matches, thresholds)
    seen = np.flatnonzero(seen_by != MISSED)
    false_alarm = matches.kept(thresholds) & matches.fp
    false_alarm[seen_by[seen]] = False
    missed = truth.counted & (seen_by == MISSED)
    matrix = np.zeros((background + 1, background + 1), dtype=np.int64)
    np.add.at(matrix, (truth.category[seen], detections.category[seen_by[seen]]), 1)
    matrix[background, :-1] = np.bincount(detections.category[false_alarm], minlength=background)
    matrix[:-1, background] = np.bincount(truth.category[missed], minlength=background)
    return matrix
