from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from datamodules.coco_reader import read_coco
from datamodules.picture import check_pictures, read_picture


def test_pixels_are_rgb_as_stored(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png"), pixels)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "I;16"])
def test_other_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (7, 5)).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    assert picture.shape == (5, 7, 3)
    assert picture.dtype == np.uint8


def test_exif_orientation_does_not_turn_the_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "a.jpg", exif=exif)
    assert read_picture(tmp_path / "a.jpg").shape == (20, 40, 3)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_undecodable_files_are_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.png: not a picture"):
        read_picture(tmp_path / "a.png")


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"a\.png: no such picture"):
        read_picture(tmp_path / "a.png")


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
