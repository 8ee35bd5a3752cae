"""What a detector still finds in distorted pictures, compared with the pristine ones.

Source: Khan et al., EUSIPCO 2022, section IV, with the kept fraction and the relative utility that
one bit a picture leaves out. A detection finds an object of its class that it overlaps by an IoU of
at least .5; a detection serves one object, and the highest scores choose first, as in COCO.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.columns import ResultColumns, TruthColumns
from evaluation.matching import greedy_assignment, most_overlapped, overlapping_pairs
from utility.labels import DISCARD, GUARD, REJECTION, relative

IOU = 0.5


@dataclass(frozen=True)
class Thresholds:
    """Where confidence ends.

    Args:
        score: what a detection must reach to count.
        iou: what it must overlap an object by.
        rejection: φ_rec of the relative utility.
        guard: see `labels.relative`.

    Raises:
        ValueError: if one is out of range.
    """

    score: float = 0.5
    iou: float = IOU
    rejection: float = REJECTION
    guard: float = GUARD

    def __post_init__(self) -> None:
        wrong = [n for n in ("score", "iou", "rejection") if not 0 < getattr(self, n) < 1]
        if wrong or not 0 < self.guard < 1 - self.rejection:
            raise ValueError(
                f"thresholds must lie between 0 and 1, and guard below 1 - rejection; got {self}"
            )


@dataclass(frozen=True, eq=False)
class Objects:
    """N objects on I pictures that a detector is asked to find.

    Attributes:
        pictures: I.
        key: int64 [N], one number a picture and class.
        picture: int64 [N], 0..I-1.
        boxes: float64 [N, 4], xyxy pixels.
        forgiven_key: int64 [M], as `key`, of regions whose detections are no false alarms.
        forgiven: float64 [M, 4].
    """

    pictures: int
    key: NDArray[np.int64]
    picture: NDArray[np.int64]
    boxes: NDArray[np.float64]
    forgiven_key: NDArray[np.int64]
    forgiven: NDArray[np.float64]

    @classmethod
    def of_truth(cls, truth: TruthColumns) -> Objects:
        """The annotated objects; crowds and ignored ones are regions."""
        key, solid = _keys(truth.image, truth.category, truth), truth.counted
        return cls(
            len(truth.image_ids), key[solid], truth.image[solid], truth.boxes[solid],
            key[~solid], truth.boxes[~solid],
        )  # fmt: skip

    @classmethod
    def of_detections(
        cls, found: ResultColumns, truth: TruthColumns, thresholds: Thresholds
    ) -> Objects:
        """What a detector itself finds, where nobody annotated anything."""
        kept = found.scores >= thresholds.score
        key = _keys(found.image, found.category, truth)[kept]
        none = np.zeros(0, dtype=np.int64)
        return cls(
            len(truth.image_ids), key, found.image[kept], found.boxes[kept], none, np.zeros((0, 4))
        )


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a detector made of I pictures with N objects.

    Attributes:
        found: bool [N], by a detection that counts.
        confidence: float64 [N], φ: the best score of its class that overlaps it, 0 without one.
        alarm_key: int64 [F], see `Objects.key`, of detections that count and found nothing.
        alarm_picture: int64 [F].
        alarms: float64 [F, 4], highest scores first.
        best: float64 [I], the highest score of any detection, 0 without one.
    """

    found: NDArray[np.bool_]
    confidence: NDArray[np.float64]
    alarm_key: NDArray[np.int64]
    alarm_picture: NDArray[np.int64]
    alarms: NDArray[np.float64]
    best: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PictureLabels:
    """The label columns of one detector under one condition, each [I]; see `tables.LABELS`."""

    y: NDArray[np.int8]
    m: NDArray[np.float32]
    u: NDArray[np.float32]
    n_gt: NDArray[np.int32]
    n_ref: NDArray[np.int32]
    new_false_positives: NDArray[np.int32]
    max_score: NDArray[np.float32]


