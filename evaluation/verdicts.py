"""What the operating point makes of detections and objects: correct, missed, false."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.matching import Matches


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the operating point makes of each detection and each object.

    Attributes:
        matches: the detections joined to the truth.
        correct: bool [D], kept and right.
        false_alarm: bool [D], kept and wrong.
        missed: bool [N], objects that no kept detection found.
        counts: int64 [I, 3], number of correct, missed and false in each image.
    """

    matches: Matches
    correct: NDArray[np.bool_]
    false_alarm: NDArray[np.bool_]
    missed: NDArray[np.bool_]
    counts: NDArray[np.int64]

    @property
    def f1(self) -> NDArray[np.float64]:
        """float64 [I], F1 of each image; nan where there is nothing and nothing was said."""
        return f1_score(self.counts)


def f1_score(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1 [N] of numbers of correct, missed and false [N, 3]; nan where all three are 0."""
    correct, missed, false = counts.T
    whole = 2 * correct + missed + false
    return np.divide(2.0 * correct, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def judge(matches: Matches, thresholds: dict[str, float]) -> Verdicts:
    """Judge detections by the thresholds of their classes."""
    truth, detections = matches.truth, matches.detections
    kept = matches.kept(thresholds)
    correct, false_alarm = kept & matches.tp, kept & matches.fp
    missed = truth.counted & ~np.isin(matches.found_by, np.flatnonzero(correct))
    parts = (
        detections.image[correct],
        truth.image[missed],
        detections.image[false_alarm],
    )
    counts = np.stack([np.bincount(p, minlength=len(truth.image_ids)) for p in parts], axis=1)
    return Verdicts(matches, correct, false_alarm, missed, counts)
