"""The command line from facade masks to COCO."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from prepare.facade_masks import main


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two pictures of two streets with their masks: a building, a window and a door."""
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    labels = np.zeros((60, 80), np.uint8)
    labels[10:50, 0:70] = 1
    labels[15:25, 10:20] = 2
    labels[40:50, 30:40] = 3
    for stem in ("north__1", "south__2"):
        Image.new("RGB", (80, 60)).save(tmp_path / "images" / f"{stem}.jpg")
        Image.fromarray(labels).save(tmp_path / "masks" / f"{stem}.png")
    return tmp_path


def run(data: Path, *more: str) -> int:
    folders = [f"--images={data / 'images'}", f"--masks={data / 'masks'}", f"--out={data / 'out'}"]
    classes = [] if any(m.startswith("--classes") for m in more) else ["--classes=seed"]
    return main([*folders, *classes, *more])


def test_boxes_flags_groups_and_source(data: Path) -> None:
    assert run(data, "--group-pattern=^(.*)__", "--source=drawn streets") == 0
    document = json.loads((data / "out/annotations.json").read_text())
    images = [(i["file_name"], i["group"], i["source"]) for i in document["images"]]
    assert images == [
        ("images/north__1.jpg", "north", "drawn streets"),
        ("images/south__2.jpg", "south", "drawn streets"),
    ]
    keys = ("category_id", "bbox", "area", "truncated", "review")
    first = [tuple(a[k] for k in keys) for a in document["annotations"] if a["image_id"] == 1]
    assert first == [
        (1, [0, 10, 70, 40], 2800, True, False),
        (2, [10, 15, 10, 10], 100, False, False),
        (3, [30, 40, 10, 10], 100, False, False),
    ]
    assert [c["name"] for c in document["categories"]] == ["building", "window", "door"]
    for image in (data / "images").iterdir():
        assert (data / "out/images" / image.name).read_bytes() == image.read_bytes()


def test_second_run_says_that_nothing_changed(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data) == 0
    before = (data / "out/annotations.json").stat().st_mtime_ns
    capsys.readouterr()
    assert run(data) == 0
    assert "nothing changed" in capsys.readouterr().out
    assert (data / "out/annotations.json").stat().st_mtime_ns == before
    assert run(data, "--connectivity=8") == 1
    assert "other inputs or options" in capsys.readouterr().err


def test_without_a_pattern_every_picture_is_its_own_group(data: Path) -> None:
    run(data)
    images = json.loads((data / "out/annotations.json").read_text())["images"]
    assert [image["group"] for image in images] == ["north__1", "south__2"]
    assert {image["source"] for image in images} == {"out"}


def test_options_reach_the_rules(data: Path) -> None:
    options = ["--limit=window=11,0,0", "--limit=door=0,101,0", "--training-size=0"]
    assert run(data, *options, "--building-gap=0", "--keep-touching") == 0
    document = json.loads((data / "out/annotations.json").read_text())
    assert {a["category_id"] for a in document["annotations"]} == {1}
    assert document["info"]["dropped"] == {"door: area too small": 2, "window: side under 11 px": 2}


def test_bad_input_is_named_and_nothing_is_written(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def error(*more: str) -> str:
        assert run(data, *more) == 1
        assert not (data / "out").exists()
        return capsys.readouterr().err

    assert "'east' does not occur in picture name 'north__1'" in error("--group-pattern=east")
    assert "--group-pattern '('" in error("--group-pattern=(")
    assert "--building-gap 2.0: expected" in error("--building-gap=2")
    assert "north__1.png: value 0 (2000 px) is not in preset cmp" in error("--classes=cmp")
    mask = data / "masks/south__2.png"
    Image.new("L", (60, 80)).save(mask)
    assert "south__2.png: is 60x80 px, its picture 80x60" in error()
    mask.unlink()
    assert "no mask of the same name" in error()
    (data / "images/south__2.jpg").unlink()
    (data / "images/north__1.jpg").write_bytes(b"no picture")
    assert "north__1.jpg: not a readable picture" in error()
    (data / "images/north__1.jpg").unlink()
    assert "images: expected files ending in" in error()
    assert "no such folder" in error(f"--images={data / 'nowhere'}")


@pytest.mark.parametrize("limit", ["window", "roof=1,2,3", "window=1,2", "window=1,-2,3"])
def test_malformed_limits_are_usage_errors(data: Path, limit: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(data, f"--limit={limit}")


@pytest.mark.parametrize(("name", "door_area"), [("paris", 80), ("labelme", 100)])
def test_real_masks_with_the_rules_of_their_readme_give_the_json_beside_them(
    shared: Path, tmp_path: Path, name: str, door_area: int
) -> None:
    data = shared / "data" / f"facades_{name}" / "dev"
    folders = [f"--images={data / 'images'}", f"--masks={data / 'labels_png'}"]
    rules = ["--connectivity=8", "--building-gap=0", "--training-size=0", "--keep-touching"]
    rules += ["--limit=building=0,0,0.05", "--limit=window=6,40,0.0002"]
    rules += [f"--limit=door=8,{door_area},0.0005"]
    assert main([*folders, f"--classes={name}", f"--out={tmp_path / 'out'}", *rules]) == 0
    ours = json.loads((tmp_path / "out/annotations.json").read_text())
    reference = json.loads((data / "annotations.json").read_text())
    keys = ("id", "file_name", "width", "height")
    assert [[i[k] for k in keys] for i in ours["images"]] == [
        [i[k] for k in keys] for i in reference["images"]
    ]

    def objects(document: dict) -> list[tuple]:
        keys = ("image_id", "category_id", "bbox", "area", "iscrowd")
        return sorted(tuple(a[k] for k in keys) for a in document["annotations"])

    assert objects(ours) == objects(reference)
