"""Drawn video: same seed, same data; COCO-VID; boxes that fit; classes that only motion tells."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import kstest

from datamodules.annotations.coco_reader import read_coco
from prepare.drawing_video.motion import KINDS, PERIOD, RADII, SPEED, draw_motion
from prepare.drawing_video.scene import LEAST_VISIBLE, SIZE, Body, Scene, draw_scene, film
from prepare.drawn_video import draw_video, draw_video_under, main

VIDEOS = 40
LOW, HIGH = (20.0, 30.0), (90.0, 120.0)
Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_video_under(tmp_path_factory.mktemp("drawn"), VIDEOS, seed=3)


@pytest.fixture(scope="module")
def document(drawn: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((drawn / "annotations.json").read_text())
    return loaded


def flat_scene(body: Body) -> Scene:
    """One body before a plain grey wall, seen from a tripod."""
    wall = np.full((SIZE + 8, SIZE + 8, 3), 128, np.uint8)
    return Scene(wall, None, (body,), np.zeros((len(body.motion.radii), 2)))


def some_body() -> Body:
    return next(b for b in draw_scene(np.random.default_rng(1)).bodies if b.label)


def test_a_larger_set_begins_with_the_smaller(drawn: Path, tmp_path: Path) -> None:
    few = draw_video(tmp_path / "set", 2, seed=3)
    pictures = sorted((few / "images").rglob("*.jpg"))
    assert len(pictures) >= 48
    for path in pictures:
        assert path.read_bytes() == (drawn / path.relative_to(few)).read_bytes()


def test_another_seed_draws_other_pictures(drawn: Path, tmp_path: Path) -> None:
    other = draw_video(tmp_path / "set", 1, seed=4)
    name = "images/drawn_0000/000000.jpg"
    assert (other / name).read_bytes() != (drawn / name).read_bytes()


def test_a_finished_set_is_not_drawn_again_nor_overwritten(drawn: Path) -> None:
    before = (drawn / "annotations.json").stat().st_mtime_ns
    assert draw_video(drawn, VIDEOS, seed=3) == drawn
    with pytest.raises(ValueError, match="other inputs or options"):
        draw_video(drawn, VIDEOS, seed=4)
    assert (drawn / "annotations.json").stat().st_mtime_ns == before


def test_it_says_drawn_wherever_a_reader_looks(drawn: Path, document: dict[str, Any]) -> None:
    assert drawn.name.startswith("drawn_video_40_3_")
    assert document["info"]["drawn"]
    assert "not real" in document["info"]["description"]
    assert all("drawn" in video["name"] for video in document["videos"])
    assert all("drawn" in image["source"] for image in document["images"])


def test_it_is_coco_vid(drawn: Path, document: dict[str, Any]) -> None:
    frames = defaultdict(list)
    for image in document["images"]:
        frames[image["video_id"]].append(image["frame_id"])
    assert [video["id"] for video in document["videos"]] == list(range(1, VIDEOS + 1))
    assert all(ids == list(range(len(ids))) for ids in frames.values())
    lengths = [len(frames[video["id"]]) for video in document["videos"]]
    assert 24 <= min(lengths) < max(lengths) <= 48
    videos = {image["id"]: image["video_id"] for image in document["images"]}
    owner: dict[int, tuple[int, int]] = {}
    for entry in document["annotations"]:
        assert entry["video_id"] == videos[entry["image_id"]]
        known = owner.setdefault(entry["instance_id"], (entry["video_id"], entry["category_id"]))
        assert known == (entry["video_id"], entry["category_id"])
    assert len(owner) > VIDEOS


def test_a_split_by_group_is_one_by_video(document: dict[str, Any]) -> None:
    names = {video["id"]: video["name"] for video in document["videos"]}
    assert all(image["group"] == names[image["video_id"]] for image in document["images"])


def test_the_reader_takes_it(drawn: Path, document: dict[str, Any]) -> None:
    read = read_coco(drawn / "annotations.json", drawn)
    assert read.classes.names == ("drifting", "swinging", "pulsing")
    assert len(read.image_ids) == len(document["images"])
    for image in document["images"][::200]:
        picture = cv2.imread(str(drawn / image["file_name"]))
        assert picture is not None
        assert picture.shape == (image["height"], image["width"], 3)


def test_every_class_is_there_and_few_bodies_are_ignored(document: dict[str, Any]) -> None:
    counts = np.bincount([e["category_id"] for e in document["annotations"]], minlength=4)
    assert counts[1:].min() > 0.15 * counts.sum()
    ignored = [entry for entry in document["annotations"] if entry["iscrowd"]]
    assert 0 < len(ignored) < 0.1 * counts.sum()
    assert all(entry["visible"] <= LEAST_VISIBLE for entry in ignored)


def test_boxes_enclose_the_visible_pixels() -> None:
    scene = flat_scene(some_body())
    for picture, (body,) in film(scene, np.random.default_rng(0)):
        seen = np.abs(picture.astype(int) - 128).max(-1) > 25  # well above the noise
        x1, y1, width, height = cv2.boundingRect(seen.view(np.uint8))
        np.testing.assert_allclose(body.box, (x1, y1, x1 + width, y1 + height), atol=1)
        assert body.visible == 1


def test_a_body_behind_a_post_is_ignored_and_then_gone() -> None:
    body = some_body()
    scene = flat_scene(replace(body, motion=replace(body.motion, radii=body.motion.radii * 0 + 12)))
    x = body.motion.centres[0, 0] + 4  # of the layer, which begins 4 px before the frame
    visible = []
    for reach in (-20, 7, 30):  # how far to the right of its centre the post covers
        front = np.zeros((*scene.backdrop.shape[:2], 4), np.uint8)
        front[:, : int(x + reach)] = 255
        _, bodies = next(film(replace(scene, front=front), np.random.default_rng(0)))
        visible.append([(body.visible, body.ignore) for body in bodies])
    assert visible[0] == [(1.0, False)]
    ((share, ignored),) = visible[1]
    assert 0 < share < LEAST_VISIBLE
    assert ignored
    assert visible[2] == []


def test_a_drifting_body_keeps_its_speed_and_size() -> None:
    motion = draw_motion("drifting", 12, (0, 0), (1000, 1000), np.random.default_rng(0))
    steps = np.hypot(*np.diff(motion.centres, axis=0).T)
    assert np.ptp(steps) < 1e-6
    assert SPEED[0] <= steps[0] <= SPEED[1]
    assert np.ptp(motion.radii) == 0


def test_a_swinging_body_returns_and_keeps_its_size() -> None:
    motion = draw_motion("swinging", 400, (0, 0), (1000, 1000), np.random.default_rng(0))
    reach = np.linalg.norm(np.ptp(motion.centres, axis=0))
    assert 27 <= reach <= 40
    along = motion.centres[:, 0] - motion.centres[:, 0].mean()
    crossings = np.count_nonzero(np.diff(np.sign(along)))
    assert 2 * 400 / PERIOD[1] - 2 <= crossings <= 2 * 400 / PERIOD[0] + 2
    assert np.ptp(motion.radii) == 0


def test_a_pulsing_body_stays_and_takes_all_sizes() -> None:
    motion = draw_motion("pulsing", 400, LOW, HIGH, np.random.default_rng(0))
    assert np.ptp(motion.centres, axis=0).tolist() == [0, 0]
    assert motion.radii.min() == pytest.approx(RADII[0], rel=0.05)
    assert motion.radii.max() == pytest.approx(RADII[1], rel=0.05)


def test_a_still_body_is_still() -> None:
    motion = draw_motion("still", 50, LOW, HIGH, np.random.default_rng(0))
    assert np.ptp(motion.centres, axis=0).tolist() == [0, 0]
    assert np.ptp(motion.radii) == 0


def test_an_unknown_motion_is_named() -> None:
    with pytest.raises(ValueError, match="unknown motion 'jumping': expected one of drifting"):
        draw_motion("jumping", 5, LOW, HIGH, np.random.default_rng(0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("frame", [0, 5, 23])
def test_place_and_size_of_any_frame_are_uniform_for_every_kind(kind: str, frame: int) -> None:
    rng = np.random.default_rng([frame, KINDS.index(kind)])
    motions = [draw_motion(kind, 24, LOW, HIGH, rng) for _ in range(1500)]
    centres = np.array([motion.centres[frame] for motion in motions])
    sizes = np.log([motion.radii[frame] for motion in motions])
    ends = zip((*LOW, np.log(RADII[0])), (*HIGH, np.log(RADII[1])), strict=True)
    for values, (low, high) in zip((*centres.T, sizes), ends, strict=True):
        assert kstest(values, "uniform", (low, high - low)).pvalue > 0.001


def right_share(train: Floats, labels: Any, test: Floats, truth: Any) -> float:
    """Accuracy of the vote of the nine nearest neighbours."""
    mean, spread = train.mean(0), train.std(0)
    gaps = ((test - mean) / spread)[:, None] - ((train - mean) / spread)[None]
    nearest = np.argsort((gaps**2).sum(-1), axis=1)[:, :9]
    votes = [np.bincount(row).argmax() for row in np.asarray(labels)[nearest]]
    return float(np.mean(np.array(votes) == np.asarray(truth)))


def look_features(seed: int) -> tuple[list[list[float]], list[int]]:
    """Box and colours of every labelled body in one frame of a scene."""
    rng = np.random.default_rng([7, seed])
    picture, bodies = next(film(draw_scene(rng), rng))
    features = []
    for body in bodies:
        x1, y1, x2, y2 = body.box
        crop = picture[y1:y2, x1:x2].reshape(-1, 3)
        shape = [x2 - x1, y2 - y1, (x2 - x1) / (y2 - y1), x1 + x2, y1 + y2]
        features.append([*shape, body.visible, *crop.mean(0), *crop.std(0)])
    return features, [body.label for body in bodies]


def test_one_frame_does_not_tell_the_class() -> None:
    scenes = [look_features(seed) for seed in range(400)]
    features = np.array([row for rows, _ in scenes for row in rows])
    labels = np.array([label for _, some in scenes for label in some])
    half = len(labels) // 2
    right = right_share(features[:half], labels[:half], features[half:], labels[half:])
    spread = (2 / 9 / half) ** 0.5  # of the accuracy of guessing among three
    assert right < 1 / 3 + 3 * spread
    assert half > 400


def track_features(boxes: Floats) -> list[float]:
    """How much a row of xywh boxes wanders, breathes, steps and ends elsewhere."""
    centres = boxes[:, :2] + boxes[:, 2:] / 2
    sizes = np.log(boxes[:, 2] * boxes[:, 3])
    steps = np.abs(np.diff(centres, axis=0)).sum(1)
    half = len(boxes) // 2
    moved = np.linalg.norm(centres[:half].mean(0) - centres[half:].mean(0))
    return [
        np.log1p(centres.std(0).sum()),
        sizes.std(),
        np.log1p(np.median(steps)),
        np.log1p(moved),
    ]


@pytest.mark.parametrize(("window", "least"), [(8, 0.95), (24, 0.98)])
def test_the_track_tells_the_class(document: dict[str, Any], window: int, least: float) -> None:
    tracks = defaultdict(list)
    for entry in document["annotations"]:
        if not entry["iscrowd"]:
            tracks[entry["instance_id"]].append(entry)
    parts = [
        track[first : first + window]
        for track in tracks.values()
        for first in range(0, len(track) - window + 1, window)
    ]
    features = np.array([track_features(np.array([e["bbox"] for e in part])) for part in parts])
    labels = np.array([part[0]["category_id"] for part in parts])
    train = np.array([part[0]["video_id"] % 2 == 0 for part in parts])
    right = right_share(features[train], labels[train], features[~train], labels[~train])
    assert right > least


@pytest.mark.parametrize("arguments", [["--videos", "0"], ["--seed", "-1"]])
def test_impossible_settings_end_with_a_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(["--out", str(tmp_path / "set"), *arguments]) == 1
    assert "expected videos >= 1 and seed >= 0" in capsys.readouterr().err
    assert not (tmp_path / "set").exists()


def test_the_command_line_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path / "set"), "--videos", "1"]) == 0
    assert str(tmp_path / "set") in capsys.readouterr().out.replace("\n", "")
    assert (tmp_path / "set" / "annotations.json").is_file()
