"""Videos as the reader finds them: any ids, any order, and what is wrong with a file."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules.annotations.coco_annotations import CocoAnnotations, concatenate
from datamodules.annotations.coco_reader import read_coco

Document = dict[str, Any]


@pytest.fixture
def document() -> Document:
    """Pictures 10..15: frames 7, 5, 9 of video 70, a still, and frames 1, 0 of video -3."""
    places = [(70, 7), (-3, 1), (70, 5), (-1, None), (70, 9), (-3, 0)]
    images = [
        {"id": 10 + i, "file_name": f"p{i}.png", "width": 64, "height": 48, "video_id": video}
        | ({} if frame is None else {"frame_id": frame})
        for i, (video, frame) in enumerate(places)
    ]
    box = {"category_id": 1, "bbox": [1, 2, 30, 40], "iscrowd": 0}
    annotations = [{"id": i, "image_id": 15 - i, "instance_id": 5 * i, **box} for i in range(6)]
    return {
        "videos": [{"id": 70, "name": "street"}, {"id": -3, "name": "park", "fps": 4}],
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "car"}],
    }


def read(tmp_path: Path, document: Document, **options: Any) -> CocoAnnotations:
    file = tmp_path / "annotations.json"
    file.write_text(json.dumps(document))
    return read_coco(file, tmp_path, **options)


def frames(data: CocoAnnotations) -> list[list[int]]:
    return [data.image_ids[video].tolist() for video in data.frames_by_video()]


def test_frames_stand_in_their_order_and_stills_alone(tmp_path: Path, document: Document) -> None:
    data = read(tmp_path, document)
    assert frames(data) == [[12, 10, 14], [15, 11], [13]]
    assert data.videos == ("street", "park")
    assert data.groups == ("street", "park", "street", None, "street", "park")
    assert data.track_ids.tolist() == [25, 20, 15, 10, 5, 0]


def test_stills_alone_keep_the_order_of_the_file(tmp_path: Path, document: Document) -> None:
    for image in document["images"]:
        del image["video_id"]
    assert frames(read(tmp_path, document)) == [[10], [11], [12], [13], [14], [15]]


def test_without_frame_ids_the_order_is_the_files(tmp_path: Path, document: Document) -> None:
    for image in document["images"]:
        image.pop("frame_id", None)
    assert frames(read(tmp_path, document)) == [[10, 12, 14], [11, 15], [13]]


def test_videos_need_not_be_listed(tmp_path: Path, document: Document) -> None:
    del document["videos"]
    data = read(tmp_path, document)
    assert frames(data) == [[12, 10, 14], [15, 11], [13]]
    assert data.groups[0] == "annotations.json video 70"


def test_seconds_are_stated_or_counted(
    tmp_path: Path, document: Document, caplog: pytest.LogCaptureFixture
) -> None:
    document["images"][0]["time"] = 6.25
    with caplog.at_level(logging.INFO):
        times = read(tmp_path, document).times
    assert times[[0, 1, 2, 4, 5]].tolist() == [6.25, 0.25, 5.0, 9.0, 0.0]
    assert np.isnan(times[3])
    assert "2 frames have neither 'time' nor a video with 'fps'" in caplog.text


def test_missing_frames_are_counted(
    tmp_path: Path, document: Document, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        read(tmp_path, document)
    assert "1 of 2 videos leave out frame_ids, 2 altogether" in caplog.text


def test_subsets_and_several_files_keep_their_videos(tmp_path: Path, document: Document) -> None:
    data = read(tmp_path, document)
    assert frames(data.subset([4, 1, 0])) == [[10, 14], [11]]
    joined = concatenate([data.subset([0, 2, 3]), data.subset([1, 4, 5])])
    assert [len(video) for video in joined.frames_by_video()] == [2, 1, 2, 1]


def test_the_truth_tells_videos_frames_and_tracks(tmp_path: Path, document: Document) -> None:
    truth = read(tmp_path, document).ground_truth()
    assert truth["videos"] == [{"id": 1, "name": "street"}, {"id": 2, "name": "park"}]
    assert [(row.get("video_id"), row.get("frame_id")) for row in truth["images"]] == [
        (1, 7), (2, 1), (1, 5), (None, None), (1, 9), (2, 0),
    ]  # fmt: skip
    assert [row["track_id"] for row in truth["annotations"]] == [25, 20, 15, 10, 5, 0]


def edit(section: str, index: int, **values: Any) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        document[section][index] |= values

    return change


FAULTS = {
    "unknown video": (
        edit("images", 0, video_id=71),
        r"images\[0\] \(id 10\): unknown video_id 71; no entry of 'videos'",
    ),
    "times against frame ids": (
        edit("images", 0, time=-1.0),
        r"images\[0\] \(id 10\): at -1 s, but the frame before it in video 'street', .* at 5 s",
    ),
    "two frames at a time": (edit("images", 0, time=5), "seconds must grow with 'frame_id'"),
    "frame ids twice": (
        edit("images", 4, frame_id=7),
        r"images\[4\] \(id 14\): frame_id 7 of video 'street' was already used by images\[0\]",
    ),
    "some frame ids": (
        edit("images", 4, frame_id=None),
        r"images\[4\] \(id 14\): has no 'frame_id', as other frames of video 'street' have",
    ),
    "text for a video": (
        edit("images", 0, video_id="70"),
        r"images\[0\] \(id 10\): 'video_id' must be an integer, got '70'",
    ),
    "videos twice": (edit("videos", 1, id=70), r"video id 70 was already used by videos\[0\]"),
    "no rate": (edit("videos", 1, fps=0), r"videos\[1\] \(id -3\): 'fps' must be positive"),
    "track": (
        edit("annotations", 0, track_id=1.5),
        r"annotations\[0\] \(id 0\): 'track_id' must be an integer, got 1\.5",
    ),
    "a video in two groups": (
        edit("images", 2, group="left"),
        r"images\[2\] \(id 12\): group 'left', but images\[0\] .* same video 'street' has None",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_bad_videos_are_named(tmp_path: Path, document: Document, case: str) -> None:
    change, message = FAULTS[case]
    change(document)
    with pytest.raises(ValueError, match=message):
        read(tmp_path, document)


def test_boxes_can_be_cut_off_at_their_frame(tmp_path: Path, document: Document) -> None:
    document["annotations"][0] |= {"bbox": [-20, 10, 40, 20], "area": 400}
    document["annotations"][1] |= {"bbox": [0.1, 0.2, 0.30000000000000004, 7.7]}
    with pytest.raises(ValueError, match=r"lies 20 px outside its 64x48 frame"):
        read(tmp_path, document)
    rows = read(tmp_path, document, clip_boxes=True).ground_truth()["annotations"]
    by_id = {row["id"]: row for row in rows}
    assert by_id[0]["bbox"] == [0, 10, 20, 20]
    assert by_id[0]["area"] == 200
    assert by_id[1]["bbox"] == document["annotations"][1]["bbox"]


def test_boxes_without_a_visible_part_are_refused(tmp_path: Path, document: Document) -> None:
    document["annotations"][0]["bbox"] = [-40, 10, 30, 20]
    with pytest.raises(ValueError, match=r"has no area in its 64x48 frame"):
        read(tmp_path, document, clip_boxes=True)
