"""Precision, recall and F1 against the score threshold, class by class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.matching import Matches


@dataclass(frozen=True, slots=True)
class Curve:
    """One class at IoU .5: what keeping all detections of score >= `threshold[i]` would give.

    Attributes:
        threshold: float64 [S], the distinct scores, falling.
        precision: float64 [S].
        recall: float64 [S], rising; nan where the class has no object.
        n_truth: number of objects to find.
    """

    threshold: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    n_truth: int

    @property
    def f1(self) -> NDArray[np.float64]:
        """float64 [S], the harmonic mean of precision and recall, 0 where both are 0."""
        total = self.precision + self.recall
        product = 2 * self.precision * self.recall
        return np.divide(product, total, out=np.zeros_like(total), where=total != 0)

    def at(self, threshold: float) -> tuple[float, float, float]:
        """Precision, recall and F1 of the detections whose score is at least `threshold`.

        Precision is nan without such a detection, recall and F1 without an object to find.
        """
        kept = int(np.searchsorted(-self.threshold, -threshold, side="right"))
        if kept == 0:
            none = 0.0 if self.n_truth else float("nan")
            return float("nan"), none, none
        i = kept - 1
        return float(self.precision[i]), float(self.recall[i]), float(self.f1[i])


def class_curves(matches: Matches) -> dict[str, Curve]:
    """The curve of each class; detections of equal score stand or fall together."""
    truth, detections = matches.truth, matches.detections
    counts = np.bincount(truth.category[truth.counted], minlength=len(truth.class_names))
    judged = matches.order[~matches.ignored[matches.order]]
    curves = {}
    for k, name in enumerate(truth.class_names):
        rows = judged[detections.category[judged] == k]
        scores = detections.scores[rows]
        last = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)[: len(scores)])
        found = np.cumsum(matches.tp[rows])[last]
        recall = found / counts[k] if counts[k] else np.full(len(last), np.nan)
        curves[name] = Curve(scores[last], found / (last + 1), recall, int(counts[k]))
    return curves
