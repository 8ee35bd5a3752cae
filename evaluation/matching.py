"""Which detection found which object, at one IoU threshold: the ground of VOC, curves and gallery.

The rule is that of the PASCAL VOC development kit: a detection belongs to the object of its image
and class that it overlaps most; if that IoU is at least .5 it is right, unless a detection with a
higher score has found the object already. An object marked `ignore` (VOC's `difficult`) makes its
detections neither right nor wrong, and so does COCO's rule for crowds: at least half of the
detection lies in a crowd's box, and no object claimed it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.columns import (
    ResultColumns,
    Results,
    Truth,
    TruthColumns,
    result_columns,
    truth_columns,
)

IOU_THRESHOLD = 0.5
PAIRS_AT_ONCE = 2_000_000


@dataclass(frozen=True, slots=True)
class Matches:
    """Detections (D) joined to annotations (N), both in the order of their lists.

    Attributes:
        truth: the annotations.
        detections: the detections.
        order: int64 [D], detections by falling score; equal scores by image id, then as listed,
            so that the order in which processes delivered them does not matter.
        tp: bool [D], found an object.
        fp: bool [D], found nothing, or what had been found before.
        ignored: bool [D], neither.
        found_by: int64 [N], the detection that found the object, -1 if none did.
    """

    truth: TruthColumns
    detections: ResultColumns
    order: NDArray[np.int64]
    tp: NDArray[np.bool_]
    fp: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    found_by: NDArray[np.int64]

    def kept(self, thresholds: dict[str, float]) -> NDArray[np.bool_]:
        """bool [D], the detections whose score reaches the threshold of their class."""
        least = np.array([thresholds[name] for name in self.truth.class_names])
        return self.detections.scores >= least[self.detections.category]


def match_detections(truth: Truth, results: Results) -> Matches:
    """Match COCO results to COCO truth at IoU .5, class by class.

    Raises:
        ValueError: if `truth` or `results` break the format (see `columns`).
    """
    columns = truth_columns(truth)
    return match_columns(columns, result_columns(results, columns))


def match_columns(t: TruthColumns, d: ResultColumns) -> Matches:
    """As `match_detections`, of what has been checked."""
    order = np.lexsort((d.image, -d.scores))
    cells = len(t.class_names)
    key, truth_key = d.image * cells + d.category, t.image * cells + t.category
    solid = np.flatnonzero(~t.crowd)
    best, iou = most_overlapped(d.boxes, key, t.boxes[solid], truth_key[solid])
    best = np.where(iou >= IOU_THRESHOLD, solid[best] if len(solid) else -1, -1)
    tp = first_claims(best, order, ~t.ignore)
    crowd = np.flatnonzero(t.crowd)
    _, inside = most_overlapped(d.boxes, key, t.boxes[crowd], truth_key[crowd], of_detection=True)
    difficult = (best >= 0) & t.ignore[best] if len(t.ignore) else np.zeros(len(best), dtype=bool)
    ignored = ~tp & (difficult | (inside >= IOU_THRESHOLD))
    found_by = np.full(len(t.image), -1)
    found_by[best[tp]] = np.flatnonzero(tp)
    return Matches(t, d, order, tp, ~tp & ~ignored, ignored, found_by)


def most_overlapped(
    boxes: NDArray[np.float64],
    key: NDArray[np.int64],
    truth_boxes: NDArray[np.float64],
    truth_key: NDArray[np.int64],
    of_detection: bool = False,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The truth box of the same key that each box overlaps most.

    Args:
        boxes: [D, 4] xyxy.
        key: [D]; only boxes with equal keys meet (an image, or an image and a class).
        truth_boxes: [N, 4] xyxy.
        truth_key: [N].
        of_detection: divide the intersection by the box's own area (COCO's rule for crowds)
            instead of the union.

    Returns:
        Index into `truth_boxes` (the first of equals; 0 where nothing overlaps) and IoU, both [D].
    """
    best, best_iou = np.zeros(len(key), dtype=np.int64), np.zeros(len(key))
    for rows, n, pair_truth in _equal_keys(key, truth_key):
        first = np.cumsum(n) - n
        within = np.arange(n.sum()) - np.repeat(first, n)
        pair_iou = row_overlaps(
            np.repeat(boxes[rows], n, axis=0), truth_boxes[pair_truth], of_detection
        )
        highest = np.maximum.reduceat(pair_iou, first)
        is_best = pair_iou == np.repeat(highest, n)
        place = np.where(is_best, within, np.iinfo(np.int64).max)
        best[rows] = pair_truth[first + np.minimum.reduceat(place, first)]
        best_iou[rows] = highest
    return best, best_iou


