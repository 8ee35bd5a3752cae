from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datamodules.annotations.root_layout import annotation_files
from datamodules.detection_datamodule import DetectionDataModule

MakeRoot = Callable[..., Path]


@pytest.fixture
def official(
    make_root: Callable[..., Path],
    document: dict[str, Any],
    with_ids: Callable[..., dict[str, Any]],
) -> MakeRoot:
    """Make a root as COCO's archives unpack, with pictures of its own for each split."""

    def make(*splits: str) -> Path:
        documents = {split: with_ids(document, 100 * i, split) for i, split in enumerate(splits)}
        root = make_root("coco", **documents)
        (root / "annotations").mkdir()
        for split in splits:
            file = root / f"{split}.json"
            text = file.read_text().replace(f"{split}/", "")
            (root / f"annotations/instances_{split}.json").write_text(text)
            file.unlink()
        return root

    return make


def test_the_official_layout_is_train_and_val(official: MakeRoot) -> None:
    root = official("train2017", "val2017")
    data = DetectionDataModule(str(root), batch_size=2)
    data.setup("fit")
    assert data.name == "coco"
    assert data.test_split == "val"
    path = data.annotations("val").path(0)
    assert path == root / "val2017/p0.png"
    assert next(iter(data.train_dataloader())).frame_count == 2


def test_instances_beside_images_are_split(make_root: MakeRoot, document: dict[str, Any]) -> None:
    root = make_root()
    text = (root / "annotations.json").read_text().replace("images/", "")
    (root / "instances.json").write_text(text)
    (root / "annotations.json").unlink()
    data = DetectionDataModule(str(root))
    data.setup("fit")
    assert sum(len(data.annotations(split)) for split in ("train", "val", "test")) == 6
    assert data.annotations("train").path(0).parent == root / "images"


@pytest.mark.parametrize("annotated", [("val2017",), ("train2017", "val2017")])
def test_val_alone_can_be_judged_but_not_trained_on(
    official: MakeRoot,
    annotated: tuple[str, ...],
    caplog: pytest.LogCaptureFixture,
) -> None:
    root = official(*annotated)
    if "train2017" in annotated:  # its annotations come in val's archive, its pictures do not
        (root / "train2017").rename(root.parent / "elsewhere")
    with caplog.at_level(logging.WARNING):
        data = DetectionDataModule(str(root))
        data.setup("test")
    assert ("train2017: no such folder, so instances_train2017" in caplog.text) == (
        "train2017" in annotated
    )
    assert data.classes.names == ("building", "window", "door")
    (loader,) = data.test_dataloader()
    assert sum(batch.frame_count for batch in loader) == 6
    with pytest.raises(ValueError, match=r"coco can be judged on but not trained on: it has val"):
        data.setup("fit")


def test_a_ready_split_of_val_alone_can_be_judged(
    make_root: MakeRoot, document: dict[str, Any]
) -> None:
    data = DetectionDataModule(str(make_root(val=document)))
    data.setup("test")
    assert len(data.annotations("test")) == 6


def test_train_alone_is_refused(make_root: MakeRoot, document: dict[str, Any]) -> None:
    root = make_root(train=document)
    with pytest.raises(FileNotFoundError, match=r"has train\.json .*none for val or test"):
        annotation_files(root)


def test_several_years_are_refused_by_name(official: MakeRoot) -> None:
    root = official("train2014", "val2017")
    with pytest.raises(ValueError, match=r"instances_train2014\.json, instances_val2017\.json"):
        annotation_files(root)


def test_annotations_without_any_pictures_name_the_folder(official: MakeRoot) -> None:
    root = official("val2017")
    (root / "val2017").rename(root / "val")
    with pytest.raises(FileNotFoundError, match=r"val2017: no such folder"):
        DetectionDataModule(str(root)).setup("test")


def test_two_layouts_are_refused(official: MakeRoot) -> None:
    root = official("val2017")
    (root / "annotations.json").write_text("{}")
    with pytest.raises(ValueError, match=r"both annotations.json and .*instances_val2017.json"):
        annotation_files(root)
    (root / "instances.json").write_text("{}")
    with pytest.raises(ValueError, match=r"both annotations.json and instances.json"):
        annotation_files(root)


def test_a_picture_folder_outside_the_root_is_refused(official: MakeRoot) -> None:
    root = official("val2017")
    (root / "val2017").rename(root.parent / "elsewhere")
    (root / "val2017").symlink_to(root.parent / "elsewhere")
    with pytest.raises(ValueError, match=r"val2017: leads out of datamodule.root"):
        annotation_files(root)


def test_a_linked_root_is_fine(official: MakeRoot) -> None:
    root = official("val2017")
    (root.parent / "link").symlink_to(root)
    assert list(annotation_files(root.parent / "link")) == ["val"]
