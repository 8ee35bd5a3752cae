"""Label sets built by the command's own function, killed, resumed, extended and refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from torch import Tensor, nn

from datamodules.coco_distorted import CocoDistortedDataModule
from detectors.base import Detector
from structures import Batch, Prediction
from utility.build import build, build_set
from utility.detection_labels import Thresholds
from utility.label_facts import label_facts, require_same, require_same_detectors
from utility.label_set import LabelSet
from utility.picture_table import keep_test_parents

ROOT = Path(__file__).resolve().parent.parent.parent
SPLIT: dict[str, Any] = {"seed": 0, "test_share": 0.2, "val_share": 0.1}


class TruthTeller(Detector):
    """Knows the objects; its confidence is how much detail the picture still shows."""

    def __init__(self, class_names: list[str]) -> None:
        super().__init__(class_names=class_names)
        self.network = nn.Linear(1, 1)
        nn.init.ones_(self.network.weight)
        nn.init.ones_(self.network.bias)
        self.objects: dict[int, tuple[Tensor, Tensor]] = {}
        self.calls_left: int | None = None

    def predict(self, batch: Batch) -> list[Prediction]:
        if self.calls_left is not None:
            if self.calls_left == 0:
                raise KeyboardInterrupt
            self.calls_left -= 1
        found = []
        for frame, target in zip(batch.frames(), batch.frame_targets(), strict=True):
            boxes, labels = self.objects[target.image_id]
            sharp = frame.float().diff(dim=-1).abs().mean() / 60
            scores = torch.full((len(labels),), float(sharp.clamp(0, 1)))
            found.append(Prediction(boxes, scores, labels, target.image_id))
        return found


@pytest.fixture
def data(drawn_root: Path) -> Callable[..., CocoDistortedDataModule]:
    def make(**other: Any) -> CocoDistortedDataModule:
        arguments: dict[str, Any] = {
            "distortions": {"jpeg": [5, 60], "gaussian_blur": [5]},
            "root": str(drawn_root),
            "fractions": {"train": 0, "val": 0, "test": 1},
            "pictures": None,
            "batch_size": 5,
        }
        made = CocoDistortedDataModule(**{**arguments, **other})
        made.setup("test")
        return made

    return make


def teller(datamodule: CocoDistortedDataModule, calls: int | None = None) -> TruthTeller:
    annotations = datamodule.annotations("test")
    objects = {
        int(annotations.image_ids[i]): (
            torch.from_numpy(annotations.boxes(i)),
            torch.from_numpy(annotations.labels[annotations.rows(i)]),
        )
        for i in range(len(annotations))
    }
    detector = TruthTeller(list(datamodule.classes.names)).eval()
    detector.objects, detector.calls_left = objects, calls
    return detector


def made(folder: Path, datamodule: CocoDistortedDataModule, **detectors: Detector) -> Path:
    facts = label_facts(datamodule, "strict", Thresholds(score=0.05), SPLIT)
    return build_set(folder, facts, detectors, datamodule)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_killed_and_resumed_set_is_byte_equal(
    data: Callable[..., CocoDistortedDataModule], tmp_path: Path
) -> None:
    whole = data()
    made(tmp_path / "whole", whole, a=teller(whole), b=teller(whole))
    killed = data()
    # Five batches a condition: both detectors are in their third condition.
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path / "killed", killed, a=teller(killed, 13), b=teller(killed))
    kept = contents(tmp_path / "killed")
    assert {"clean", "jpeg_q5"} == {
        Path(name).name.rpartition("-")[0] for name in kept if "detections/" in name
    }
    resumed = data()
    again = teller(resumed, 10)  # two conditions are left, and no more is asked of it
    made(tmp_path / "killed", resumed, a=again, b=teller(resumed))
    assert again.calls_left == 0
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_what_a_set_holds(data: Callable[..., CocoDistortedDataModule], tmp_path: Path) -> None:
    datamodule = data()
    labels = LabelSet.open(made(tmp_path / "set", datamodule, a=teller(datamodule)))
    images = labels.images
    conditions = ["clean", "jpeg_q5", "jpeg_q60", "gaussian_blur_5"]
    assert len(labels) == 24 * 4
    assert images["condition"][:4].tolist() == conditions
    assert images["quality"][:4].tolist() == [-1, 5, 60, -1]
    assert (images["bytes"][3::4] == -1).all()
    assert np.isnan(images["bpp"][3::4]).all()
    assert (images["bytes"][1::4] < images["bytes"][2::4]).all()  # monotone in the quality
    bits = 8 * images["bytes"] / (images["width"] * images["height"])
    np.testing.assert_allclose(images["bpp"][1::4], bits[1::4], rtol=1e-6)
    assert labels.path(7).is_file()
    parents = {split: set(images["image_id"][labels.rows(split)]) for split in ("train", "test")}
    assert not parents["train"] & parents["test"]
    clean = images["condition"] == "clean"
    known = labels.labels["a"]
    assert (known["y"][clean] == np.where(known["n_ref"][clean] > 0, 1, -1)).all()
    assert np.nanmax(known["m"]) == 1
    assert {image["id"] for image in labels.truth()["images"]} == set(images["image_id"])
    assert len(labels.detections("a", "jpeg_q5").judged) == 24
    with pytest.raises(ValueError, match="no labels of \\['c'\\]; there are those of a"):
        labels.column("y", ["c"])
    with pytest.raises(ValueError, match="no split 'all'"):
        labels.rows("all")


def test_a_set_of_test_parents_alone_has_the_split_of_the_whole(
    data: Callable[..., CocoDistortedDataModule], tmp_path: Path
) -> None:
    whole, some = data(), data()
    every = LabelSet.open(made(tmp_path / "whole", whole, a=teller(whole)))
    keep_test_parents(some, SPLIT)
    kept = LabelSet.open(made(tmp_path / "some", some, a=teller(some)))
    tested = every.rows("test")
    assert 0 < len(tested) < len(every)
    assert set(kept.images["split"]) == {"test"}
    assert (kept.images["file"] == every.images["file"][tested]).all()
    assert (kept.labels["a"]["y"] == every.labels["a"]["y"][tested]).all()
    with pytest.raises(ValueError, match=r"none of 24 pictures stands in the test split"):
        keep_test_parents(data(), {**SPLIT, "test_share": 1e-9})


def test_other_ladders_detectors_and_encoders_are_refused(
    data: Callable[..., CocoDistortedDataModule], tmp_path: Path
) -> None:
    datamodule = data()
    made(tmp_path / "a", datamodule, a=teller(datamodule))
    meta = json.loads((tmp_path / "a/meta.json").read_text())
    other = data(distortions={"jpeg": [5, 50]})
    facts = label_facts(other, "strict", Thresholds(), SPLIT)
    with pytest.raises(ValueError, match=r"ladder\.jpeg is \[5, 60\], expected \[5, 50\].*name="):
        require_same(meta, facts, tmp_path / "a")
    newer = json.loads(json.dumps(meta))
    newer["versions"]["opencv"] = "9.9"
    with pytest.raises(ValueError, match=r"versions\.opencv is '.*', expected '9\.9'"):
        require_same(meta, newer, tmp_path / "a")
    fewer = label_facts(data(pictures=10), "strict", Thresholds(), SPLIT)
    with pytest.raises(ValueError, match=r"data\.pictures is 24, expected 10"):
        require_same(meta, fewer, tmp_path / "a")
    stranger = teller(datamodule)
    stranger.network.weight.data.fill_(7)
    with pytest.raises(ValueError, match=r"labels of another a: checkpoint is .*names="):
        build_set(tmp_path / "a", meta, {"a": stranger}, datamodule)
    moved = json.loads(json.dumps(meta))
    moved["data"]["root"] = "elsewhere"
    moved["variant"] = "paper"
    require_same(meta, moved, tmp_path / "a")
    require_same_detectors(meta, {}, tmp_path / "a")


def test_a_detector_is_added_and_labels_are_made_anew(
    data: Callable[..., CocoDistortedDataModule], tmp_path: Path
) -> None:
    datamodule = data()
    folder = tmp_path / "utility" / "set"
    made(folder, datamodule, a=teller(datamodule))
    before = LabelSet.open(folder).labels["a"]["y"]
    meta = json.loads((folder / "meta.json").read_text())
    killed = teller(datamodule, 2)
    killed.network.weight.data.fill_(7)  # another detector: the cache knows nothing of it
    with pytest.raises(KeyboardInterrupt):
        build_set(folder, {**meta, "variant": "paper"}, {"b": killed}, datamodule)
    assert LabelSet.open(folder).meta["variant"] == "strict"  # as its labels still are
    unused = teller(datamodule, 0)
    build_set(folder, meta, {"a": unused, "b": teller(datamodule)}, datamodule)
    both = LabelSet.open(folder)
    assert both.detectors == ("a", "b")
    assert (both.labels["a"]["y"] == before).all()
    assert (both.combined() == before).all()
    relabel(tmp_path, "variant=paper", "thresholds.score=0.1")
    anew = LabelSet.open(folder)
    assert anew.meta["variant"] == "paper"
    # Nothing found is no statement of the one and 0 of the other; confidence counts from .1 on.
    assert (anew.labels["a"]["y"] >= 0).all()
    assert 0 < (anew.labels["a"]["y"] == 1).sum() < (before == 1).sum()
    with pytest.raises(ValueError, match=r"finds no object with a score of 0\.999"):
        relabel(tmp_path, "thresholds.score=0.999")


def relabel(data_path: Path, *words: str) -> None:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        paths = [f"paths.data={data_path}", f"paths.root={data_path}", f"paths.run={data_path}"]
        build(compose("label_set", overrides=["name=set", *paths, *words]))


def test_a_trained_run_labels(trained_run: Path, drawn_root: Path, tmp_path: Path) -> None:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose(
            "label_set",
            overrides=[
                f"run={trained_run}",
                f"datamodule.root={drawn_root}",
                "datamodule.distortions.jpeg=[10]",
                "thresholds.score=0.01",
                "device=cpu",
                f"paths.data={tmp_path}",
                f"paths.root={tmp_path}",
                f"paths.run={tmp_path}",
            ],
        )
    folder = build(cfg)
    assert folder == tmp_path / "utility" / drawn_root.name
    labels = LabelSet.open(folder)
    assert labels.detectors == ("ssd300_resnet10t",)
    assert (labels.labels["ssd300_resnet10t"]["y"] == 1).any()


def test_pictures_without_objects_are_told(
    data: Callable[..., CocoDistortedDataModule], drawn_root: Path, tmp_path: Path
) -> None:
    document = json.loads((drawn_root / "annotations.json").read_text())
    document["annotations"] = []
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare/annotations.json").write_text(json.dumps(document))
    shutil.copytree(drawn_root / "images", tmp_path / "bare/images")
    bare = data(root=str(tmp_path / "bare"))
    with pytest.raises(ValueError, match=r"no objects: .*24 pictures.*variant=pristine_ref"):
        made(tmp_path / "set", bare, a=teller(bare))


def test_no_common_label_and_missing_pictures_are_told(
    data: Callable[..., CocoDistortedDataModule], tmp_path: Path
) -> None:
    datamodule = data()
    folder = made(tmp_path / "set", datamodule, a=teller(datamodule), b=teller(datamodule))
    labels = LabelSet.open(folder)
    opposite = {**labels.labels["b"], "y": 1 - labels.labels["a"]["y"].clip(0)}
    labels = replace(labels, labels={**labels.labels, "b": opposite})
    with pytest.raises(ValueError, match="no label is left on which a, b agree"):
        labels.combined()
    with pytest.raises(FileNotFoundError, match=r"24 of 24 pristine pictures are missing"):
        LabelSet.open(folder, root=tmp_path)
    assert len(LabelSet.open(folder, root=tmp_path, pictures=False)) == 96


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["name=a/b"], "name=a/b: must be letters"),
        (["variant=loose"], "variant=loose: must be strict, paper or pristine_ref"),
        (["only=train"], "only=train: must be test or null"),
        (["device=tpu"], "device=tpu: must be"),
        (["run=[]"], r"run=\[\]: must be a path, a list of paths"),
        (["run=nowhere"], "run=nowhere: no such folder"),
        (["model=faster_rcnn"], "model.weights= is needed"),
        ([], "run= or model= is needed"),
        (["name=none"], "no label set, it has no meta.json"),
    ],
)
def test_wrong_words_stop_before_anything_heavy(
    words: list[str], told: str, tmp_path: Path, drawn_root: Path
) -> None:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        paths = [f"paths.{name}={tmp_path}" for name in ("data", "root", "run")]
        cfg = compose("label_set", overrides=[*paths, f"datamodule.root={drawn_root}", *words])
    with pytest.raises((ValueError, FileNotFoundError), match=told):
        build(cfg)
