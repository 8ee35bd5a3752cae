"""Drawn facades: same seed, same data; boxes that fit the pixels; nothing half-written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from datamodules.annotations.coco_reader import read_coco
from prepare.drawing.camera import HOUSE_STRIDE, Picture
from prepare.drawing.scene import Row, build_row, take_picture
from prepare.drawing.visible_objects import (
    BUILDING,
    LEAST_VISIBLE,
    VisibleObject,
    visible_objects,
)
from prepare.drawn_facades import draw_facades, main

ROOT = Path(__file__).resolve().parents[2]
PICTURES = 16


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_facades(tmp_path_factory.mktemp("drawn") / "set", PICTURES, seed=3, workers=2)


@pytest.fixture(scope="module")
def document(drawn: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((drawn / "annotations.json").read_text())
    return loaded


@pytest.fixture(scope="module")
def scenes() -> list[tuple[Row, Picture, list[VisibleObject]]]:
    scenes = []
    for number in range(5):
        row = build_row(np.random.default_rng(number))
        for view in range(2):
            picture = take_picture(row, np.random.default_rng([number, view]))
            scenes.append((row, picture, visible_objects(picture, row)))
    return scenes


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_result_does_not_depend_on_the_number_of_workers(drawn: Path, tmp_path: Path) -> None:
    alone = draw_facades(tmp_path / "set", PICTURES, seed=3, workers=1)
    assert contents(alone) == contents(drawn)


def test_a_larger_set_begins_with_the_smaller(drawn: Path, tmp_path: Path) -> None:
    few = draw_facades(tmp_path / "set", 4, seed=3, workers=1)
    for path in (few / "images").iterdir():
        assert path.read_bytes() == (drawn / "images" / path.name).read_bytes()


def test_another_seed_draws_other_pictures(drawn: Path, tmp_path: Path) -> None:
    other = draw_facades(tmp_path / "set", 1, seed=4, workers=1)
    name = "images/drawn_00000.jpg"
    assert (other / name).read_bytes() != (drawn / name).read_bytes()


def test_it_says_drawn_wherever_a_reader_looks(document: dict[str, Any]) -> None:
    assert document["info"]["drawn"]
    assert "drawn" in document["info"]["description"]
    assert "not real" in document["info"]["description"]
    assert all("drawn" in image["source"] for image in document["images"])
    assert all("drawn" in image["file_name"] for image in document["images"])


def test_pictures_have_the_size_and_form_they_state(drawn: Path, document: dict[str, Any]) -> None:
    assert len(document["images"]) == PICTURES
    forms = set()
    for image in document["images"]:
        picture = cv2.imread(str(drawn / image["file_name"]))
        assert picture is not None
        assert picture.shape == (image["height"], image["width"], 3)
        assert 340 <= min(picture.shape[:2]) <= max(picture.shape[:2]) <= 640
        assert picture.std() > 20
        forms.add(image["width"] > image["height"])
    assert forms == {True, False}


def test_boxes_lie_inside_their_frames_and_have_area(document: dict[str, Any]) -> None:
    frames = {image["id"]: image for image in document["images"]}
    for entry in document["annotations"]:
        x, y, width, height = entry["bbox"]
        frame = frames[entry["image_id"]]
        assert x >= 0
        assert y >= 0
        assert width > 0
        assert height > 0
        assert x + width <= frame["width"]
        assert y + height <= frame["height"]
        assert 0 < entry["area"] <= width * height


def test_every_class_is_there_in_the_numbers_of_a_street(document: dict[str, Any]) -> None:
    counts = Counter(a["category_id"] for a in document["annotations"] if not a["iscrowd"])
    assert [c["name"] for c in document["categories"]] == ["building", "window", "door"]
    assert PICTURES <= counts[1] <= 2 * PICTURES
    assert 5 * PICTURES <= counts[2] <= 16 * PICTURES
    assert 0.8 * PICTURES <= counts[3] <= 2 * PICTURES


def test_most_windows_and_doors_are_large_enough_for_ssd300(document: dict[str, Any]) -> None:
    frames = {image["id"]: image for image in document["images"]}
    heights: dict[int, list[float]] = {2: [], 3: []}
    for entry in document["annotations"]:
        if entry["category_id"] in heights and not entry["iscrowd"]:
            frame = frames[entry["image_id"]]
            heights[entry["category_id"]].append(entry["bbox"][3] * 300 / frame["height"])
    assert np.mean(np.array(heights[2]) >= 14) > 0.9
    assert np.mean(np.array(heights[3]) >= 20) > 0.9


def test_a_group_is_a_run_of_two_to_four_pictures_of_one_row(document: dict[str, Any]) -> None:
    groups = [image["group"] for image in document["images"]]
    sizes = Counter(groups)
    changes = sum(a != b for a, b in pairwise(groups))
    assert changes == len(sizes) - 1  # no row comes back under its name later
    assert all(2 <= size <= 4 for size in list(sizes.values())[:-1])


def test_the_datamodules_reader_accepts_it(drawn: Path) -> None:
    annotations = read_coco(drawn / "annotations.json", drawn)
    assert annotations.classes.names == ("building", "window", "door")


def test_boxes_enclose_exactly_the_visible_pixels(
    scenes: list[tuple[Row, Picture, list[VisibleObject]]],
) -> None:
    compared = 0
    for row, picture, found in scenes:
        for number in sorted(row.labelled):
            for k, opening in enumerate(row.houses[number - 1].openings, start=1):
                mask = (picture.codes == number * HOUSE_STRIDE + k) & ~picture.covered
                if not mask.any():
                    continue
                rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
                box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
                same = [t for t in found if t.box == box and t.label == opening.label]
                assert len(same) == 1
                assert same[0].pixels == mask.sum()
                compared += 1
    assert compared > 50


def test_boxes_agree_with_the_projected_corners(
    scenes: list[tuple[Row, Picture, list[VisibleObject]]],
) -> None:
    compared = 0
    for row, picture, found in scenes:
        expected = []
        for number in row.labelled:
            house = row.houses[number - 1]
            for opening in house.openings:
                x0, y0, x1, y1 = opening.box
                corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
                flat = picture.camera.project(house.front.points(corners))
                expected.append(np.concatenate([flat.min(axis=0), flat.max(axis=0)]))
        for t in found:
            if t.label != BUILDING and t.visible > 0.95 and not t.ignore and not t.truncated:
                assert min(np.abs(np.array(t.box) - box).max() for box in expected) < 2.5
                compared += 1
    assert compared > 30


def test_what_is_hidden_is_ignored_and_neighbours_are_ignored_in_every_class(
    scenes: list[tuple[Row, Picture, list[VisibleObject]]],
) -> None:
    neighbours = 0
    for row, picture, found in scenes:
        assert all(t.visible >= LEAST_VISIBLE for t in found if not t.ignore)
        for number in set(range(1, len(row.houses) + 1)) - row.labelled:
            mask = (picture.codes // HOUSE_STRIDE == number) & ~picture.covered
            if mask.any():
                x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
                box = (x, y, x + width, y + height)
                assert [t.ignore for t in found if t.box == box and t.label == BUILDING] == [True]
                neighbours += 1
    assert neighbours > 0


def test_pixels_of_an_unlabelled_houses_openings_lie_in_ignored_regions(
    scenes: list[tuple[Row, Picture, list[VisibleObject]]],
) -> None:
    for row, picture, found in scenes:
        for number, house in enumerate(row.houses, start=1):
            if number in row.labelled:
                continue
            for k, opening in enumerate(house.openings, start=1):
                mask = (picture.codes == number * HOUSE_STRIDE + k) & ~picture.covered
                for t in found:
                    if t.ignore and t.label == opening.label:
                        x0, y0, x1, y1 = t.box
                        mask[y0:y1, x0:x1] = False
                assert not mask.any()


def test_a_second_call_writes_nothing(drawn: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in drawn.rglob("*")}
    assert draw_facades(drawn, PICTURES, seed=3) == drawn
    assert {path: path.stat().st_mtime_ns for path in drawn.rglob("*")} == before


def test_data_of_other_settings_is_not_overwritten(drawn: Path) -> None:
    with pytest.raises(ValueError, match="other inputs or options"):
        draw_facades(drawn, PICTURES, seed=5)


@pytest.mark.parametrize(("pictures", "seed"), [(0, 0), (3, -1)])
def test_senseless_numbers_are_refused(tmp_path: Path, pictures: int, seed: int) -> None:
    with pytest.raises(ValueError, match="expected pictures >= 1 and seed >= 0"):
        draw_facades(tmp_path / "set", pictures, seed)
    assert not (tmp_path / "set").exists()


def test_a_killed_run_leaves_no_annotations_and_the_next_completes(tmp_path: Path) -> None:
    out = tmp_path / "set"
    command = [sys.executable, "-m", "prepare.drawn_facades", "--out", str(out)]
    with subprocess.Popen(
        [*command, "--pictures", "4000"], cwd=ROOT, stderr=subprocess.DEVNULL, process_group=0
    ) as run:
        time.sleep(2.5)
        os.killpg(run.pid, signal.SIGKILL)
    assert not (out / "annotations.json").exists()
    subprocess.run([*command, "--pictures", "3"], cwd=ROOT, check=True, capture_output=True)
    assert len(json.loads((out / "annotations.json").read_text())["images"]) == 3


def test_wrong_options_end_with_a_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["--out", str(tmp_path / "out"), "--pictures", "0"]) == 1
    assert capsys.readouterr().err.startswith("error: expected pictures >= 1")
    assert not (tmp_path / "out").exists()
