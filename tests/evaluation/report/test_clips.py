"""Which videos are shown, and which of their frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evaluation.matching import match_detections
from evaluation.report.clips import choose_clips, read_videos, series_of
from evaluation.verdicts import Verdicts, judge

FRAMES = 10


def truth_of(videos: int, frames: int = FRAMES) -> dict[str, Any]:
    """Frames with one object each; ids fall while frames rise."""
    images = [
        {"id": 1000 - 50 * v - f, "video_id": v, "frame_id": 2 * f, "width": 100, "height": 100}
        for v in range(1, videos + 1)
        for f in range(frames)
    ]
    annotations = [
        {"id": k, "image_id": image["id"], "category_id": 1, "bbox": [10, 10, 20, 20]}
        for k, image in enumerate(images)
    ]
    names = [{"id": v, "name": f"film {v}"} for v in range(1, videos + 1)]
    return {
        "videos": names,
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "body"}],
    }


def found_in(truth: dict[str, Any], found: dict[int, int]) -> Verdicts:
    """Verdicts of a detector that finds the object in so many first frames of each video."""
    results = [
        {"image_id": image["id"], "category_id": 1, "bbox": [10, 10, 20, 20], "score": 0.9}
        for image in truth["images"]
        if image["frame_id"] // 2 < found[image["video_id"]]
    ]
    return judge(match_detections(truth, results), {"body": 0.5})


def chosen(truth: dict[str, Any], *runs: dict[int, int], longest: int = 48) -> list[Any]:
    verdicts = [found_in(truth, run) for run in runs]
    videos = read_videos(truth, verdicts[0].matches.truth.image_ids)
    return choose_clips(videos, verdicts, longest)


def test_frames_are_in_the_order_of_time_whatever_their_ids():
    truth = truth_of(2)
    ids = np.sort([image["id"] for image in truth["images"]])
    first, second = read_videos(truth, ids)
    assert (first.name, second.name) == ("film 1", "film 2")
    assert ids[first.places].tolist() == [950 - f for f in range(FRAMES)]
    assert first.frame_ids.tolist() == list(range(0, 2 * FRAMES, 2))


def test_stills_and_lone_frames_are_no_videos():
    truth = truth_of(1)
    size = {"width": 100, "height": 100}
    truth["images"] += [
        {"id": 1, **size},
        {"id": 2, "video_id": -1, "frame_id": 0, **size},
        {"id": 3, "video_id": 7, "frame_id": 0, **size},
    ]
    ids = np.sort([image["id"] for image in truth["images"]])
    videos = read_videos(truth, ids)
    assert [video.name for video in videos] == ["film 1"]
    series = series_of(videos, len(ids))
    assert len(set(series.tolist())) == 4
    assert len(set(series[videos[0].places].tolist())) == 1


def test_a_video_without_a_name_has_its_id():
    truth = truth_of(1)
    del truth["videos"]
    ids = np.sort([image["id"] for image in truth["images"]])
    assert read_videos(truth, ids)[0].name == "video 1"


def test_a_frame_id_that_is_no_number_is_named():
    truth = truth_of(1)
    truth["images"][3]["frame_id"] = "three"
    with pytest.raises(ValueError, match="frame_id"):
        read_videos(truth, np.sort([image["id"] for image in truth["images"]]))


def test_best_median_and_worst_are_by_the_f1_of_the_whole_video():
    clips = chosen(truth_of(5), {1: 3, 2: 10, 3: 5, 4: 0, 5: 8})
    named = {clip.choice: clip.video.name for clip in clips}
    assert named == {"Best": "film 2", "Median": "film 3", "Worst": "film 4"}
    assert clips[1].f1[0] == pytest.approx(2 * 5 / (2 * 5 + 5))


def test_several_runs_are_ranked_by_their_mean_and_shown_where_they_differ_most():
    even = {1: 9, 2: 6, 3: 5, 4: 5, 5: 4}
    odd = {1: 9, 2: 6, 3: 5, 4: 8, 5: 1}
    clips = chosen(truth_of(5), even, odd)
    names = [(clip.choice, clip.video.name) for clip in clips]
    assert names[0] == ("Best", "film 1")
    assert names[2] == ("Worst", "film 5")
    assert [choice for choice, _ in names] == ["Best", "Median", "Worst"]  # film 5 is both
    other = chosen(truth_of(5), even, {**odd, 4: 0, 5: 4})
    assert [clip.video.name for clip in other if clip.choice == "Worst"] == ["film 4"]
    far = chosen(truth_of(6), {**even, 6: 3}, {**odd, 4: 0, 5: 4, 6: 0})
    assert {c.choice: c.video.name for c in far}["Runs differ most"] == "film 4"


@pytest.mark.parametrize(("videos", "choices"), [(1, ["Only"]), (2, ["Best", "Worst"])])
def test_few_videos_are_shown_once_each(videos, choices):
    clips = chosen(truth_of(videos), dict.fromkeys(range(1, videos + 1), 5))
    assert [clip.choice for clip in clips] == choices
    assert len({clip.video.name for clip in clips}) == videos


def test_a_video_with_nothing_to_see_is_not_shown():
    truth = truth_of(2)
    empty = {image["id"] for image in truth["images"] if image["video_id"] == 2}
    truth["annotations"] = [a for a in truth["annotations"] if a["image_id"] not in empty]
    assert [clip.video.name for clip in chosen(truth, {1: 5, 2: 0})] == ["film 1"]


def test_of_a_long_video_the_busiest_consecutive_frames_are_shown():
    truth = truth_of(1, frames=30)
    busy = [image["id"] for image in truth["images"] if 20 <= image["frame_id"] // 2 < 26]
    for image_id in busy:
        annotation = {"image_id": image_id, "category_id": 1, "bbox": [50, 50, 20, 20]}
        truth["annotations"].append({**annotation, "id": len(truth["annotations"])})
    (clip,) = chosen(truth, {1: 30}, longest=6)
    assert clip.frame_ids.tolist() == list(range(40, 52, 2))
    assert clip.at_most(2).frame_ids.tolist() == [40, 42]
