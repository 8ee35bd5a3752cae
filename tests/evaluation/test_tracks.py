"""Frames and followed objects out of COCO-VID fields."""

from __future__ import annotations

import pytest

from evaluation.columns import truth_columns
from evaluation.tracks import read_tracks


def truth_of(images, annotations=()):
    size = {"width": 100, "height": 100, "file_name": "a.jpg"}
    return {
        "images": [{**size, **image} for image in images],
        "annotations": [
            {"id": number, "category_id": 1, "bbox": [0, 0, 9, 9], **annotation}
            for number, annotation in enumerate(annotations, start=1)
        ],
        "categories": [{"id": 1, "name": "fish"}],
    }


def tracks_of(truth):
    return read_tracks(truth, truth_columns(truth))


def test_pictures_alone_have_no_tracks():
    assert tracks_of(truth_of([{"id": 1}, {"id": 2, "video_id": None}])) is None


def test_the_order_of_the_file_does_not_matter():
    images = [
        {"id": 7, "video_id": 40, "frame_id": 8},
        {"id": 3},
        {"id": 5, "video_id": 40, "frame_id": 4},
        {"id": 2, "video_id": 9, "frame_id": 0},
    ]
    tracks = tracks_of(truth_of(images))
    # Of the images 2, 3, 5, 7.
    assert tracks.video.tolist() == [0, -1, 1, 1]
    assert tracks.frame[[2, 3]].tolist() == [0, 1]
    assert tracks.videos == 2
    assert not tracks.followed


def test_a_track_is_one_object_within_its_video_only():
    images = [
        {"id": i, "video_id": video, "frame_id": i} for i, video in enumerate((1, 1, 2), start=1)
    ]
    annotations = [
        {"image_id": 1, "track_id": 0},
        {"image_id": 2, "instance_id": 0},
        {"image_id": 3, "track_id": 0},
        {"image_id": 2},
        {"image_id": 2, "track_id": 0, "iscrowd": 1},
    ]
    first, second, elsewhere, untracked, crowd = tracks_of(truth_of(images, annotations)).object
    assert first == second != elsewhere
    assert (untracked, crowd) == (-1, -1)


def test_frames_without_a_place_follow_nothing():
    images = [{"id": 1, "video_id": 1}, {"id": 2, "video_id": 1}]
    annotations = [{"image_id": i, "track_id": 0} for i in (1, 2)]
    assert not tracks_of(truth_of(images, annotations)).followed


def test_a_track_id_that_is_no_number_is_named():
    with pytest.raises(ValueError, match="entry 0: expected a number as 'track_id', got"):
        tracks_of(
            truth_of(
                [{"id": 1, "video_id": 1, "frame_id": 0}], [{"image_id": 1, "track_id": "left"}]
            )
        )
