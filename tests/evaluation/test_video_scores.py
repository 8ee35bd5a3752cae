"""What is said of detections on frames of videos."""

from __future__ import annotations

import json

from evaluation import evaluate_detections


def test_videos_add_their_figures_to_all_others(film):
    truth, results = film(seed=0)
    evaluation = evaluate_detections(truth, results)
    scalars = evaluation.scalars()
    speeds = {f"{key}_{name}" for key in ("map", "map_50") for name in ("slow", "medium", "fast")}
    assert speeds | {"flicker", "jitter", "found"} <= set(scalars)
    written = json.loads(json.dumps(evaluation.to_json(), allow_nan=False))
    assert written["video"]["videos"] == 4
    assert written["video"]["motion"]["map"]["slow"] == scalars["map_slow"]
    assert written["video"]["consistency"]["flicker"] == scalars["flicker"]


def test_without_followed_objects_there_is_no_such_figure_but_a_reason(film):
    truth, results = film(seed=0)
    for annotation in truth["annotations"]:
        del annotation["track_id"]
    evaluation = evaluate_detections(truth, results)
    assert "map_slow" not in evaluation.scalars()
    written = evaluation.to_json()["video"]
    assert (written["motion"], written["consistency"]) == (None, None)
    assert "track_id" in written["note"]


def test_pictures_that_are_no_frames_say_nothing_of_videos(street):
    evaluation = evaluate_detections(street.truth, street.results)
    assert evaluation.video is None
    assert "video" not in evaluation.to_json()
    assert "flicker" not in evaluation.scalars()
