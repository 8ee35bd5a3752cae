"""The frames of an animation: how many, what is painted on them, what they weigh."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from evaluation import evaluate_detections
from evaluation.matching import match_detections
from evaluation.report.animation import CLIP_BUDGET, SIDE, animated_clips
from evaluation.report.clips import LONGEST, choose_clips, read_videos
from evaluation.report.page import ReportMeta, write_report
from evaluation.report.verdict_drawing import CORRECT, FALSE_ALARM, MISSED
from evaluation.results_json import read_truth
from evaluation.verdicts import judge
from prepare.drawn_video import draw_video

META = ReportMeta("TransVOD Lite", "films", drawn=False)
GREY = 128


def moving(frames: int, runs: int = 1) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A clip of a body that moves 4 pixels a frame, found, missed and mistaken by turns.

    Returns:
        The clips, and the truth.
    """
    size = {"width": 160, "height": 120}
    images = [{"id": i + 1, "video_id": 1, "frame_id": i, **size} for i in range(frames)]
    box = {i: [10.0 + 4 * i, 40.0, 30.0, 40.0] for i in range(frames)}
    truth = {
        "images": images,
        "annotations": [
            {"id": i, "image_id": i + 1, "category_id": 1, "bbox": box[i]} for i in box
        ],
        "categories": [{"id": 1, "name": "drifting"}, {"id": 2, "name": "pulsing"}],
    }
    results = [
        {"image_id": i + 1, "category_id": 1, "bbox": box[i], "score": 0.9}
        for i in box
        if i % 3 == 0
    ]
    results += [
        {"image_id": i + 1, "category_id": 2, "bbox": [110, 70, 30, 30], "score": 0.8}
        for i in box
        if i % 3 == 2
    ]
    verdict = judge(match_detections(truth, results), {"drifting": 0.5, "pulsing": 0.5})
    verdicts = {f"run {i}": verdict for i in range(runs)}
    videos = read_videos(truth, verdict.matches.truth.image_ids)
    clips = choose_clips(videos, list(verdicts.values()))
    blank = np.full((120, 160, 3), GREY, dtype=np.uint8)
    return animated_clips(clips, verdicts, lambda _: blank), truth


def decoded(frame: dict[str, Any]) -> np.ndarray:
    data = io.BytesIO(base64.b64decode(frame["webp"]))
    return np.asarray(Image.open(data).convert("RGB")).astype(int)


def shows(picture: np.ndarray, x: float, y: float, colour: tuple[int, int, int]) -> bool:
    """The colour is there, within a pixel and what the compression changes."""
    spot = picture[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2].reshape(-1, 3)
    return bool((np.abs(spot - np.array(colour)).max(axis=1) < 70).any())


def test_every_frame_has_its_boxes_where_they_are_and_in_the_colour_of_their_verdict():
    (clip,), truth = moving(18)
    (reel,) = clip["reels"]
    assert len(reel["frames"]) == 18
    for i, frame in enumerate(reel["frames"]):
        picture = decoded(frame)
        assert picture.shape == (240, SIDE, 3)  # twice as large as stored
        x, y, w, h = (2 * v for v in truth["annotations"][i]["bbox"])
        colour = CORRECT if i % 3 == 0 else MISSED
        for edge_x, edge_y in ((x + 1, y + h / 2), (x + w - 2, y + h / 2)):
            column = picture[round(y) : round(y + h), round(edge_x)]
            assert (np.abs(column - np.array(colour)).max(axis=1) < 70).any()
            assert not shows(
                picture, edge_x + 8 * (1 if edge_x < x + w / 2 else -1), edge_y, colour
            )
        assert shows(picture, 222, 170, FALSE_ALARM) is (i % 3 == 2)
        outside = picture[:60]
        assert np.abs(outside - GREY).max() < 40  # nothing is painted far from the boxes


def test_tags_name_the_class_of_what_was_missed_below_it_and_of_a_false_alarm_above():
    (clip,), _ = moving(3)
    right, missed, mistaken = (decoded(frame) for frame in clip["reels"][0]["frames"])
    assert shows(right, 26, 76, CORRECT)
    assert shows(missed, 32, 164, MISSED)
    assert not shows(missed, 32, 72, MISSED)
    assert shows(mistaken, 226, 136, FALSE_ALARM)


