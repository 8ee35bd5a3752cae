"""Resampled differences against scoring every draw from nothing."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from evaluation.bootstrap import bootstrap_differences, resampled_scores, sampling_units
from evaluation.coco import evaluate_coco
from evaluation.coco_matches import coco_matches
from evaluation.columns import result_columns, truth_columns


def drawn_anew(truth, results, unit, weights):
    """The data set of one draw in full: every picture as often as its video was drawn."""
    images, annotations, detections = [], [], []
    of_image = dict(zip(sorted(image["id"] for image in truth["images"]), unit, strict=True))
    for image in truth["images"]:
        for copy in range(int(weights[of_image[image["id"]]])):
            # Copies of a picture stand beside it in the order of ids.
            new = 1000 * image["id"] + copy
            images.append({**image, "id": new})
            for rows, found in ((truth["annotations"], annotations), (results, detections)):
                found += [{**r, "image_id": new} for r in rows if r["image_id"] == image["id"]]
    for number, annotation in enumerate(annotations, start=1):
        annotation["id"] = number
    return {**truth, "images": images, "annotations": annotations}, detections


def without_ties(results):
    """In copies of a picture its equal scores would take turns, which no weight can tell."""
    return [{**row, "score": row["score"] + 1e-9 * i} for i, row in enumerate(results)]


@pytest.mark.parametrize("seed", range(4))
def test_a_draw_scores_as_if_it_were_a_data_set(film, seed):
    truth, results = film(seed)
    results = without_ties(results)
    columns = truth_columns(truth)
    unit, _ = sampling_units(truth)
    count = unit.max() + 1
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=5)
    matches = coco_matches(truth, columns, result_columns(results, columns))
    scores = resampled_scores(matches, unit, weights.astype(float))
    for draw, ap, ap_50 in zip(weights, *scores, strict=True):
        expected = evaluate_coco(*drawn_anew(truth, results, unit, draw)).summary
        assert ap == pytest.approx(expected["map"], abs=1e-12)
        assert ap_50 == pytest.approx(expected["map_50"], abs=1e-12)


def differences(truth, resamples=200, seed=0, **runs):
    columns = truth_columns(truth)
    found = {name: result_columns(results, columns) for name, results in runs.items()}
    first = next(iter(runs))
    return bootstrap_differences(truth, columns, found, first, resamples, seed)


def test_the_interval_holds_what_a_loop_over_the_draws_finds(film):
    truth, results = film(seed=5)
    results = without_ties(results)
    worse = results[::2]
    (found,) = differences(truth, resamples=40, good=results, worse=worse).values()
    unit, _ = sampling_units(truth)
    rng, looped = np.random.default_rng(0), []
    for draw in rng.multinomial(5, np.full(5, 0.2), size=40):
        ap = [
            evaluate_coco(*drawn_anew(truth, rows, unit, draw)).summary["map"]
            for rows in (worse, results)
        ]
        looped.append(ap[0] - ap[1])
    assert (found.map.low, found.map.high) == pytest.approx(
        tuple(np.quantile(looped, [0.025, 0.975])), abs=1e-12
    )
    whole = [evaluate_coco(truth, rows).summary["map"] for rows in (worse, results)]
    assert found.map.difference == pytest.approx(whole[0] - whole[1], abs=1e-12)
    assert found.map.high < 0
    assert (found.units, found.count) == ("videos", 5)


def test_equal_detections_differ_by_nothing(film):
    truth, results = film(seed=6)
    (found,) = differences(truth, one=results, same=list(results)).values()
    assert (found.map.low, found.map.difference, found.map.high) == (0, 0, 0)


def test_the_seed_decides(film):
    truth, results = film(seed=7)
    runs = {"one": results, "less": results[::3]}
    assert differences(truth, seed=1, **runs) == differences(truth, seed=1, **runs)
    assert differences(truth, seed=1, **runs) != differences(truth, seed=2, **runs)


def test_a_single_video_leaves_nothing_to_draw_from(film):
    truth, results = film(seed=8)
    videos = [image for image in truth["images"] if image.get("video_id") == 10]
    ids = {image["id"] for image in videos}
    part = [[r for r in rows if r["image_id"] in ids] for rows in (truth["annotations"], results)]
    alone = {**truth, "images": videos, "annotations": part[0]}
    (found,) = differences(alone, one=part[1], less=part[1][::3]).values()
    assert found.map.difference < 0
    assert math.isnan(found.map.low)


@pytest.mark.parametrize(
    ("fields", "units", "kind"),
    [
        ([{"video_id": 4}, {"video_id": 2}, {"video_id": 4}, {}], [0, 1, 0, 2], "videos"),
        ([{"group": "a"}, {"group": None}, {"group": "a"}, {}], [0, 1, 0, 2], "groups"),
        ([{}, {}, {}, {}], [0, 1, 2, 3], "pictures"),
    ],
)
def test_what_belongs_together_is_drawn_together(fields, units, kind):
    images = [
        {"id": i, "width": 9, "height": 9, "file_name": "", **field}
        for i, field in enumerate(fields)
    ]
    truth = {"images": images, "annotations": [], "categories": [{"id": 1, "name": "fish"}]}
    unit, found = sampling_units(truth)
    assert (unit.tolist(), found) == (units, kind)


def test_a_thousand_draws_of_a_hundred_videos_take_seconds(film):
    truth, results = film(seed=9, videos=100)
    started = time.perf_counter()
    differences(truth, resamples=1000, one=results, less=results[::3])
    # Two seconds where this was written; scoring each draw from nothing takes minutes.
    assert time.perf_counter() - started < 30
