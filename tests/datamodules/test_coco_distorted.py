from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from datamodules.coco_distorted import CocoDistortedDataModule
from datamodules.distortions import Distortion, distort, encode_jpeg
from datamodules.picture import read_picture

MakeRoot = Callable[..., Path]

DISTORTIONS = {"jpeg": [10, 90], "gaussian_noise": [3]}
CONDITIONS = ("clean", "jpeg_q10", "jpeg_q90", "gaussian_noise_3")
TESTED = {"train": 0.0, "val": 0.0, "test": 1.0}


def distorted(root: Path, **arguments: Any) -> CocoDistortedDataModule:
    return CocoDistortedDataModule(
        **{"distortions": DISTORTIONS, "root": str(root), "fractions": TESTED} | arguments
    )


def shown(data: CocoDistortedDataModule) -> list[dict[int, np.ndarray]]:
    """For each loader the picture of each image id; each id must come once."""
    result = []
    for loader in data.test_dataloader():
        frames: dict[int, np.ndarray] = {}
        for batch in loader:
            for frame, target in zip(batch.frames(), batch.frame_targets(), strict=True):
                assert target.image_id not in frames
                frames[target.image_id] = frame.permute(1, 2, 0).numpy()
        result.append(frames)
    return result


def assert_same(one: list[dict[int, np.ndarray]], other: list[dict[int, np.ndarray]]) -> None:
    assert [list(frames) for frames in one] == [list(frames) for frames in other]
    for frames, others in zip(one, other, strict=True):
        for image_id, picture in frames.items():
            np.testing.assert_array_equal(picture, others[image_id])


def test_each_condition_shows_every_picture_distorted(make_root: MakeRoot) -> None:
    root = make_root()
    data = distorted(root, batch_size=4)
    assert data.conditions == data.selected_conditions == CONDITIONS
    conditions = shown(data)
    assert len(conditions) == 4
    for index in range(6):
        stored = read_picture(root / f"images/p{index}.png")
        np.testing.assert_array_equal(conditions[0][10 + index], stored)
        for frames, kind, level in zip(
            conditions[1:], ("jpeg", "jpeg", "gaussian_noise"), (10, 90, 3), strict=True
        ):
            expected = distort(stored, Distortion(kind, level), 10 + index)
            np.testing.assert_array_equal(frames[10 + index], expected)


def test_galleries_get_the_picture_that_was_judged(make_root: MakeRoot) -> None:
    data = distorted(make_root())
    for condition, frames in zip(data.conditions, shown(data), strict=True):
        np.testing.assert_array_equal(data.picture(12, condition), frames[12])
    with pytest.raises(ValueError, match=r"no condition 'jpeg_q11'; it has clean, jpeg_q10"):
        data.picture(12, "jpeg_q11")


@pytest.mark.parametrize("decoded_mb", [0, 1])
def test_workers_and_memory_change_nothing(make_root: MakeRoot, decoded_mb: int) -> None:
    root = make_root()
    with_workers = distorted(root, num_workers=2, decoded_mb=decoded_mb)
    assert_same(shown(with_workers), shown(distorted(root)))


@pytest.mark.slow
def test_spawned_workers_read_the_same_memory(make_root: MakeRoot) -> None:
    root = make_root()
    _, loader = distorted(root, num_workers=1, distortions={"jpeg": [10]}).test_dataloader()
    loader.multiprocessing_context = "spawn"
    for path in (root / "images").iterdir():
        path.unlink()  # what workers show now comes from memory
    assert sum(batch.frame_count for batch in loader) == 6


@pytest.mark.parametrize("world_size", [2, 3, 7])
def test_processes_share_the_pictures_out(make_root: MakeRoot, world_size: int) -> None:
    root = make_root()
    alone = shown(distorted(root, batch_size=2))
    together: list[dict[int, np.ndarray]] = [{}, {}, {}, {}]
    for rank in range(world_size):
        data = distorted(root, batch_size=2)
        data.trainer = SimpleNamespace(world_size=world_size, global_rank=rank)  # type: ignore[assignment]
        for frames, part in zip(together, shown(data), strict=True):
            assert not frames.keys() & part.keys()
            frames |= part
    assert_same([dict(sorted(frames.items())) for frames in together], alone)


