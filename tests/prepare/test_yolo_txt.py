"""YOLO text labels to COCO."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from prepare.yolo_txt import main


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    for stem in ("a", "b", "c"):
        Image.new("RGB", (200, 100)).save(tmp_path / "images" / f"{stem}.png")
    (tmp_path / "labels/a.txt").write_text("1 0.5 0.5 0.5 0.2\n\n0 0.1 0.1 0.2002 0.2\n")
    (tmp_path / "labels/b.txt").write_text("")
    (tmp_path / "classes.txt").write_text("window\ndoor\n\n")
    return tmp_path


def run(data: Path, *more: str) -> int:
    folders = [f"--{name}={data / name}" for name in ("images", "labels", "out")]
    return main([*folders, f"--classes={data / 'classes.txt'}", *more])


def test_shares_become_pixels_and_pictures_may_be_empty(data: Path) -> None:
    (data / "labels/classes.txt").write_text("window\ndoor\n")
    assert run(data) == 0
    document = json.loads((data / "out/annotations.json").read_text())
    assert [c["name"] for c in document["categories"]] == ["window", "door"]
    assert len(document["images"]) == 3
    door, window = document["annotations"]
    assert (door["image_id"], door["category_id"]) == (1, 2)
    assert door["bbox"] == pytest.approx([50, 40, 100, 20])
    assert window["bbox"] == pytest.approx([0, 0, 40.02, 20])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 0.5", "line 2: expected a class number and four shares"),
        ("0 0.5 0.5 0.5 0.5 0.9", "line 2: expected a class number and four shares"),
        ("door 0.5 0.5 0.5 0.5", "line 2: expected a class number"),
        ("", ""),
        ("2 0.5 0.5 0.5 0.5", "line 2: class 2 is not in the class file, which has 0..1"),
        ("0 0.5 0.5 1.2 0.5", "line 2: box 0.5 0.5 1.2 0.5 is empty or leaves"),
        ("0 50 40 20 20", "line 2: box 50 40 20 20 is empty or leaves"),
        ("0 0.5 0.5 0 0.5", "is empty or leaves the picture of 200x100 px"),
        ("0 nan 0.5 0.5 0.5", "is empty or leaves the picture"),
    ],
)
def test_bad_lines_are_named(
    data: Path, capsys: pytest.CaptureFixture[str], line: str, message: str
) -> None:
    (data / "labels/c.txt").write_text(f"0 0.5 0.5 0.5 0.5\n{line}\n")
    assert run(data) == (1 if message else 0)
    error = capsys.readouterr().err
    assert message in error
    assert ("c.txt" in error) == bool(message)
    assert (data / "out").exists() == (not message)


def test_bad_folders_and_class_files_are_named(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def error(*more: str) -> str:
        assert run(data, *more) == 1
        assert not (data / "out").exists()
        return capsys.readouterr().err

    (data / "labels/d.txt").write_text("")
    assert "no picture of the same name" in error()
    (data / "labels/d.txt").unlink()
    (data / "labels/a.txt").write_bytes(b"\xff\xfe0")
    assert "a.txt: not UTF-8" in error()
    for content, message in {
        "window\nwindow\n": "classes.txt, line 2: expected a new class name, got 'window' a second",
        "window\n\ndoor\n": "classes.txt, line 2: expected a new class name, got a blank line",
        " \n": "classes.txt: expected a class name on each line",
    }.items():
        (data / "classes.txt").write_text(content)
        assert message in error()
    assert "gone.txt: no such file" in error(f"--classes={data / 'gone.txt'}")


def test_real_labels_give_the_counts_of_their_readme(shared: Path, tmp_path: Path) -> None:
    data = shared / "data" / "coco_yolo"
    folders = [f"--images={data / 'dev/images'}", f"--labels={data / 'dev/labels'}"]
    assert main([*folders, f"--classes={data / 'classes.txt'}", f"--out={tmp_path / 'o'}"]) == 0
    document = json.loads((tmp_path / "o/annotations.json").read_text())
    assert len(document["images"]) == 48
    assert len(document["annotations"]) == 286
    assert len(document["categories"]) == 80
    # The first picture shows one bear: line '21 0.50122 0.548094 0.99756 0.881156' of 586x640 px.
    (bear,) = [a for a in document["annotations"] if a["image_id"] == 1]
    assert document["categories"][bear["category_id"] - 1]["name"] == "bear"
    width, height = document["images"][0]["width"], document["images"][0]["height"]
    x, y, w, h = bear["bbox"]
    assert (x + w / 2) / width == pytest.approx(0.50122, abs=1e-5)
    assert (y + h / 2) / height == pytest.approx(0.548094, abs=1e-5)
    assert (w / width, h / height) == pytest.approx((0.99756, 0.881156), abs=1e-5)
