from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from datamodules.detection_datamodule import DetectionDataModule
from datamodules.facades import FacadesDataModule

MakeRoot = Callable[..., Path]
Moved = Callable[..., dict[str, Any]]


def edited(root: Path, change: Callable[[dict[str, Any]], None], file: str = "annotations") -> Path:
    path = root / f"{file}.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    return root


def test_batches_follow_the_contract(make_root: MakeRoot) -> None:
    data = DetectionDataModule(str(make_root()), batch_size=2)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert len(batch.clips) == 2
    assert batch.clips[0].shape == (1, 3, 48, 64)
    for split in ("train", "val", "test"):
        truth = {image["id"]: image for image in data.ground_truth(split)["images"]}
        for image_id in truth:
            assert data.picture(image_id).shape == (48, 64, 3)
    target = batch.targets[0][0]
    expected = cv2.imread(
        str(data.annotations("train").roots[0] / f"images/p{target.image_id - 10}.png")
    )
    np.testing.assert_array_equal(batch.clips[0][0].permute(1, 2, 0), expected[..., ::-1])
    np.testing.assert_array_equal(data.picture(target.image_id), expected[..., ::-1])


def test_validation_loses_no_picture(make_root: MakeRoot) -> None:
    root = make_root()
    data = DetectionDataModule(str(root), 4, fractions={"train": 0.17, "val": 0.83, "test": 0})
    ids = [t.image_id for batch in data.val_dataloader() for t in batch.frame_targets()]
    assert ids == [image["id"] for image in data.ground_truth("val")["images"]]
    assert len(ids) == 5


def test_crowds_and_ignored_are_regions(make_root: MakeRoot) -> None:
    def change(document: dict[str, Any]) -> None:
        for row in document["annotations"]:
            row["iscrowd"] = int(row["category_id"] == 2)
            row["ignore"] = int(row["category_id"] == 5)

    data = DetectionDataModule(
        str(edited(make_root(), change)), fractions={"train": 0, "val": 1, "test": 0}
    )
    targets = next(iter(data.val_dataloader())).frame_targets()
    assert targets[0].labels.tolist() == [3]
    assert targets[0].boxes.tolist() == [[4, 3, 24.5, 13.25]]
    assert targets[0].ignore is not None
    assert targets[0].ignore.tolist() == [[2, 3, 22.5, 13.25], [3, 3, 23.5, 13.25]]
    assert len(data.ground_truth("val")["annotations"]) == 15


def test_split_is_by_group_and_its_hash_repeats(make_root: MakeRoot) -> None:
    def change(document: dict[str, Any]) -> None:
        for i, image in enumerate(document["images"]):
            image["group"] = i // 2

    root = edited(make_root(), change)
    data = DetectionDataModule(str(root), fractions={"train": 0.34, "val": 0.33, "test": 0.33})
    for split in ("train", "val", "test"):
        ids = sorted(image["id"] for image in data.ground_truth(split)["images"])
        assert len(ids) == 2
        assert (ids[0] - 10) // 2 == (ids[1] - 10) // 2
    again = DetectionDataModule(str(root), fractions={"train": 0.34, "val": 0.33, "test": 0.33})
    assert len(data.split_hash) == 64
    assert data.split_hash == again.split_hash


def test_ready_splits_are_taken_as_they_are(
    make_root: MakeRoot, document: dict[str, Any], with_ids: Moved
) -> None:
    root = make_root(train=document, val=with_ids(document, 1000, "others"))
    data = DetectionDataModule(str(root))
    assert data.annotations("train").image_ids.tolist() == list(range(10, 16))
    assert data.annotations("val").image_ids.tolist() == list(range(1010, 1016))
    with pytest.raises(ValueError, match=r"no split 'tset'; it has train, val"):
        data.annotations("tset")


def test_without_a_test_split_val_is_tested(
    make_root: MakeRoot, document: dict[str, Any], with_ids: Moved, caplog: pytest.LogCaptureFixture
) -> None:
    root = make_root(train=document, val=with_ids(document, 1000, "others"))
    data = DetectionDataModule(str(root))
    data.setup("test")
    (loader,) = data.test_dataloader()
    judged = [t.image_id for batch in loader for t in batch.frame_targets()]
    assert judged == data.annotations("val").image_ids.tolist()
    assert "no test split: val is tested" in caplog.text


def test_ids_that_splits_share_are_numbered_anew(
    make_root: MakeRoot, document: dict[str, Any], with_ids: Moved
) -> None:
    root = make_root(train=document, val=with_ids(document, 0, "others"))
    data = DetectionDataModule(str(root))
    truth = data.ground_truth("val")
    assert [image["id"] for image in truth["images"]] == list(range(7, 13))
    assert {row["image_id"] for row in truth["annotations"]} == set(range(7, 12))
    expected = cv2.imread(str(root / "others/p0.png"))[..., ::-1]
    np.testing.assert_array_equal(data.picture(7), expected)


def test_several_roots_are_one_data_set(
    make_root: MakeRoot, document: dict[str, Any], with_ids: Moved
) -> None:
    other = with_ids(document, 0)
    for row in other["categories"]:
        row["id"] += 100
    for row in other["annotations"]:
        row["category_id"] += 100
    roots = [str(make_root("a")), str(make_root("b", annotations=other))]
    data = DetectionDataModule(roots, fractions={"train": 0, "val": 1, "test": 0})
    assert data.name == "a+b"
    truth = data.ground_truth("val")
    assert [image["id"] for image in truth["images"]] == list(range(1, 13))
    assert {row["category_id"] for row in truth["annotations"]} == {2, 5, 8}
    np.testing.assert_array_equal(data.picture(7), data.picture(1))


