"""AP by motion: how well slow, medium and fast objects of videos are found.

The groups of Zhu et al., "Flow-Guided Feature Aggregation for Video Object Detection" (ICCV 2017,
arXiv:1703.10025), section 5.1: an object's speed in a frame is its motion IoU, the mean IoU of its
box with its boxes in the frames up to 10 before and after. Slow is above .9, medium .7 to .9, fast
below .7. The scores are COCO's; the boxes of the other groups count as crowds, neither hit nor
miss, so anybody can check them by setting `iscrowd`. (The authors' own program also forgives false
alarms that overlap a box of another group ever so little, which flatters every group.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evaluation.coco import score_columns
from evaluation.columns import ResultColumns, Truth, TruthColumns
from evaluation.matching import row_overlaps
from evaluation.tracks import NONE, Tracks

REACH = 10
SLOW_ABOVE, FAST_BELOW = 0.9, 0.7
GROUPS = ("slow", "medium", "fast")


@dataclass(frozen=True, slots=True)
class MotionScores:
    """AP of each group, in 0..1; nan for a group without objects.

    Attributes:
        objects: group -> number of boxes.
        map: group -> COCO's AP.
        map_50: group -> AP at IoU .5.
        ungrouped: boxes whose object no neighbouring frame shows; crowds to every group.
    """

    objects: dict[str, int]
    map: dict[str, float]
    map_50: dict[str, float]
    ungrouped: int


def motion_scores(
    truth: Truth, columns: TruthColumns, detections: ResultColumns, tracks: Tracks
) -> MotionScores:
    """Score detections on slow, medium and fast objects apart.

    Args:
        truth: COCO instances dict.
        columns: made of it.
        detections: joined to `columns`.
        tracks: of the same truth.
    """
    solid = ~columns.crowd
    members = group_members(motion_ious(columns, tracks))
    scores = {
        name: score_columns(truth, replace(columns, crowd=~(solid & inside)), detections).summary
        for name, inside in members.items()
    }
    return MotionScores(
        objects={name: int((solid & inside).sum()) for name, inside in members.items()},
        map={name: summary["map"] for name, summary in scores.items()},
        map_50={name: summary["map_50"] for name, summary in scores.items()},
        ungrouped=int((solid & ~np.logical_or.reduce(list(members.values()))).sum()),
    )


def group_members(motion: NDArray[np.float64]) -> dict[str, NDArray[np.bool_]]:
    """Group -> bool [N], the boxes whose motion IoU lies in it; nan lies in none."""
    return {
        "slow": motion > SLOW_ABOVE,
        "medium": (motion >= FAST_BELOW) & (motion <= SLOW_ABOVE),
        "fast": motion < FAST_BELOW,
    }


def motion_ious(columns: TruthColumns, tracks: Tracks, reach: int = REACH) -> NDArray[np.float64]:
    """Mean IoU of each box with the boxes of the same object in the neighbouring frames.

    Args:
        columns: the truth.
        tracks: of the same truth.
        reach: the furthest neighbour in frames, before as well as after.

    Returns:
        float64 [N], nan for boxes without a neighbour.
    """
    frame = tracks.frame[columns.image]
    rows = np.flatnonzero(tracks.object != NONE)
    rows = rows[np.lexsort((frame[rows], tracks.object[rows]))]
    total, count = np.zeros(len(frame)), np.zeros(len(frame))
    for shift in range(1, len(rows)):
        a, b = rows[:-shift], rows[shift:]
        apart = frame[b] - frame[a]
        near = (tracks.object[a] == tracks.object[b]) & (apart <= reach)
        if not near.any():
            break
        # A box that was drawn twice in one frame is no neighbour of itself.
        a, b = a[near & (apart > 0)], b[near & (apart > 0)]
        iou = row_overlaps(columns.boxes[a], columns.boxes[b])
        for end in (a, b):
            np.add.at(total, end, iou)
            np.add.at(count, end, 1)
    return np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
