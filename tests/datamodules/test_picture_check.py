from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from datamodules.annotations.coco_reader import read_coco
from datamodules.picture_check import check_pictures


@pytest.fixture(params=["png", "jpg"])
def root(request: pytest.FixtureRequest, make_root: Callable[..., Path]) -> Path:
    """A data set of either format."""
    root = make_root()
    text = (root / "annotations.json").read_text()
    (root / "annotations.json").write_text(text.replace(".png", f".{request.param}"))
    for path in (root / "images").iterdir():
        cv2.imwrite(str(path.with_suffix(f".{request.param}")), cv2.imread(str(path)))
    return root


def faults(root: Path) -> list[str]:
    return check_pictures(read_coco(root / "annotations.json", root))


def picture_of(root: Path, index: int) -> Path:
    return root / json.loads((root / "annotations.json").read_text())["images"][index]["file_name"]


def test_whole_pictures_pass(root: Path) -> None:
    assert faults(root) == [""] * 6


@pytest.mark.parametrize("kept", [0, 3, 60, 0.5, 0.99, -1])
def test_truncated_pictures_are_named(root: Path, kept: float) -> None:
    path = picture_of(root, 2)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept) if 0 < kept < 1 else int(kept)])
    found = faults(root)
    assert [index for index, fault in enumerate(found) if fault] == [2]
    assert f"{path.name} (image id 12): damaged or cut short" in found[2]


def test_bytes_behind_the_end_are_harmless(root: Path) -> None:
    with picture_of(root, 2).open("ab") as file:
        file.write(b"\0\0trailer")
    assert faults(root) == [""] * 6


def test_missing_picture_is_named(root: Path) -> None:
    picture_of(root, 1).unlink()
    assert "(image id 11): no such picture" in faults(root)[1]


def test_size_must_be_the_annotations(root: Path) -> None:
    cv2.imwrite(str(picture_of(root, 3)), np.zeros((64, 48, 3), np.uint8))
    assert "(image id 13): is 48x64 pixels, its annotations say 64x48" in faults(root)[3]
