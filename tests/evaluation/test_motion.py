"""AP by motion against loops, and against pycocotools with the other groups' boxes as crowds."""

from __future__ import annotations

import contextlib
import copy
import io
import math

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from evaluation.columns import result_columns, truth_columns
from evaluation.motion import GROUPS, group_members, motion_ious, motion_scores
from evaluation.tracks import read_tracks


def iou(a, b):
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def looped(truth, annotation, step):
    """FGFA's definition, a pair of boxes at a time."""
    images = {image["id"]: image for image in truth["images"]}
    here, found = images[annotation["image_id"]], []
    for other in truth["annotations"]:
        there = images[other["image_id"]]
        if there.get("video_id") != here.get("video_id") or other["iscrowd"]:
            continue
        away = abs(there["frame_id"] - here["frame_id"]) / step
        if other["track_id"] == annotation["track_id"] and 0 < away <= 10:
            found.append(iou(annotation["bbox"], other["bbox"]))
    return sum(found) / len(found) if found else math.nan


def test_motion_iou_is_the_mean_over_ten_frames_to_either_side(film):
    truth, _ = film(seed=1)
    columns = truth_columns(truth)
    found = motion_ious(columns, read_tracks(truth, columns))
    expected = [
        math.nan if a["iscrowd"] or a["track_id"] < 0 else looped(truth, a, step=1)
        for a in truth["annotations"]
    ]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert np.isnan(found).any()


def test_frames_that_lie_further_apart_in_the_file_are_neighbours_all_the_same(film):
    truth, _ = film(seed=2)
    columns = truth_columns(truth)
    every = motion_ious(columns, read_tracks(truth, columns))
    for image in truth["images"]:
        if "frame_id" in image:
            image["frame_id"] = 1000 + 15 * image["frame_id"]
    np.testing.assert_array_equal(motion_ious(columns, read_tracks(truth, columns)), every)


def test_the_borders_belong_to_the_middle():
    members = group_members(np.array([0.91, 0.9, 0.7, 0.69, math.nan]))
    assert {name: inside.tolist() for name, inside in members.items()} == {
        "slow": [True, False, False, False, False],
        "medium": [False, True, True, False, False],
        "fast": [False, False, False, True, False],
    }


@pytest.mark.parametrize("seed", range(4))
def test_scores_are_those_of_pycocotools_with_the_other_groups_as_crowds(film, seed):
    truth, results = film(seed)
    columns = truth_columns(truth)
    tracks = read_tracks(truth, columns)
    scores = motion_scores(truth, columns, result_columns(results, columns), tracks)
    motion = motion_ious(columns, tracks)
    in_group = {
        "slow": motion > 0.9,
        "medium": (motion >= 0.7) & (motion <= 0.9),
        "fast": motion < 0.7,
    }
    assert sum(scores.objects.values()) + scores.ungrouped == (~columns.crowd).sum()
    for name in GROUPS:
        marked = copy.deepcopy(truth)
        for annotation, inside in zip(marked["annotations"], in_group[name], strict=True):
            annotation["iscrowd"] = int(annotation["iscrowd"] or not inside)
        with contextlib.redirect_stdout(io.StringIO()):
            expected = COCO()
            expected.dataset = {"info": {}, **marked}
            expected.createIndex()
            evaluation = COCOeval(expected, expected.loadRes(results), "bbox")
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        assert scores.objects[name] > 0
        assert scores.map[name] == pytest.approx(evaluation.stats[0], abs=1e-12)
        assert scores.map_50[name] == pytest.approx(evaluation.stats[1], abs=1e-12)


def test_a_group_without_objects_has_no_score(film):
    truth, results = film(seed=0)
    for annotation in truth["annotations"]:
        annotation["bbox"] = [10.0, 10.0, 50.0, 50.0]
    columns = truth_columns(truth)
    tracks = read_tracks(truth, columns)
    scores = motion_scores(truth, columns, result_columns(results, columns), tracks)
    assert math.isnan(scores.map["fast"])
    assert not math.isnan(scores.map["slow"])