def test_frames_say_what_stands_on_them():
    (clip,), _ = moving(3)
    tallies = [frame["tally"] for frame in clip["reels"][0]["frames"]]
    assert tallies == [
        "Frame 0: 1 correct, 0 missed, 0 false",
        "Frame 1: 0 correct, 1 missed, 0 false",
        "Frame 2: 0 correct, 1 missed, 1 false",
    ]


def test_a_long_video_is_cut_and_says_so():
    (clip,), _ = moving(60, runs=2)
    assert [len(reel["frames"]) for reel in clip["reels"]] == [LONGEST, LONGEST]
    assert len(clip["frame_ids"]) == LONGEST
    assert clip["of"] == 60


def page(path: Path, film: Any, picture: np.ndarray, runs: int = 1) -> str:
    """A report on films that show one and the same picture all the time."""
    truth, results = film(2, videos=3)
    scores = {f"run {i}": evaluate_detections(truth, results) for i in range(runs)}
    write_report(path, scores, truth, lambda _: picture, META)
    return path.read_text()


BLANK = np.full((480, 640, 3), GREY, dtype=np.uint8)


def test_a_page_stays_under_five_megabytes_with_clips_that_compress_badly(tmp_path, film):
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    text = page(tmp_path / "r.html", film, noise, runs=2)
    assert (tmp_path / "r.html").stat().st_size <= 5_000_000
    weight = sum(len(data) * 3 / 4 for data in re.findall(r"image/webp;base64,([^\"]*)", text))
    assert 0.2 * CLIP_BUDGET < weight <= CLIP_BUDGET + 1000


def test_a_page_with_clips_asks_nothing_of_the_network_and_runs_its_own_script_alone(
    tmp_path, film
):
    text = page(tmp_path / "r.html", film, BLANK)
    plain = re.sub(r"base64,[^\"]*", "", text)
    assert re.findall(r"(?:https?:)//[\w.-]+", plain) == []
    assert "@import" not in plain
    assert "url(" not in plain
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1].replace("&#39;", "'")
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy


def test_stills_among_the_pictures_are_of_different_videos(tmp_path, film):
    text = page(tmp_path / "r.html", film, BLANK)
    shown = re.findall(r'class="photo".*?<span class="file">(.*?)</span>', text, re.DOTALL)
    videos = [name.split("/")[0] for name in shown]
    assert len(shown) >= 4
    assert all(videos.count(video) <= 2 for video in videos)  # the best and the worst of each


def test_a_page_of_pictures_has_neither_clips_nor_a_script(tmp_path, street):
    scores = {"ssd300": evaluate_detections(street.truth, street.results)}
    write_report(tmp_path / "r.html", scores, street.truth, street.pictures.__getitem__, META)
    text = (tmp_path / "r.html").read_text()
    assert "script" not in text
    assert "image/webp" not in text
    assert "prefers-reduced-motion" not in text


def test_an_animation_of_a_drawn_video_has_all_of_its_frames(tmp_path):
    root = draw_video(tmp_path / "drawn", videos=1, seed=2)
    truth = read_truth(root / "annotations.json")
    paths = {image["id"]: root / image["file_name"] for image in truth["images"]}

    def picture(image_id: int) -> np.ndarray:
        return np.asarray(Image.open(paths[image_id]).convert("RGB"))

    results = [{**a, "score": 0.9} for a in truth["annotations"] if not a["iscrowd"]]
    scores = {"oracle": evaluate_detections(truth, results)}
    write_report(tmp_path / "r.html", scores, truth, picture, META)
    text = (tmp_path / "r.html").read_text()
    assert text.count("data:image/webp;base64,") == min(len(truth["images"]), LONGEST)
    assert f"frames 0 to {len(paths) - 1} ({len(paths)} of {len(paths)})" in text
    assert "prefers-reduced-motion" in text


def test_what_cannot_be_kept_small_is_refused():
    images = [{"id": i, "video_id": 1, "frame_id": i, "width": 160, "height": 120} for i in (1, 2)]
    boxes = [{"id": i, "image_id": i, "category_id": 1, "bbox": [1, 1, 9, 9]} for i in (1, 2)]
    truth = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "a"}]}
    verdict = judge(match_detections(truth, []), {"a": 0.5})
    clips = choose_clips(read_videos(truth, verdict.matches.truth.image_ids), [verdict])
    with pytest.raises(ValueError, match="compare fewer"):
        animated_clips(clips, {"run": verdict}, lambda _: BLANK, budget=100)
