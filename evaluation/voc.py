"""PASCAL VOC average precision at IoU .5, in its two forms.

Everingham et al., The PASCAL Visual Object Classes Challenge (IJCV 2010, §4.2): the mean of the
interpolated precision at eleven recalls (until 2009), and the area under it (from 2010). Boxes are
half-open, so nothing is added to widths, unlike in the development kit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.matching import Matches

# r / 10 and not np.arange(0, 1.1, .1), whose .30000000000000004 a recall of .3 does not reach.
RECALLS = np.arange(11) / 10


@dataclass(frozen=True, slots=True)
class VocScores:
    """VOC AP by class in 0..1: 0 without a detection, nan without an object to find.

    Attributes:
        eleven_point: class name -> mean precision at recall 0, .1, …, 1.
        area: class name -> area under the interpolated precision.
    """

    eleven_point: dict[str, float]
    area: dict[str, float]

    @property
    def mean_eleven_point(self) -> float:
        """Mean over the classes that have objects, nan if none has."""
        return _mean(self.eleven_point)

    @property
    def mean_area(self) -> float:
        """Mean over the classes that have objects, nan if none has."""
        return _mean(self.area)


def evaluate_voc(matches: Matches) -> VocScores:
    """VOC's scores of matched detections; ignored ones and ignored objects are left out."""
    truth, detections = matches.truth, matches.detections
    counts = np.bincount(truth.category[truth.counted], minlength=len(truth.class_names))
    judged = matches.order[~matches.ignored[matches.order]]
    eleven, area = {}, {}
    for k, name in enumerate(truth.class_names):
        hits = matches.tp[judged[detections.category[judged] == k]]
        eleven[name], area[name] = average_precisions(hits, int(counts[k]))
    return VocScores(eleven, area)


def average_precisions(hits: NDArray[np.bool_], n_truth: int) -> tuple[float, float]:
    """The 11-point and the area AP of one class.

    Args:
        hits: bool [D], by falling score: found an object, or was a false alarm.
        n_truth: number of objects to find.
    """
    if n_truth == 0:
        return float("nan"), float("nan")
    found = np.cumsum(hits)
    recall = found / n_truth
    precision = found / np.arange(1, len(hits) + 1)
    envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    eleven = envelope[np.searchsorted(recall, RECALLS, side="left")]
    steps = np.diff(recall, prepend=0.0)
    return float(eleven.mean()), float(np.sum(steps * envelope[:-1]))


def _mean(scores: dict[str, float]) -> float:
    values = np.array(list(scores.values()))
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
