from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datamodules.detection_datamodule import DetectionDataModule

MakeRoot = Callable[..., Path]
Moved = Callable[..., dict[str, Any]]


def test_splits_must_not_share_pictures(make_root: MakeRoot, document: dict[str, Any]) -> None:
    root = make_root(train=document, val=document)
    with pytest.raises(ValueError, match=r"6 groups or pictures stand in both train and val.*p0"):
        DetectionDataModule(str(root)).setup("fit")


def test_truncated_picture_stops_before_the_first_batch(make_root: MakeRoot) -> None:
    root = make_root()
    path = root / "images/p3.png"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"(?s)p3.png \(image id 13\): damaged.*on_bad_image=skip"):
        DetectionDataModule(str(root)).setup("fit")


def test_skipped_pictures_are_left_out_counted_and_told(
    make_root: MakeRoot, caplog: pytest.LogCaptureFixture
) -> None:
    root = make_root()
    path = root / "images/p3.png"
    path.write_bytes(path.read_bytes()[:-20])
    data = DetectionDataModule(
        str(root), fractions={"train": 0, "val": 1, "test": 0}, on_bad_image="skip"
    )
    with caplog.at_level(logging.WARNING):
        data.setup("validate")
    assert list(data.skipped_in("val")) == [13]
    assert "p3.png" in data.skipped_in("val")[13]
    assert "1 of 6 pictures are bad" in caplog.text
    assert 13 not in [image["id"] for image in data.ground_truth("val")["images"]]
    assert sum(batch.frame_count for batch in data.val_dataloader()) == 5


def test_skipped_pictures_are_told_by_split(
    make_root: MakeRoot, document: dict[str, Any], with_ids: Moved
) -> None:
    root = make_root(train=document, val=with_ids(document, 1000, "others"))
    (root / "images/p3.png").write_bytes(b"")
    (root / "others/p4.png").write_bytes(b"")
    data = DetectionDataModule(str(root), on_bad_image="skip")
    data.setup("test")
    assert list(data.skipped_in("test")) == [1014]
    data.setup("fit")
    assert list(data.skipped_in("train")) == [13]


def test_pictures_are_found_by_id_whenever_others_are_skipped(make_root: MakeRoot) -> None:
    root = make_root()
    (root / "images/p1.png").write_bytes(b"")
    fractions = {"train": 0.0, "val": 1.0, "test": 0.0}
    data = DetectionDataModule(str(root), fractions=fractions, on_bad_image="skip")
    before = data.picture(13)
    data.setup("validate")
    np.testing.assert_array_equal(data.picture(13), before)
    with pytest.raises(ValueError, match="has no image with id 11"):
        data.picture(11)


def test_the_digest_tells_other_data_and_nothing_else(
    make_root: MakeRoot, document: dict[str, Any]
) -> None:
    roots = [make_root(name, val=document) for name in ("a", "b", "c", "d")]
    picture = roots[1] / "images/p2.png"
    picture.write_bytes(picture.read_bytes() + b"x")
    document["annotations"][0]["bbox"][0] += 1
    (roots[2] / "val.json").write_text(json.dumps(document))
    first, picture_changed, box_changed, same = (
        DetectionDataModule(str(root)).data_digest() for root in roots
    )
    assert len(first) == 64
    assert same == first
    assert len({first, picture_changed, box_changed}) == 3


def test_all_bad_stops_also_when_skipping(make_root: MakeRoot) -> None:
    root = make_root()
    for path in (root / "images").iterdir():
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"\d+ of \d+ pictures are bad"):
        DetectionDataModule(str(root), on_bad_image="skip").setup("fit")
