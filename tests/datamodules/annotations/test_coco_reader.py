from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO

from datamodules.annotations.coco_annotations import CocoAnnotations
from datamodules.annotations.coco_reader import read_coco

Document = dict[str, Any]


def read(tmp_path: Path, document: Any, names: list[str] | None = None) -> CocoAnnotations:
    file = tmp_path / "annotations.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return read_coco(file, tmp_path, names)


def test_columns_are_those_of_the_file(tmp_path: Path, document: Document) -> None:
    data = read(tmp_path, document)
    assert data.classes.names == ("building", "window", "door")
    assert data.classes.category_ids == (2, 5, 8)
    assert data.image_ids.tolist() == [10, 11, 12, 13, 14, 15]
    assert data.offsets.tolist() == [0, 3, 6, 9, 12, 15, 15]
    assert data.labels[:3].tolist() == [1, 2, 3]
    np.testing.assert_array_equal(data.boxes(0)[1], np.float32([3, 3, 23.5, 13.25]))
    assert data.boxes(5).shape == (0, 4)
    assert data.path(2) == tmp_path / "images/p2.png"


def test_ground_truth_is_lossless(tmp_path: Path, document: Document) -> None:
    document["annotations"][3] |= {"bbox": [0.1, 0.2, 0.30000000000000004, 7.7], "iscrowd": 1}
    document["annotations"].reverse()  # the order of the file may differ from the pictures'
    truth = read(tmp_path, document).ground_truth()
    assert truth["images"] == document["images"]
    assert truth["categories"] == document["categories"]

    def by_id(rows: list[Document]) -> list[Document]:
        return sorted(({"ignore": 0} | row for row in rows), key=lambda row: row["id"])

    assert by_id(truth["annotations"]) == by_id(document["annotations"])
    json.dumps(truth)


def test_labels_follow_the_wanted_order(tmp_path: Path, document: Document) -> None:
    data = read(tmp_path, document, ["door", "building", "window"])
    assert data.labels[:3].tolist() == [2, 3, 1]
    assert data.classes.category_ids == (8, 2, 5)
    assert data.ground_truth()["annotations"][0]["category_id"] == 2


def test_subset_takes_the_annotations_along(tmp_path: Path, document: Document) -> None:
    data = read(tmp_path, document)
    part = data.subset([5, 4, 1])
    assert part.image_ids.tolist() == [15, 14, 11]
    assert part.offsets.tolist() == [0, 0, 3, 6]
    assert part.annotation_ids.tolist() == [112, 113, 114, 103, 104, 105]


def test_small_overshoot_is_kept_in_the_file_and_clipped_in_use(
    tmp_path: Path, document: Document
) -> None:
    document["annotations"][0]["bbox"] = [-0.5, 40.0, 65.25, 8.9]
    data = read(tmp_path, document)
    assert data.boxes_xywh[0].tolist() == [-0.5, 40.0, 65.25, 8.9]
    assert data.boxes(0)[0].tolist() == [0, 40, 64, 48]
    np.testing.assert_array_equal(data.all_boxes()[:3], data.boxes(0))


def test_missing_area_is_the_boxes(tmp_path: Path, document: Document) -> None:
    del document["annotations"][0]["area"]
    assert read(tmp_path, document).area[0] == 20.5 * 10.25


def edit(section: str, index: int, **values: Any) -> Callable[[Document], None]:
    return lambda document: document[section][index].update(values)


