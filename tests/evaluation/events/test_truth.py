"""Observations and events out of COCO-VID dicts."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from evaluation.columns import result_columns, truth_columns
from evaluation.events.sky import read_sky
from evaluation.events.sky_events import evaluate_sky_events
from evaluation.events.truth import read_observations, read_true_events
from evaluation.report.page import ReportMeta, write_report
from evaluation.summary import evaluate_detections
from evaluation.tracks import read_tracks

WCS = {
    "height": 100,
    "crpix": [50.5, 50.5],
    "crval": [900.0, 0.0],
    "cdelt": [2.0, 2.0],
    "pc": [1, 0, 0, 1],
}
BLACK = np.zeros((100, 100, 3), np.uint8)
LEAST = {"coronal_jet": 0.4}
SIZE = {"width": 100, "height": 100, "file_name": "a.png", "wcs": WCS}


def truth_of():
    """Two videos of 6 and 4 frames; a jet in frames 1 to 4 of the first, another that is ignored.

    The ids of pictures fall while time rises.
    """
    images = [
        {**SIZE, "id": 100 - 10 * video - frame, "video_id": video, "frame_id": frame}
        | {"time": 24.0 * frame, "valid": frame != 5}
        for video, frames in ((7, 6), (3, 4))
        for frame in range(frames)
    ]
    annotations = [
        {"id": 10 + frame, "image_id": 30 - frame, "bbox": [10, 20, 20, 30], "instance_id": 4}
        | {"event": "sjh_1", "hpc_base": [830.0, 0.0], "height": 60}
        for frame in range(1, 5)
    ] + [
        {"id": 20 + frame, "image_id": 70 - frame, "bbox": [60, 60, 20, 30], "track_id": 4}
        | {"ignore": 1}
        for frame in range(2)
    ]
    annotations = [{"category_id": 1, **annotation} for annotation in annotations]
    return {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "coronal_jet"}],
        "videos": [{"id": 3, "name": "other"}, {"id": 7, "name": "SOL2013"}],
    }


def read(truth):
    columns = truth_columns(truth)
    tracks, sky = read_tracks(truth, columns), read_sky(truth)
    observations = read_observations(truth, tracks, sky)
    return observations, read_true_events(truth, columns, tracks, observations, sky), columns, sky


def test_frames_times_and_fields_of_view():
    observations, *_ = read(truth_of())
    assert observations.names == ("other", "SOL2013")
    assert observations.time[observations.frames_of(1)].tolist() == [0, 24, 48, 72, 96, 120]
    # One frame of the second video was held.
    assert observations.hours == pytest.approx([4 * 24 / 3600, 5 * 24 / 3600])
    assert observations.area == pytest.approx([200.0**2] * 2)


def test_objects_are_events_in_arcsec():
    _, events, *_ = read(truth_of())
    jet, other = sorted(events, key=lambda event: event.ignored)
    assert (jet.event, jet.video, jet.start, jet.end) == ("sjh_1", 1, 24, 96)
    # 10 to 30 px from the left edge at 800″, 20 to 50 px below the upper one at 100″.
    assert jet.boxes == pytest.approx(np.tile([820.0, 0, 860, 60], (4, 1)))
    assert (jet.base, jet.height, jet.ignored) == ((830.0, 0.0), 60.0, False)
    assert (other.event, other.video, other.ignored) == ("track 4", 0, True)
    assert other.base is None
    assert math.isnan(other.height)


def test_detections_in_pixels_go_all_the_way():
    truth = truth_of()
    columns = truth_columns(truth)
    found = result_columns(on_the_jet(), columns)
    evaluation = evaluate_sky_events(
        truth | {"info": {"exact_events": "yes"}}, columns, found, LEAST, 0.5
    )
    scores = evaluation.scores
    assert (scores.recall, scores.precision, scores.iou) == pytest.approx((1, 1, 1))
    assert (scores.tiou, scores.onset_error, scores.latency) == pytest.approx((2 / 3, 24, 72))
    assert evaluation.matches.found[0].boxes[0] == pytest.approx([820, 0, 860, 60])


def on_the_jet(score=0.9):
    return [
        {"image_id": image, "category_id": 1, "bbox": [10, 20, 20, 30], "score": score}
        for image in (28, 27, 26)
    ]


def test_all_that_is_said_of_detections_has_the_events(tmp_path):
    truth = truth_of()
    found = evaluate_detections(truth, on_the_jet(), {"coronal_jet": 0.4}, event_threshold=0.5)
    assert found.scalars()["event_recall"] == 1
    assert found.event_threshold == 0.5
    written = found.to_json()["events"]
    assert not written["threshold_chosen_here"]
    # Catalogues lack jets, and know begin and end to some minutes.
    assert (written["truth_complete"], written["tolerance"]) == (False, 336)
    exact = evaluate_detections({**truth, "info": {"exact_events": "yes"}}, on_the_jet())
    written = exact.to_json()["events"]
    assert (written["truth_complete"], written["tolerance"]) == (True, 0)
    assert exact.event_threshold == pytest.approx(0.9)  # chosen here
    meta = ReportMeta("run", "sun", drawn=False)
    write_report(tmp_path / "r.html", {"run": found}, truth, lambda _: BLACK, meta)
    assert "<h2>Events</h2>" in (tmp_path / "r.html").read_text()


def test_what_is_found_while_an_object_is_a_crowd_is_neither_right_nor_wrong():
    truth = truth_of()
    for annotation in truth["annotations"]:
        annotation["iscrowd"] = int(annotation.get("event") == "sjh_1")
    found = evaluate_detections(truth, on_the_jet(), {"coronal_jet": 0.4}, 0.5).events.scores
    assert (found.truth, found.found, found.ignored, found.unmatched) == (0, 1, 1, 0)


def test_stretches_of_a_crowd_are_told_apart():
    truth = truth_of()
    for annotation in truth["annotations"]:
        annotation["iscrowd"] = int(annotation["id"] in (11, 14))  # the jet's first and last frame
    _, events, *_ = read(truth)
    spans = sorted((e.start, e.end, e.ignored) for e in events if e.event == "sjh_1")
    assert spans == [(24, 24, True), (48, 72, False), (96, 96, True)]


@pytest.mark.parametrize(("score", "recall"), [(0.21, 1), (0.19, 0)])
def test_an_event_takes_detections_of_half_the_operating_point_too(score, recall):
    found = evaluate_detections(truth_of(), on_the_jet(score), {"coronal_jet": 0.4}, 0.0)
    assert found.scalars()["event_recall"] == recall


@pytest.mark.parametrize("find", [list, on_the_jet])
@pytest.mark.parametrize("jets", [True, False])
def test_figures_without_meaning_are_null_in_metrics_json(find, jets):
    truth = truth_of()
    truth["annotations"] = truth["annotations"] if jets else []
    figures = evaluate_detections(truth, find()).to_json()["events"]
    json.dumps(figures, allow_nan=False)
    assert (figures["scores"]["recall"] is None) is not jets


def test_objects_that_nobody_followed_and_several_classes_are_no_events():
    loose, two = truth_of(), truth_of()
    for annotation in loose["annotations"]:
        annotation.pop("instance_id", None)
        annotation.pop("track_id", None)
    two["categories"].append({"id": 2, "name": "loop"})
    for truth in (loose, two):
        assert evaluate_detections(truth, on_the_jet()).events is None


@pytest.mark.parametrize("field", ["wcs", "video_id"])
def test_pictures_that_are_no_videos_of_the_sky_have_no_events(field):
    truth = truth_of()
    for image in truth["images"]:
        del image[field]
    columns = truth_columns(truth)
    nothing = result_columns([], columns)
    assert evaluate_sky_events(truth, columns, nothing, LEAST) is None


def test_a_frame_without_time_or_place_is_named():
    truth = truth_of()
    del truth["images"][2]["time"]
    with pytest.raises(ValueError, match="'time'"):
        read(truth)
    truth = truth_of()
    truth["images"][2]["wcs"] = None
    with pytest.raises(ValueError, match="image 28 has no 'wcs'"):
        read(truth)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hpc_base": [1.0]}, "annotation 11: expected 'hpc_base' as x, y"),
        ({"hpc_base": ["a", 2]}, "annotation 11: expected 'hpc_base' as x, y"),
        ({"height": "tall"}, "annotation 11: expected 'height' in arcsec"),
    ],
)
def test_a_base_or_height_that_is_no_number_is_named(changes, message):
    truth = truth_of()
    for annotation in truth["annotations"]:
        if annotation["id"] < 20:
            annotation.update(changes)
    with pytest.raises(ValueError, match=message):
        read(truth)


def test_two_boxes_of_an_event_in_one_frame_are_refused():
    truth = truth_of()
    truth["annotations"][1]["image_id"] = 29
    with pytest.raises(ValueError, match="event sjh_1: times must rise"):
        read(truth)