def outcome(
    objects: Objects, found: ResultColumns, truth: TruthColumns, thresholds: Thresholds
) -> Outcome:
    """Match the detections of one condition.

    Args:
        objects: to find.
        found: all detections, also weak ones.
        truth: that `found` is joined to.
        thresholds: of scores and overlaps.
    """
    key, boxes = _keys(found.image, found.category, truth), found.boxes
    row, place, iou = overlapping_pairs(boxes, key, objects.boxes, objects.key, thresholds.iou)
    confidence = np.zeros(len(objects.key))
    np.maximum.at(confidence, place, found.scores[row])
    best = np.zeros(objects.pictures)
    np.maximum.at(best, found.image, found.scores)
    kept = found.scores >= thresholds.score
    strong = kept[row]
    served = greedy_assignment(row[strong], place[strong], iou[strong], found.scores)
    is_found = np.zeros(len(objects.key), dtype=bool)
    is_found[list(served.values())] = True
    alarm = kept.copy()
    alarm[list(served)] = False
    _, inside = most_overlapped(
        boxes, key, objects.forgiven, objects.forgiven_key, of_detection=True
    )
    alarm &= inside < thresholds.iou
    alarms = np.flatnonzero(alarm)
    alarms = alarms[np.argsort(-found.scores[alarms], kind="stable")]
    return Outcome(is_found, confidence, key[alarms], found.image[alarms], boxes[alarms], best)


def picture_labels(
    objects: Objects,
    pristine: Outcome,
    distorted: Outcome,
    variant: str,
    thresholds: Thresholds,
) -> PictureLabels:
    """Compare the outcome under a condition with that of the pristine pictures.

    Args:
        objects: those of both outcomes.
        pristine: of the pictures as they are stored.
        distorted: of the same pictures under the condition.
        variant: 'paper' calls a picture useless also where nothing was found in the pristine one;
            'strict' and 'pristine_ref' make no statement there. None of them makes one where there
            is no object to find.
        thresholds: of the relative utility.

    Returns:
        `y` is 1 where at least one object found in the pristine picture is still found; `m` their
        share; `u` the mean relative utility over those whose pristine confidence passes the guard.
        NaN where there are none.
    """
    both = pristine.found & distorted.found
    count = objects.pictures
    n_gt, n_ref, kept = (
        np.bincount(objects.picture[chosen], minlength=count)
        for chosen in (slice(None), pristine.found, both)
    )
    y = (kept > 0).astype(np.int8)
    y[(n_gt if variant == "paper" else n_ref) == 0] = DISCARD
    return PictureLabels(
        y=y,
        m=_quotient(kept, n_ref),
        u=_mean_utility(objects, pristine, distorted, thresholds),
        n_gt=n_gt.astype(np.int32),
        n_ref=n_ref.astype(np.int32),
        new_false_positives=_new_alarms(pristine, distorted, count, thresholds),
        max_score=distorted.best.astype(np.float32),
    )


def _mean_utility(
    objects: Objects, pristine: Outcome, distorted: Outcome, thresholds: Thresholds
) -> NDArray[np.float32]:
    """Of the objects of each picture that were found with confidence enough."""
    each = relative(
        distorted.confidence, pristine.confidence, thresholds.rejection, thresholds.guard
    )
    stated = pristine.found & ~np.isnan(each)
    picture, count = objects.picture[stated], objects.pictures
    total = np.bincount(picture, weights=each[stated], minlength=count)
    return _quotient(total, np.bincount(picture, minlength=count))


def _new_alarms(
    pristine: Outcome, distorted: Outcome, pictures: int, thresholds: Thresholds
) -> NDArray[np.int32]:
    """False alarms that the pristine picture does not raise at the same place."""
    row, place, iou = overlapping_pairs(
        distorted.alarms, distorted.alarm_key, pristine.alarms, pristine.alarm_key, thresholds.iou
    )
    known = greedy_assignment(row, place, iou, -np.arange(len(distorted.alarms), dtype=np.float64))
    fresh = np.delete(distorted.alarm_picture, np.array(list(known), dtype=np.int64))
    return np.bincount(fresh, minlength=pictures).astype(np.int32)


def _keys(
    image: NDArray[np.int64], category: NDArray[np.int64], truth: TruthColumns
) -> NDArray[np.int64]:
    return image * len(truth.category_ids) + category


def _quotient(part: Sequence[float] | NDArray, whole: NDArray[np.int64]) -> NDArray[np.float32]:
    undefined = np.full(len(whole), np.nan)
    return np.divide(part, whole, out=undefined, where=whole > 0).astype(np.float32)