def test_roots_must_agree_in_their_classes(make_root: MakeRoot, document: dict[str, Any]) -> None:
    document["categories"][0]["name"] = "house"
    roots = [str(make_root("a")), str(make_root("b", annotations=document))]
    with pytest.raises(ValueError, match=r"(?s)b/annotations.json: its classes differ.*house"):
        DetectionDataModule(roots).setup("fit")


def test_a_root_given_twice_is_refused(make_root: MakeRoot) -> None:
    root = str(make_root())
    with pytest.raises(ValueError, match=r"datamodule\.root names a folder twice"):
        DetectionDataModule([root, root]).setup("fit")


def test_training_without_pictures_is_refused(make_root: MakeRoot) -> None:
    data = DetectionDataModule(str(make_root()), fractions={"train": 0, "val": 1, "test": 0})
    with pytest.raises(ValueError, match=r"no training pictures; see datamodule\.fractions"):
        data.train_dataloader()


def test_ordinary_data_have_one_condition(make_root: MakeRoot) -> None:
    data = DetectionDataModule(str(make_root()))
    assert data.conditions == ("clean",)
    with pytest.raises(ValueError, match=r"no condition 'fog_3'; it has clean"):
        data.select_conditions(["clean", "fog_3"])
    with pytest.raises(ValueError, match=r"no condition 'fog_3'"):
        data.picture(10, "fog_3")
    data.select_conditions([])
    assert data.test_dataloader() == []


@pytest.mark.parametrize("workers", [0, 1])
def test_picture_damaged_after_the_check(make_root: MakeRoot, workers: int) -> None:
    root = make_root()
    fractions = {"train": 0.0, "val": 1.0, "test": 0.0}
    strict = DetectionDataModule(str(root), 16, workers, fractions=fractions)
    lenient = DetectionDataModule(str(root), 16, workers, fractions=fractions, on_bad_image="skip")
    loaders = strict.val_dataloader(), lenient.val_dataloader()
    (root / "images/p2.png").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"p2.png: not a picture"):
        next(iter(loaders[0]))
    batch = next(iter(loaders[1]))
    assert batch.skipped == [12]
    assert batch.frame_count == 5


def test_missing_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"datamodule.root=.*nowhere: no such folder"):
        DetectionDataModule(str(tmp_path / "nowhere")).setup("fit")
    with pytest.raises(ValueError, match=r"datamodule.root is missing"):
        DetectionDataModule()
    with pytest.raises(FileNotFoundError, match=r"neither annotations.json nor instances.json"):
        DetectionDataModule(str(tmp_path)).setup("fit")


def test_two_truths_are_refused(make_root: MakeRoot, document: dict[str, Any]) -> None:
    root = make_root(annotations=document, val=document)
    with pytest.raises(ValueError, match=r"both annotations.json and val.json"):
        DetectionDataModule(str(root)).setup("fit")


def test_misspelt_choices_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="on_bad_image must be error or skip, got 'ignore'"):
        DetectionDataModule(str(tmp_path), on_bad_image="ignore")
    with pytest.raises(ValueError, match=r"fractions needs .*train.*val.*test"):
        DetectionDataModule(str(tmp_path), fractions={"train": 1.0})


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"num_workers": -1}, {"seed": -1}])
def test_numbers_out_of_range_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    name, value = next(iter(wrong.items()))
    with pytest.raises(ValueError, match=rf"{name} >= .* got .*{name}={value}"):
        DetectionDataModule(str(tmp_path), **wrong)


def test_without_a_share_for_test_val_is_tested(make_root: MakeRoot) -> None:
    fractions = {"train": 0.6, "val": 0.4, "test": 0.0}
    data = DetectionDataModule(str(make_root()), fractions=fractions)
    data.setup("fit")
    assert data.test_split == "val"
    assert len(data.annotations("val")) > 0


def test_drawn_data_say_so(make_root: MakeRoot, tmp_path: Path) -> None:
    drawn: list[Path] = []

    def draw(destination: Path) -> Path:
        drawn.append(destination)
        return make_root(destination.name)

    data = FacadesDataModule(draw=draw, drawn_root=str(tmp_path / "drawn_facades"))
    data.prepare_data()
    data.setup("fit")
    assert drawn == [tmp_path / "drawn_facades"]
    assert data.drawn
    assert data.name == "drawn_facades"
    assert data.annotations("train").roots == (tmp_path / "drawn_facades",)
    assert not FacadesDataModule(str(tmp_path / "drawn_facades")).drawn


def test_other_classes_than_facades_are_told(
    make_root: MakeRoot, document: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    document["categories"][2]["name"] = "gate"
    FacadesDataModule(str(make_root(annotations=document))).setup("fit")
    assert "facades usually have the classes building, window, door" in caplog.text


def test_real_facades_together(shared: Path) -> None:
    roots = [str(shared / f"data/facades_{name}/dev") for name in ("paris", "labelme", "cmp")]
    data = FacadesDataModule(roots, batch_size=4)
    data.setup("fit")
    assert data.name == "facades_paris/dev+facades_labelme/dev+facades_cmp/dev"
    sizes = [len(data.annotations(split)) for split in ("train", "val", "test")]
    assert sizes == [160, 34, 34]
    assert next(iter(data.val_dataloader())).frame_count == 4
