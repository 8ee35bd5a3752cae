"""CMP Facade XML to COCO."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from prepare.cmp_xml import main


def run(folder: Path, xml: str, size: tuple[int, int] = (100, 200)) -> int:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "xml").mkdir(exist_ok=True)
    Image.new("RGB", size).save(folder / "images" / "a.png")
    (folder / "xml" / "a.xml").write_text(xml)
    arguments = ["--images", folder / "images", "--xml", folder / "xml", "--out", folder / "out"]
    return main([str(argument) for argument in arguments])


def thing(label: str, x: tuple[float, ...], y: tuple[float, ...]) -> str:
    points = "".join(f"<x>{v}</x>" for v in x) + "".join(f"<y>{v}</y>" for v in y)
    return f"<object><points>{points}</points><label>{label}</label></object>"


def test_x_is_vertical_and_three_classes_are_kept(tmp_path: Path) -> None:
    xml = thing("2", (0, 1), (0, 1)) + thing("3", (0.5, 0.25), (0.1, 0.3))
    xml += thing("4", (0.5, 0.75), (0.5, 0.75)) + thing("5", (0, 1), (0, 1))
    assert run(tmp_path, xml) == 0
    annotations = json.loads((tmp_path / "out/annotations.json").read_text())["annotations"]
    assert [(a["category_id"], a["bbox"]) for a in annotations] == [
        (1, [0, 0, 100, 200]),
        (2, [10, 50, 20, 50]),
        (3, [50, 100, 25, 50]),
    ]


def test_boxes_are_clipped_and_slivers_dropped(tmp_path: Path) -> None:
    xml = thing("3", (-0.1, 0.5), (0.5, 1.5)) + thing("3", (0.5, 0.509), (0, 1))
    xml += thing("3", (0.5, 0.51), (0, 1)) + thing("4", (1.1, 1.5), (0, 1))
    assert run(tmp_path, xml) == 0
    document = json.loads((tmp_path / "out/annotations.json").read_text())
    boxes = [a["bbox"] for a in document["annotations"]]
    assert boxes == [[50, 0, 50, 100], [0, 100, 100, pytest.approx(2)]]
    assert document["info"]["dropped"] == {"door: side under 2 px": 1, "window: side under 2 px": 1}


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        ("<object>", r"a\.xml, line 1: malformed XML"),
        (thing("3", (0, 1), (0, 1)) + thing("3", (0,), (0, 1)), r"a\.xml, object 2: expected two"),
        (thing("3", (0, float("nan")), (0, 1)), r"object 1: <x>: expected a number, got 'nan'"),
        (thing("13", (0, 1), (0, 1)), r"a\.xml, object 1: .*label in 1\.\.12.*label 13"),
        (thing("", (0, 1), (0, 1)), r"a\.xml, object 1: <label>: expected a number"),
        ('<!DOCTYPE a [<!ENTITY b "c">]>', r"a\.xml: declares a document type"),
    ],
)
def test_bad_files_are_named_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], xml: str, message: str
) -> None:
    assert run(tmp_path, xml) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert re.search(message, error)
    assert not (tmp_path / "out").exists()


def test_files_without_partner_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, "<object>")
    (tmp_path / "xml/b.xml").write_text("")
    assert run(tmp_path, thing("2", (0, 1), (0, 1))) == 1
    assert "b.xml" in capsys.readouterr().err
    (tmp_path / "xml/b.xml").unlink()
    (tmp_path / "xml/a.xml").rename(tmp_path / "xml/c.xml")
    assert main([f"--{k}={tmp_path / k}" for k in ("images", "xml", "out")]) == 1
    assert "a.png" in capsys.readouterr().err


def test_real_data_gives_the_boxes_of_the_json_beside_it(shared: Path, tmp_path: Path) -> None:
    data = shared / "data" / "facades_cmp" / "dev"
    out = tmp_path / "out"
    assert main([f"--images={data / 'images'}", f"--xml={data / 'xml'}", f"--out={out}"]) == 0
    ours = json.loads((out / "annotations.json").read_text())
    reference = json.loads((data / "annotations.json").read_text())
    for ours_image, image in zip(ours["images"], reference["images"], strict=True):
        assert {key: ours_image[key] for key in image} == image
    # The reference keeps two decimals, ours all; after rounding there is no difference at all.
    for annotation, expected in zip(ours["annotations"], reference["annotations"], strict=True):
        assert [round(value, 2) for value in annotation["bbox"]] == expected["bbox"]
        assert round(annotation["area"], 2) == expected["area"]
        keys = ("id", "image_id", "category_id", "iscrowd")
        assert all(annotation[key] == expected[key] for key in keys)
    assert len(ours["annotations"]) == 139 + 3903 + 130
