"""Drawn doors: those of the drawn facades, at a quarter of the size, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from datamodules.annotations.coco_reader import read_coco
from datamodules.detection_datamodule import DetectionDataModule
from prepare.drawn_doors import draw_doors_under


@pytest.fixture(scope="module")
def doors(drawn_root: Path) -> Path:
    return draw_doors_under(drawn_root.parent, 24, seed=3)


def document(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / "annotations.json").read_text())
    return loaded


def test_boxes_are_those_of_the_doors_at_a_quarter_of_the_size(
    doors: Path, drawn_root: Path
) -> None:
    whole, small = document(drawn_root), document(doors)
    assert [category["name"] for category in small["categories"]] == ["door"]
    wanted = [a for a in whole["annotations"] if a["category_id"] == 3]
    wanted.sort(key=lambda a: (a["image_id"], a["id"]))
    assert len(small["annotations"]) == len(wanted)
    for found, large in zip(small["annotations"], wanted, strict=True):
        np.testing.assert_allclose(found["bbox"], np.array(large["bbox"]) / 4, atol=1)
        assert (found["image_id"], found["iscrowd"]) == (large["image_id"], large["iscrowd"])
    assert any(not a["iscrowd"] for a in small["annotations"])
    read_coco(doors / "annotations.json", doors)  # inside their frames, by the reader's own check


def test_pictures_are_those_of_the_facades_at_a_quarter_of_the_size(
    doors: Path, drawn_root: Path
) -> None:
    for image, large in zip(document(doors)["images"], document(drawn_root)["images"], strict=True):
        assert image["group"] == large["group"]
        picture = cv2.imread(str(doors / image["file_name"]))
        assert picture is not None
        assert picture.shape == (large["height"] // 4, large["width"] // 4, 3)
        assert (image["width"], image["height"]) == (picture.shape[1], picture.shape[0])
        street = cv2.imread(str(drawn_root / large["file_name"]))
        assert street is not None
        shrunk = cv2.resize(street, picture.shape[1::-1], interpolation=cv2.INTER_AREA)
        _, stored = cv2.imencode(".jpg", shrunk, [cv2.IMWRITE_JPEG_QUALITY, 95])
        np.testing.assert_array_equal(picture, cv2.imdecode(stored, cv2.IMREAD_COLOR))


def test_they_are_drawn_once_and_say_so(doors: Path, drawn_root: Path) -> None:
    written = (doors / "annotations.json").stat().st_mtime_ns
    assert draw_doors_under(drawn_root.parent, 24, seed=3) == doors
    assert (doors / "annotations.json").stat().st_mtime_ns == written
    assert doors.name.startswith("drawn_doors_24_3_")
    assert document(doors)["info"]["drawn"]
    assert "not real" in document(doors)["info"]["description"]

    def draw(destination: Path) -> Path:
        return draw_doors_under(destination, 24, 3)

    data = DetectionDataModule(draw=draw, drawn_root=str(drawn_root.parent))
    data.prepare_data()
    assert data.drawn
    assert data.name == doors.name
