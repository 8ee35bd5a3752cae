"""The score threshold of each class, chosen on validation data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluation.curves import Curve

UNINFORMED_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What keeping the detections with score >= `threshold` gives for one class at IoU .5.

    Attributes:
        threshold: the least score that is kept.
        precision: nan where nothing is kept.
        recall: nan where there is nothing to find.
        f1: nan where there is nothing to find.
    """

    threshold: float
    precision: float
    recall: float
    f1: float


def choose_operating_points(curves: dict[str, Curve]) -> dict[str, OperatingPoint]:
    """The threshold of highest F1 for each class; of equals the highest.

    Where the data cannot inform the choice (no object, or none found at any score) the threshold
    is .5.
    """
    thresholds = {}
    for name, curve in curves.items():
        f1 = np.nan_to_num(curve.f1)
        informed = f1.size > 0 and f1.max() > 0
        thresholds[name] = float(curve.threshold[f1.argmax()]) if informed else UNINFORMED_THRESHOLD
    return operating_points_at(curves, thresholds)


def operating_points_at(
    curves: dict[str, Curve], thresholds: dict[str, float]
) -> dict[str, OperatingPoint]:
    """The operating points at thresholds that were chosen elsewhere.

    Raises:
        ValueError: if a class has no threshold.
    """
    missing = sorted(set(curves) - set(thresholds))
    if missing:
        raise ValueError(
            f"no score threshold for {', '.join(missing)}; given are {sorted(thresholds)}. "
            "Class names of the operating point and of the truth must agree"
        )
    return {
        name: OperatingPoint(thresholds[name], *curve.at(thresholds[name]))
        for name, curve in curves.items()
    }
