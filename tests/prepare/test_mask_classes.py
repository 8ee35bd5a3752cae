"""Mask values to labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from prepare.mask_classes import PRESETS, MaskClasses

GREY = np.array([[0, 1], [2, 3]], np.uint8)
NUMBERS = {"building": [1], "window": [2], "door": [3], "other": [0]}


def save(path: Path, values: np.ndarray, mode: str) -> Path:
    if mode == "P":
        picture = Image.fromarray(values, "P")
        picture.putpalette([9, 9, 9, 0, 255, 0, 0, 0, 255, 255, 0, 0])
    elif mode == "I;16":
        picture = Image.fromarray(values.astype(np.uint16))
    else:
        picture = Image.fromarray(values).convert(mode)
    picture.save(path)
    return path


@pytest.mark.parametrize("mode", ["L", "P", "I;16", "RGB", "RGBA"])
def test_grey_values_and_palette_indices_are_labels(tmp_path: Path, mode: str) -> None:
    classes = MaskClasses(NUMBERS, "test")
    assert (classes.read(save(tmp_path / "m.png", GREY, mode)) == GREY).all()


def test_colours_of_palette_and_rgb_masks(tmp_path: Path) -> None:
    mapping = {"building": [[0, 255, 0]], "window": [[0, 0, 255]], "door": [[255, 0, 0]]}
    classes = MaskClasses(mapping | {"other": [[9, 9, 9]]}, "test")
    path = save(tmp_path / "m.png", GREY, "P")
    assert (classes.read(path) == GREY).all()
    Image.open(path).convert("RGBA").save(tmp_path / "c.png")
    assert (classes.read(tmp_path / "c.png") == GREY).all()


def test_values_outside_the_mapping_are_named_unless_any_is_allowed(tmp_path: Path) -> None:
    path = save(tmp_path / "m.png", GREY, "L")
    with pytest.raises(ValueError, match=r"m\.png: value 3 \(1 px\) is not in test"):
        MaskClasses({"building": [1], "window": [2], "door": [7], "other": [0]}, "test").read(path)
    any_other = MaskClasses({"building": [], "window": [2], "door": [], "other": "any"}, "test")
    assert (any_other.read(path) == [[0, 0], [2, 0]]).all()
    with pytest.raises(
        ValueError, match=r"m\.png: value \[1, 1, 1\] \(1 px\) is not in preset labelme"
    ):
        MaskClasses.load("labelme").read(path)


def test_coloured_mask_with_numbers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.png"
    Image.new("RGB", (3, 3), (128, 0, 0)).save(path)
    message = r"m\.png: preset seed lists numbers.*got a picture of mode RGB"
    with pytest.raises(ValueError, match=message):
        MaskClasses.load("seed").read(path)


def test_numbers_out_of_range_are_refused_and_bits_read_as_0_and_255(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 70000]], np.int32)).save(tmp_path / "m.tif")
    with pytest.raises(ValueError, match=r"m\.tif: .*up to 65535 is expected, got .*mode I"):
        MaskClasses.load("seed").read(tmp_path / "m.tif")
    Image.new("1", (2, 1), 1).save(tmp_path / "m.png")
    bits = MaskClasses({"building": [], "window": [255], "door": [], "other": [0]}, "test")
    assert (bits.read(tmp_path / "m.png") == [[2, 2]]).all()


def test_unreadable_mask_is_named(tmp_path: Path) -> None:
    path = save(tmp_path / "m.png", GREY, "L")
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ValueError, match=r"m\.png: not a readable mask"):
        MaskClasses.load("seed").read(path)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"building": [1], "window": [2]}, "expected the keys building, window, door"),
        (NUMBERS | {"doors": [4]}, "expected the keys"),
        (NUMBERS | {"door": 3}, "door: expected a list, got 3"),
        (NUMBERS | {"door": [2]}, "door: value 2 is listed twice"),
        (NUMBERS | {"door": [[1, 2, 3]]}, "either numbers or colours"),
        (NUMBERS | {"door": [-1]}, r"door: expected 0\.\.65535 or .*got -1"),
        (NUMBERS | {"door": [[1, 2, 300]]}, "got .1, 2, 300."),
        (NUMBERS | {"door": [True]}, "got True"),
    ],
)
def test_mistakes_in_a_mapping_are_named(
    tmp_path: Path, mapping: dict[str, Any], message: str
) -> None:
    file = tmp_path / "classes.json"
    file.write_text(json.dumps(mapping))
    with pytest.raises(ValueError, match=r"classes\.json.*" + message):
        MaskClasses.load(str(file))


def test_missing_and_malformed_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="neither a file nor one of labelme, paris"):
        MaskClasses.load("lableme")
    file = tmp_path / "classes.json"
    file.write_text('{"building":\n [1,}')
    with pytest.raises(ValueError, match=r"classes\.json, line 2: malformed JSON"):
        MaskClasses.load(str(file))
    file.write_text("[]")
    with pytest.raises(ValueError, match="expected a JSON object"):
        MaskClasses.load(str(file))


def test_presets_are_well_formed() -> None:
    assert set(PRESETS) == {"labelme", "paris", "cmp", "seed"}
    for name in PRESETS:
        assert MaskClasses.load(name).colours == (name == "labelme")


@pytest.mark.parametrize("name", ["cmp", "labelme", "paris"])
def test_presets_know_every_value_of_real_masks(shared: Path, name: str) -> None:
    files = sorted((shared / "data" / f"facades_{name}" / "dev" / "labels_png").iterdir())
    for file in files[:10]:
        assert {1, 2} <= set(np.unique(MaskClasses.load(name).read(file)).tolist()) <= {0, 1, 2, 3}
