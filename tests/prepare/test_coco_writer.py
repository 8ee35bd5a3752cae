"""The COCO folder that every preparation ends in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prepare.coco_summary import print_summary
from prepare.coco_writer import CocoWriter, fingerprint

NAMES = ("window", "door")


def filled(out: Path, picture: Path, key: str = "k") -> CocoWriter:
    writer = CocoWriter(out, NAMES, "two classes", key)
    image_id = writer.add_image("a/p.png", picture, (20, 10), group="g", source="s")
    writer.add_box(image_id, 2, (1, 2, 4, 10), truncated=True)
    writer.add_box(image_id, 1, (0.5, 0, 20, 1), area=3)
    writer.drop("window: small", 3)
    return writer


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "original.png"
    path.write_bytes(b"not decoded by the writer")
    return path


def test_boxes_become_coco_and_the_picture_is_a_byte_copy(tmp_path: Path, picture: Path) -> None:
    document = json.loads(filled(tmp_path / "out", picture).write().read_text())
    image = document["images"][0]
    assert (image["file_name"], image["width"], image["height"]) == ("images/a/p.png", 20, 10)
    assert (image["group"], image["source"]) == ("g", "s")
    door, window = document["annotations"]
    assert door["bbox"] == [1, 2, 3, 8]
    assert (door["area"], door["category_id"], door["truncated"]) == (24, 2, True)
    assert window["bbox"] == [0.5, 0, 19.5, 1]
    assert window["area"] == 3
    assert document["categories"] == [{"id": 1, "name": "window"}, {"id": 2, "name": "door"}]
    assert document["info"]["dropped"] == {"window: small": 3}
    assert (tmp_path / "out" / image["file_name"]).read_bytes() == picture.read_bytes()


def test_second_run_changes_nothing(tmp_path: Path, picture: Path) -> None:
    out = tmp_path / "out"
    path = filled(out, picture).write()
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*")}
    again = filled(out, picture)
    assert again.is_finished()
    assert again.write() == path
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*")} == before


def test_result_of_other_options_is_never_overwritten(tmp_path: Path, picture: Path) -> None:
    path = filled(tmp_path / "out", picture, "first").write()
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"annotations\.json exists.*other inputs or options"):
        filled(tmp_path / "out", picture, "second").write()
    path.write_text("{}")
    with pytest.raises(ValueError, match="exists"):
        filled(tmp_path / "out", picture, "first").is_finished()
    path.write_bytes(before)
    assert filled(tmp_path / "out", picture, "first").is_finished()


def test_interrupted_run_leaves_no_annotations_and_the_next_completes(
    tmp_path: Path, picture: Path
) -> None:
    out = tmp_path / "out"
    writer = filled(out, picture)
    writer.add_image("q.png", tmp_path / "gone.png", (5, 5), group="g", source="s")
    with pytest.raises(FileNotFoundError, match=r"gone\.png"):
        writer.write()
    assert not list(out.rglob("*.json"))
    assert not list(out.rglob("*.part"))
    (tmp_path / "gone.png").write_bytes(b"back")
    assert writer.write().exists()


def test_lost_pictures_are_brought_back(tmp_path: Path, picture: Path) -> None:
    out = tmp_path / "out"
    content = filled(out, picture).write().read_bytes()
    (out / "images/a/p.png").unlink()
    writer = filled(out, picture)
    assert not writer.is_finished()
    assert writer.write().read_bytes() == content
    assert (out / "images/a/p.png").exists()


def test_links_share_the_file_and_never_eat_the_original(tmp_path: Path, picture: Path) -> None:
    out = tmp_path / "out"
    filled(out, picture).write(link=True)
    assert (out / "images/a/p.png").samefile(picture)
    (out / "annotations.json").unlink()
    filled(out, out / "images/a/p.png").write(link=True)
    assert (out / "images/a/p.png").read_bytes() == picture.read_bytes()


@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 0, 5),
        (5, 5, 4, 6),
        (-1, 0, 3, 3),
        (0, 0, 21, 3),
        (0, 0, 3, 11),
        (0, 0, 3, float("nan")),
    ],
)
def test_bad_boxes_are_named(tmp_path: Path, box: tuple[float, ...]) -> None:
    writer = CocoWriter(tmp_path, NAMES, "", "k")
    image_id = writer.add_image("p.png", b"", (20, 10), group="g", source="s")
    with pytest.raises(ValueError, match=r"images/p\.png \(image id 1\): box .*20x10"):
        writer.add_box(image_id, 1, box)


def test_bad_labels_names_and_sizes_are_refused(tmp_path: Path) -> None:
    writer = CocoWriter(tmp_path, NAMES, "", "k")
    with pytest.raises(ValueError, match="nothing to write"):
        writer.write()
    image_id = writer.add_image("p.png", b"", (20, 10), group="g", source="s")
    with pytest.raises(ValueError, match=r"label in 1\.\.2, got 0"):
        writer.add_box(image_id, 0, (0, 0, 1, 1))
    with pytest.raises(ValueError, match="two pictures"):
        writer.add_image("p.png", b"", (20, 10), group="g", source="s")
    for name in ("../p.png", "/p.png", "a/../../p.png", "..\\p.png", ""):
        with pytest.raises(ValueError, match="leaves the output folder"):
            writer.add_image(name, b"", (20, 10), group="g", source="s")
    with pytest.raises(ValueError, match="positive width"):
        writer.add_image("q.png", b"", (0, 10), group="g", source="s")
    with pytest.raises(ValueError, match="unique"):
        CocoWriter(tmp_path, ("a", "a"), "", "k")


def test_fingerprint_sees_options_names_and_contents_but_not_folders(tmp_path: Path) -> None:
    def file(folder: str, name: str, content: bytes) -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path

    base = fingerprint({"a": 1}, [file("x", "p", b"1")])
    assert fingerprint({"a": 1}, [file("y", "p", b"1")]) == base
    others = [
        fingerprint({"a": 2}, [file("x", "p", b"1")]),
        fingerprint({"a": 1}, [file("x", "q", b"1")]),
        fingerprint({"a": 1}, [file("z", "p", b"2")]),
        fingerprint({"a": 1}),
    ]
    assert len({base, *others}) == 5


def test_summary_counts_pictures_boxes_and_drops(
    tmp_path: Path, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_summary(filled(tmp_path, picture))
    text = capsys.readouterr().out
    for line in ("pictures", "boxes: window", "boxes: door", "dropped: window: small"):
        assert line in text


def test_videos_are_listed_where_there_are_any(tmp_path: Path, picture: Path) -> None:
    writer = filled(tmp_path / "video", picture)
    video_id = writer.add_video("a")
    writer.add_image("b.png", picture, (2, 2), group="a", source="s", video_id=video_id, frame_id=0)
    document = json.loads(writer.write().read_text())
    assert document["videos"] == [{"id": 1, "name": "a"}]
    assert document["images"][1]["video_id"] == 1
    assert "videos" not in json.loads(filled(tmp_path / "out", picture).write().read_text())