def test_pictures_are_decoded_once(make_root: MakeRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    data = distorted(make_root())
    read: list[Path] = []

    def counted(path: Path) -> np.ndarray:
        read.append(path)
        return read_picture(path)

    monkeypatch.setattr("datamodules.decoded_pictures.read_picture", counted)
    assert [len(frames) for frames in shown(data)] == [6] * 4
    assert len(read) == len(set(read)) == 6


def test_what_the_memory_cannot_hold_is_decoded_anew_and_told(
    make_root: MakeRoot, document: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    for image in document["images"]:
        image["width"], image["height"] = 400, 300  # 0.34 MiB each: two fit
    root = make_root(annotations=document)
    data = distorted(root, decoded_mb=1)
    with caplog.at_level(logging.INFO):
        conditions = shown(data)
    assert "2 of 6 pictures are kept decoded" in caplog.text
    assert_same(conditions, shown(distorted(root)))


def test_selected_conditions_alone_are_tested(make_root: MakeRoot) -> None:
    data = distorted(make_root())
    whole = shown(data)
    data.select_conditions(["gaussian_noise_3", "clean"])
    assert data.selected_conditions == ("gaussian_noise_3", "clean")
    assert_same(shown(data), [whole[3], whole[0]])
    data.select_conditions([])
    assert data.test_dataloader() == []
    with pytest.raises(ValueError, match="no condition 'fog_9'"):
        data.select_conditions(["fog_9"])


def test_the_subset_is_of_the_names_alone(make_root: MakeRoot, document: dict[str, Any]) -> None:
    names = sorted(
        (image["file_name"] for image in document["images"]),
        key=lambda name: hashlib.sha256(name.encode()).digest(),
    )[:3]
    roots = [make_root("a", annotations=document)]
    document["images"] = document["images"][::-1]
    document["annotations"] = document["annotations"][:4]
    roots.append(make_root("b", annotations=document))
    for root in roots:
        data = distorted(root, pictures=3)
        truth = data.ground_truth("test")
        assert sorted(image["file_name"] for image in truth["images"]) == sorted(names)
        ids = {image["id"] for image in truth["images"]}
        assert {row["image_id"] for row in truth["annotations"]} <= ids
        assert [set(frames) for frames in shown(data)] == [ids] * 4


@pytest.mark.parametrize("pictures", [None, 6, 500])
def test_all_pictures_are_tested_where_there_are_no_more(
    make_root: MakeRoot, pictures: int | None
) -> None:
    assert len(distorted(make_root(), pictures=pictures).annotations("test")) == 6


def test_another_subset_is_another_split(make_root: MakeRoot) -> None:
    root = make_root()
    hashes = [distorted(root, pictures=pictures).split_hash for pictures in (2, 3, None)]
    digests = [distorted(root, pictures=pictures).data_digest() for pictures in (2, 3, None)]
    assert len(set(hashes)) == len(set(digests)) == 3


def test_validation_keeps_the_pictures_that_a_test_leaves_out(
    make_root: MakeRoot, document: dict[str, Any]
) -> None:
    data = distorted(make_root(val=document), pictures=2)
    data.setup("test")
    assert data.test_split == "val"
    assert len(data.annotations("test")) == 2
    assert len(data.annotations("val")) == 6
    assert [len(frames) for frames in shown(data)] == [2] * 4
    with pytest.raises(ValueError, match="not trained on: it has val alone"):
        data.setup("fit")


def test_only_tested_pictures_must_be_good(make_root: MakeRoot, document: dict[str, Any]) -> None:
    root = make_root(val=document)
    tested = {i["file_name"] for i in distorted(root, pictures=2).ground_truth("test")["images"]}
    for image in document["images"]:
        if image["file_name"] not in tested:
            (root / image["file_name"]).unlink()
    distorted(root, pictures=2).setup("test")


def test_bits_per_pixel_are_of_the_files(make_root: MakeRoot) -> None:
    root = make_root()
    data = distorted(root)
    sizes = [path.stat().st_size for path in (root / "images").iterdir()]
    assert data.bits_per_pixel("clean") == pytest.approx(8 * np.mean(sizes) / (64 * 48))
    encoded = [len(encode_jpeg(data.picture(image_id), 10)) for image_id in range(10, 16)]
    assert data.bits_per_pixel("jpeg_q10") == pytest.approx(8 * np.mean(encoded) / (64 * 48))
    assert data.bits_per_pixel("jpeg_q10", np.array([12, 15])) == pytest.approx(
        8 * (encoded[2] + encoded[5]) / 2 / (64 * 48)
    )
    assert data.bits_per_pixel("gaussian_noise_3") is None
    with pytest.raises(ValueError, match="no condition 'fog_1'"):
        data.bits_per_pixel("fog_1")


@pytest.mark.parametrize("workers", [0, 2])
def test_what_was_shown_is_not_encoded_again(
    make_root: MakeRoot, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = distorted(make_root(), num_workers=workers)
    expected = {name: data.encoded_bytes(name) for name in CONDITIONS}
    shown(data)
    monkeypatch.setattr("datamodules.encoded_bytes.encode_jpeg", lambda *_: pytest.fail("again"))
    for name, sizes in expected.items():
        again = data.encoded_bytes(name)
        assert again is sizes is None or again.tolist() == sizes.tolist(), name
    assert data.encoded_bytes("jpeg_q10", np.array([4, 1])).tolist() == [
        expected["jpeg_q10"][i] for i in (4, 1)
    ]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            {"distortions": {"gausian_noise": [1]}},
            r"datamodule\.distortions: .*did you mean 'gaussian_noise'",
        ),
        (
            {"distortions": {"brightness": [6]}},
            r"datamodule\.distortions: brightness has .*1 to 5, got 6",
        ),
        ({"distortions": {"jpeg": [0]}}, r"datamodule\.distortions: jpeg has .*1 to 100, got 0"),
        ({"distortions": {"jpeg": [5, 5]}}, r"datamodule\.distortions: .*twice in \[5, 5\]"),
        ({"pictures": 0}, r"pictures >= 1, or null for all, .* got pictures=0"),
        ({"decoded_mb": -1}, r"decoded_mb >= 0, got .*decoded_mb=-1"),
    ],
)
def test_wrong_settings_are_refused(tmp_path: Path, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        distorted(tmp_path, **wrong)


@pytest.mark.parametrize("workers", [0, 1])
def test_picture_damaged_after_the_check(make_root: MakeRoot, workers: int) -> None:
    root = make_root()
    strict = distorted(root, num_workers=workers)
    lenient = distorted(root, num_workers=workers, on_bad_image="skip")
    strict.setup("test")
    lenient.setup("test")
    (root / "images/p2.png").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"p2.png: not a picture"):
        shown(strict)
    for loader in lenient.test_dataloader():
        batch = next(iter(loader))
        assert batch.skipped == [12]
        assert batch.frame_count == 5
    judged = np.array([10, 11, 13, 14, 15])
    assert lenient.bits_per_pixel("jpeg_q10", judged) is not None


def test_real_coco_pictures_in_all_conditions(shared: Path) -> None:
    root = shared / "data/coco_official/dev"
    document = json.loads((root / "instances.json").read_text())
    data = distorted(root, batch_size=8, decoded_mb=64, pictures=30)
    data.setup("test")
    assert len(data.classes) == 80
    assert data.classes.category_ids[-1] == 90
    truth = data.ground_truth("test")
    ids = {image["id"] for image in truth["images"]}
    assert len(ids) == 30
    rows = [row for row in document["annotations"] if row["image_id"] in ids]
    assert len(truth["annotations"]) == len(rows)
    assert sum(row["iscrowd"] for row in truth["annotations"]) == sum(r["iscrowd"] for r in rows)
    assert [set(frames) for frames in shown(data)] == [ids] * 4
    clean, coarse, fine = (data.bits_per_pixel(name) for name in data.conditions[:3])
    assert clean is not None
    assert coarse is not None
    assert fine is not None
    assert 0.05 < coarse < fine < clean < 10  # COCO itself was saved at about 95