def overlapping_pairs(
    boxes: NDArray[np.float64],
    key: NDArray[np.int64],
    truth_boxes: NDArray[np.float64],
    truth_key: NDArray[np.int64],
    least: float = IOU_THRESHOLD,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """All pairs of boxes with equal keys whose IoU is at least `least`.

    Args:
        boxes: [D, 4] xyxy.
        key: [D]; see `most_overlapped`.
        truth_boxes: [N, 4] xyxy.
        truth_key: [N].
        least: above 0.

    Returns:
        The pairs' places in `boxes` and in `truth_boxes`, and their IoU, each [P].
    """
    none = np.zeros(0, dtype=np.int64)
    found = [(none, none, np.zeros(0))]
    for rows, n, pair_truth in _equal_keys(key, truth_key):
        pair_row = np.repeat(rows, n)
        iou = row_overlaps(boxes[pair_row], truth_boxes[pair_truth])
        near = iou >= least
        found.append((pair_row[near], pair_truth[near], iou[near]))
    row, truth, iou = (np.concatenate(column) for column in zip(*found, strict=True))
    return row, truth, iou


def greedy_assignment(
    row: NDArray[np.int64],
    place: NDArray[np.int64],
    iou: NDArray[np.float64],
    scores: NDArray[np.float64],
) -> dict[int, int]:
    """Give each detection the object that it overlaps most among those left: COCO's rule.

    Args:
        row: [P], detections of pairs that overlap enough.
        place: [P], objects of the pairs.
        iou: [P].
        scores: [D], of all detections; the highest choose first, of equal ones the first.

    Returns:
        detection -> object, each once.
    """
    # Of equal overlaps COCO takes the last.
    order = np.lexsort((-place, -iou, row, -scores[row]))
    result: dict[int, int] = {}
    taken: set[int] = set()
    for d, g in zip(row[order].tolist(), place[order].tolist(), strict=True):
        if d not in result and g not in taken:
            result[d] = g
            taken.add(g)
    return result


def first_claims(
    claimed: NDArray[np.int64], order: NDArray[np.int64], claimable: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which detections are the first, in `order`, to claim their object.

    Args:
        claimed: [D], an object's index or -1.
        order: [D], the detections from first to last.
        claimable: bool [N], the objects that count.
    """
    ordered = claimed[order]
    rows = np.flatnonzero(ordered >= 0)
    rows = rows[claimable[ordered[rows]]]
    _, first = np.unique(ordered[rows], return_index=True)
    wins = np.zeros(len(claimed), dtype=bool)
    wins[order[rows[first]]] = True
    return wins


def _equal_keys(
    key: NDArray[np.int64], truth_key: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Portions of rows, each row's number of truths with its key, and those truths in a row."""
    by_key = np.argsort(truth_key, kind="stable")
    sorted_keys = truth_key[by_key]
    start = np.searchsorted(sorted_keys, key, "left")
    count = np.searchsorted(sorted_keys, key, "right") - start
    for rows in _chunks(count):
        n = count[rows]
        within = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
        yield rows, n, by_key[np.repeat(start[rows], n) + within]


def _chunks(count: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Rows with at least one pair, in portions of bounded memory."""
    rows = np.flatnonzero(count)
    portion = np.cumsum(count[rows]) // PAIRS_AT_ONCE
    yield from np.split(rows, np.flatnonzero(np.diff(portion)) + 1) if len(rows) else ()


def row_overlaps(
    a: NDArray[np.float64], b: NDArray[np.float64], of_first: bool = False
) -> NDArray[np.float64]:
    """Intersection over union of boxes row by row; 0 for empty boxes.

    Args:
        a: [P, 4] xyxy.
        b: [P, 4] xyxy.
        of_first: divide the intersection by the area of `a` instead of the union.

    Returns:
        float64 [P].
    """
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    shared = np.prod(np.maximum(sides, 0), axis=1)
    whole = np.prod(a[:, 2:] - a[:, :2], axis=1)
    if not of_first:
        whole = whole + np.prod(b[:, 2:] - b[:, :2], axis=1) - shared
    return np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0)