BAD = {
    "box outside": (edit("annotations", 1, bbox=[60, 3, 20, 10]), r"id 101.*16 px outside.*64x48"),
    "box without area": (edit("annotations", 1, bbox=[6, 3, 0, 10]), r"id 101.*no area"),
    "box negative": (edit("annotations", 1, bbox=[6, 3, 5, -1]), r"id 101.*no area"),
    "box left after clipping": (edit("annotations", 1, bbox=[64, 3, 0.5, 9]), r"id 101.*no area"),
    "box NaN": (edit("annotations", 1, bbox=[float("nan"), 3, 5, 5]), r"id 101.*finite.*nan"),
    "box of three": (edit("annotations", 1, bbox=[1, 2, 3]), r"id 101.*'bbox' must be four"),
    "box of text": (edit("annotations", 1, bbox=["1", 2, 3, 4]), r"id 101.*'bbox' must be four"),
    "unknown category": (edit("annotations", 1, category_id=9), r"id 101.*category_id 9.*2, 5, 8"),
    "unknown image": (edit("annotations", 1, image_id=999), r"id 101.*unknown image_id 999"),
    "text for image": (edit("annotations", 1, image_id="10"), r"id 101.*'image_id' must be an int"),
    "id too large": (edit("annotations", 1, id=2**63), r"'id' must be an integer"),
    "bad crowd": (edit("annotations", 1, iscrowd=2), r"id 101.*'iscrowd' must be 0 or 1, got 2"),
    "area NaN": (edit("annotations", 1, area=float("inf")), r"id 101.*'area' must be a finite"),
    "annotation twice": (edit("annotations", 1, id=100), r"annotation id 100.*annotations\[0\]"),
    "image twice": (edit("images", 1, id=10), r"image id 10.*images\[0\]"),
    "file twice": (edit("images", 1, file_name="images/p0.png"), r"'images/p0.png' was already"),
    "category twice": (edit("categories", 1, id=2), r"category id 2.*categories\[0\]"),
    "name twice": (edit("categories", 1, name="building"), r"category name 'building'.*already"),
    "same name but for a blank": (
        edit("categories", 1, name="building "),
        r"category name 'building'.*already",
    ),
    "no name": (edit("categories", 1, name=""), r"'name' must be a non-empty string"),
    "size zero": (edit("images", 1, width=0), r"id 11.*must be positive"),
    "size float": (edit("images", 1, width=64.0), r"id 11.*'width' must be an integer, got 64.0"),
    "absolute": (edit("images", 1, file_name="/etc/passwd"), r"id 11.*is absolute"),
    "absolute Windows": (edit("images", 1, file_name="C:\\x.png"), r"id 11.*is absolute"),
    "leaves": (edit("images", 1, file_name="images/../../x.png"), r"id 11.*leaves the root"),
    "NUL": (edit("images", 1, file_name="a\0b"), r"id 11.*characters"),
    "half a letter": (edit("images", 1, file_name="a\ud800"), r"id 11.*characters"),
    "no images": (lambda document: document.update(images=[]), r"'images' is empty"),
    "no categories": (lambda document: document.update(categories=[]), r"'categories' is empty"),
    "no annotations": (lambda document: document.pop("annotations"), r"'annotations'.*got nothing"),
    "wrong section": (lambda document: document.update(images={}), r"'images' must be a list"),
    "wrong row": (lambda document: document["images"].append(3), r"images\[6\] must be an object"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_entries_are_named(tmp_path: Path, document: Document, case: str) -> None:
    change, message = BAD[case]
    change(document)
    with pytest.raises(ValueError, match=message) as error:
        read(tmp_path, document)
    assert str(tmp_path / "annotations.json") in str(error.value)
    assert "Correct or remove" in str(error.value)


def test_many_faults_are_counted_and_ten_are_told(tmp_path: Path, document: Document) -> None:
    for row in document["annotations"]:
        row["bbox"] = [1, 1, 0, 0]
    with pytest.raises(ValueError, match="15 faults") as error:
        read(tmp_path, document)
    assert str(error.value).count("has no area") == 10
    assert "and 5 more" in str(error.value)


@pytest.mark.parametrize("text", ["", "{", '{"images": [}', "[1, 2", '{"images": "'])
def test_malformed_json_says_where(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"annotations.json: not valid JSON at line 1 column \d+"):
        read(tmp_path, text)


def test_truncated_json_says_where(tmp_path: Path, document: Document) -> None:
    with pytest.raises(ValueError, match=r"line \d+ column \d+.*cut short"):
        read(tmp_path, json.dumps(document, indent=1)[:-40])


@pytest.mark.parametrize(("text", "message"), [("[]", "got a list"), ("[" * 10**5, "not a COCO")])
def test_other_json_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(tmp_path, text)


def test_binary_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(ValueError, match=r"a.json: not a COCO JSON text file"):
        read_coco(tmp_path / "a.json", tmp_path)


def test_missing_root_and_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such folder.*datamodule.root"):
        read_coco(tmp_path / "a.json", tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"a.json: no such annotation file"):
        read_coco(tmp_path / "a.json", tmp_path)


@pytest.mark.parametrize("linked", ["file", "folder"])
def test_links_must_not_leave_the_root(tmp_path: Path, document: Document, linked: str) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    root.mkdir()
    (outside / "p0.png").write_bytes(b"")
    if linked == "folder":
        (root / "images").symlink_to(outside)
    else:
        (root / "images").mkdir()
        (root / "images/p0.png").symlink_to(outside / "p0.png")
    (root / "a.json").write_text(json.dumps(document))
    with pytest.raises(ValueError, match=r"id 10.*leaves the root"):
        read_coco(root / "a.json", root)


def test_root_may_be_a_link(tmp_path: Path, document: Document) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a.json").write_text(json.dumps(document))
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert len(read_coco(tmp_path / "link/a.json", tmp_path / "link")) == 6


def test_other_classes_than_the_checkpoints_are_listed(tmp_path: Path, document: Document) -> None:
    with pytest.raises(ValueError, match="classes differ") as error:
        read(tmp_path, document, ["window", "gate"])
    assert "['building', 'door', 'window']" in str(error.value)
    assert "['gate', 'window']" in str(error.value)


REAL = {
    "facades_paris": (60, 1933),
    "facades_labelme": (48, 825),
    "facades_cmp": (120, 4172),
}


@pytest.mark.parametrize("name", REAL)
def test_real_facades(shared: Path, name: str) -> None:
    root = shared / "data" / name / "dev"
    data = read_coco(root / "annotations.json", root)
    assert (len(data), len(data.labels)) == REAL[name]
    assert data.classes.names == ("building", "window", "door")


def test_the_truth_tells_what_belongs_together(tmp_path: Path, document: Document) -> None:
    document["images"][0]["group"] = "house 7"
    first, *others = read(tmp_path, document).ground_truth()["images"]
    assert first["group"] == "house 7"
    assert all("group" not in image for image in others)


def test_official_coco_agrees_with_pycocotools(shared: Path) -> None:
    root = shared / "data/coco_official/dev"
    data = read_coco(root / "instances.json", root / "images")
    assert len(data.classes) == 80
    assert data.classes.category_ids[-1] == 90
    assert int(data.iscrowd.sum()) == 6
    oracle = COCO(root / "instances.json").dataset
    truth = data.ground_truth()
    keys = ("id", "image_id", "category_id", "bbox", "area", "iscrowd")
    expected = {a["id"]: [a[key] for key in keys] for a in oracle["annotations"]}
    assert {a["id"]: [a[key] for key in keys] for a in truth["annotations"]} == expected


@pytest.mark.slow
def test_a_set_of_cocos_size_stays_small(tmp_path: Path) -> None:
    images = [
        {"id": i, "file_name": f"train/{i:012d}.jpg", "width": 640, "height": 480}
        for i in range(120_000)
    ]
    boxes = [
        {"id": k, "image_id": k % 120_000, "category_id": 1, "bbox": [1, 2, 30, 40], "area": 1.5}
        for k in range(860_000)
    ]
    text = json.dumps(
        {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "thing"}]}
    )
    (tmp_path / "a.json").write_text(text)
    del images, boxes, text
    data = read_coco(tmp_path / "a.json", tmp_path)
    assert len(data) == 120_000
    fields = [getattr(data, name) for name in CocoAnnotations.__dataclass_fields__]
    arrays = sum(field.nbytes for field in fields if isinstance(field, np.ndarray))
    texts = sum(sys.getsizeof(text) + 8 for text in (*data.file_names, *data.groups))
    assert arrays + texts < 300e6
