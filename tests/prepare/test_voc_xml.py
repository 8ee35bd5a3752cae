"""Pascal VOC XML to COCO."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from prepare.voc_xml import main


def thing(name: str, box: tuple[object, ...], more: str = "") -> str:
    tags = zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    corners = "".join(f"<{tag}>{value}</{tag}>" for tag, value in tags)
    # A part has a box of its own, which is not the object's.
    part = "<part><name>head</name><bndbox><xmin>9</xmin></bndbox></part>"
    return f"<object><name>{name}</name>{part}<bndbox>{corners}</bndbox>{more}</object>"


def annotation(objects: str, size: tuple[int, int] = (50, 40)) -> str:
    sides = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>"
    return f"<?xml version='1.0'?>\n<annotation>{sides}{objects}</annotation>"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for folder in ("images", "xml"):
        (tmp_path / folder).mkdir()
    for stem in ("a", "b"):
        Image.new("RGB", (50, 40)).save(tmp_path / "images" / f"{stem}.jpg")
    objects = thing("window", (1, 1, 50, 40)) + thing("door", (11, 21, 11, 30))
    (tmp_path / "xml/a.xml").write_text(annotation(objects))
    flags = "<difficult>1</difficult><truncated>1</truncated>"
    (tmp_path / "xml/b.xml").write_text(annotation(thing("door", (1, 2, 3.5, 4), flags)))
    return tmp_path


def run(data: Path, *more: str) -> int:
    return main([f"--{name}={data / name}" for name in ("images", "xml", "out")] + list(more))


def read(data: Path) -> dict:
    return json.loads((data / "out/annotations.json").read_text())


def test_pixels_from_one_with_the_last_become_half_open(data: Path) -> None:
    assert run(data) == 0
    document = read(data)
    assert [c["name"] for c in document["categories"]] == ["door", "window"]
    keys = ("image_id", "category_id", "bbox", "ignore", "truncated", "iscrowd")
    assert [tuple(a[k] for k in keys) for a in document["annotations"]] == [
        (1, 2, [0, 0, 50, 40], 0, False, 0),
        (1, 1, [10, 20, 1, 10], 0, False, 0),
        (2, 1, [0, 1, 3.5, 3], 1, True, 0),
    ]


def test_class_file_sets_the_order_and_image_set_the_pictures(data: Path) -> None:
    (data / "classes.txt").write_text("window\nroof\ndoor\n")
    (data / "train.txt").write_text("b  1\n")
    assert run(data, f"--classes={data / 'classes.txt'}", f"--image-set={data / 'train.txt'}") == 0
    document = read(data)
    assert [image["file_name"] for image in document["images"]] == ["images/b.jpg"]
    assert [a["category_id"] for a in document["annotations"]] == [3]


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        (annotation(thing("w", (0, 1, 5, 5))), "a.xml, object 1: box [0.0, 1.0, 5.0, 5.0] is"),
        (annotation(thing("w", (1, 1, 51, 5))), "leaves the picture of 50x40 px; expected 1 <="),
        (annotation(thing("w", (5, 1, 4, 5))), "a.xml, object 1: box"),
        (annotation(thing("", (1, 1, 4, 5))), "a.xml, object 1: expected a class in <name>"),
        (annotation(thing("w", (1, 1, "x", 5))), "object 1: <bndbox/xmax>: expected a number"),
        (annotation("<object><name>w</name></object>"), "<bndbox/xmin>: expected a number, got No"),
        (annotation("", size=(40, 50)), "a.xml: was made for 40x50 px, but its picture has 50x40"),
        ("<boxes/>", "a.xml: expected <annotation> as root element, got <boxes>"),
        ("<annotation>\n<object>", "a.xml, line 2: malformed XML"),
        (
            "<!DOCTYPE a [<!ENTITY b 'bb'><!ENTITY c '&b;&b;'>]><annotation>&c;</annotation>",
            "a.xml: declares a document type or entities, which is refused",
        ),
    ],
)
def test_bad_files_are_named_and_nothing_is_written(
    data: Path, capsys: pytest.CaptureFixture[str], xml: str, message: str
) -> None:
    (data / "xml/a.xml").write_text(xml)
    assert run(data) == 1
    assert message in capsys.readouterr().err
    assert not (data / "out").exists()


def test_bad_sets_classes_and_partners_are_named(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def error(*more: str) -> str:
        assert run(data, *more) == 1
        assert not (data / "out").exists()
        return capsys.readouterr().err

    (data / "list.txt").write_text("a\n\nc\n")
    assert "list.txt, line 3: no annotation file is called 'c'" in error(
        f"--image-set={data / 'list.txt'}"
    )
    (data / "list.txt").write_text("\n")
    assert "list.txt: expected a picture's name" in error(f"--image-set={data / 'list.txt'}")
    (data / "list.txt").write_text("window\n")
    message = "a.xml, object 2: class 'door' is not in"
    assert message in error(f"--classes={data / 'list.txt'}")
    (data / "xml/b.xml").unlink()
    assert "no XML file of the same name" in error()
    (data / "images/b.jpg").unlink()
    (data / "xml/a.xml").write_text(annotation(""))
    assert "no object in any XML file" in error()
