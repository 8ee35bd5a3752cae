"""COCO's matches of a class as flat arrays, from which AP is known for any weights of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.coco import RECALL_GRID, Backend, coco_evaluator, without_prints
from evaluation.columns import ResultColumns, Truth, TruthColumns

# COCO's range 'all'.
EVERY_AREA = [0.0, 1e10]


@dataclass(frozen=True, slots=True)
class ClassMatches:
    """D detections of one class on I pictures, by falling score as COCO orders them.

    Attributes:
        image: int64 [D], place in `TruthColumns.image_ids`.
        hit: bool [T, D], found an object that counts, at each of COCO's ten IoU thresholds.
        ignored: bool [T, D], neither hit nor false alarm.
        objects: int64 [I], objects to find in each picture.
    """

    image: NDArray[np.int64]
    hit: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    objects: NDArray[np.int64]


def coco_matches(
    truth: Truth, columns: TruthColumns, detections: ResultColumns, backend: Backend = "auto"
) -> list[ClassMatches]:
    """Match once, by the same library that computes AP; a list in the order of the classes."""
    evaluator = coco_evaluator(truth, columns, detections, backend)
    evaluator.params.areaRng, evaluator.params.areaRngLbl = [EVERY_AREA], ["all"]
    with without_prints():
        evaluator.evaluate()
    by_class: dict[int, list[dict[str, Any]]] = {int(k): [] for k in columns.category_ids}
    for image in evaluator.evalImgs:
        if image is not None:
            by_class[image["category_id"]].append(image)
    return [_of_class(images, columns.image_ids) for images in by_class.values()]


def _of_class(images: Sequence[dict[str, Any]], image_ids: NDArray[np.int64]) -> ClassMatches:
    images = sorted(images, key=lambda image: image["image_id"])
    place = np.searchsorted(image_ids, [image["image_id"] for image in images])
    counts = [len(image["dtScores"]) for image in images]
    scores = np.concatenate([np.zeros(0), *(image["dtScores"] for image in images)])
    order = np.argsort(-scores, kind="stable")
    matched, ignored = (
        _joined([np.asarray(image[field], bool) for image in images], order)
        for field in ("dtMatches", "dtIgnore")
    )
    objects = np.zeros(len(image_ids), dtype=np.int64)
    objects[place] = [np.sum(~np.asarray(image["gtIgnore"], bool)) for image in images]
    image = np.repeat(place, counts)[order]
    return ClassMatches(image, matched & ~ignored, ignored, objects)


def _joined(parts: Sequence[NDArray[np.bool_]], order: NDArray[np.int64]) -> NDArray[np.bool_]:
    parts = [part.reshape(len(part), -1) for part in parts]
    return np.concatenate(parts, axis=1)[:, order] if parts else np.zeros((10, 0), dtype=bool)


def weighted_average_precision(
    matches: ClassMatches, weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """COCO's AP of one class as if every picture were there as often as its weight says.

    Copies of a picture keep together: of equal scores in it, all copies of one come before those
    of the next.

    Args:
        matches: of the class.
        weights: [B, I], B sets of whole weights.

    Returns:
        float64 [B, T], nan where no object is left.
    """
    whole = weights @ matches.objects
    # Past the last hit of the loosest threshold nothing changes the curve any more.
    some = np.flatnonzero(matches.hit.any(axis=0))
    shown = slice(0, some[-1] + 1 if len(some) else 0)
    weight = weights[:, matches.image[shown]]
    seen = np.cumsum(weight, axis=1)
    ap = np.zeros((len(weights), len(matches.hit)))
    for t, (hit, ignored) in enumerate(zip(matches.hit, matches.ignored, strict=True)):
        hits, left_out = np.flatnonzero(hit), np.flatnonzero(ignored[shown])
        right = np.cumsum(weight[:, hits], axis=1)
        off = np.pad(np.cumsum(weight[:, left_out], axis=1), ((0, 0), (1, 0)))
        counted = seen[:, hits] - off[:, np.searchsorted(left_out, hits)]
        ap[:, t] = _interpolated(right, counted, whole)
    ap[whole == 0] = np.nan
    return ap


def _interpolated(
    right: NDArray[np.float64], counted: NDArray[np.float64], whole: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean of the highest precision at recall >= 0, .01, …, 1, of curves [B, hits]."""
    precision = np.divide(right, counted, out=np.zeros_like(right), where=counted > 0)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    envelope = np.pad(envelope, ((0, 0), (0, 1)))
    recall = right / np.maximum(whole, 1)[:, None]
    return np.array(
        [
            heights[np.searchsorted(reached, RECALL_GRID)].mean()
            for reached, heights in zip(recall, envelope, strict=True)
        ]
    )
