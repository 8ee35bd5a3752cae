"""What was taken for what: the confusion matrix of a detector, with background."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.matching import IOU_THRESHOLD, Matches, first_claims, most_overlapped


def confusion_matrix(matches: Matches, thresholds: dict[str, float]) -> NDArray[np.int64]:
    """Count objects by true and predicted class at IoU .5.

    An object found by a detection of its own class stands on the diagonal, exactly as often as
    `matches` has it right. What is left over is then joined whatever the class: an object and a
    detection of another class that overlaps it most. The rest are misses (last column) and false
    alarms (last row). Ignored objects and detections are left out.

    Args:
        matches: from `match_detections`.
        thresholds: class name -> least score of a detection that counts.

    Returns:
        int64 [C+1, C+1], rows the truth, columns the prediction, index C the background.
    """
    truth, detections = matches.truth, matches.detections
    background = len(truth.class_names)
    least = np.array([thresholds[name] for name in truth.class_names])
    kept = detections.scores >= least[detections.category]
    found = matches.found_score >= least[truth.category]
    open_truth = np.flatnonzero(truth.counted & ~found)
    false = np.flatnonzero(kept & matches.fp)

    wrong = detections.boxes[false], detections.image[false]
    best, iou = most_overlapped(*wrong, truth.boxes[open_truth], truth.image[open_truth])
    claimed = np.where(iou >= IOU_THRESHOLD, best, -1)
    order = np.lexsort((detections.image[false], -detections.scores[false]))
    confused = first_claims(claimed, order, np.ones(len(open_truth), dtype=bool))

    true_class = np.full(len(false), background)
    true_class[confused] = truth.category[open_truth[claimed[confused]]]
    missed = np.delete(open_truth, claimed[confused])
    matrix = np.zeros((background + 1, background + 1), dtype=np.int64)
    np.add.at(matrix, (truth.category[found], truth.category[found]), 1)
    np.add.at(matrix, (true_class, detections.category[false]), 1)
    matrix[:-1, background] = np.bincount(truth.category[missed], minlength=background)
    return matrix
