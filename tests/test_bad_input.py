"""What a whole command answers to wrong input: file and key, what was expected, before a step.

The doors have their own tests; here the entry points are asked, as a stranger would ask them.
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml
from hydra import compose, initialize_config_dir
from torchvision.models.detection import ssdlite320_mobilenet_v3_large

from evaluate import evaluate
from predict import predict
from runs.explained_errors import explain
from train import train

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.slow

Change = Callable[[dict[str, Any]], Any]


def message(command: Callable[[Any], Any], name: str, out: Path, *overrides: str) -> str:
    """What a user reads; the test fails if the command succeeds or only a traceback would help."""
    paths = [f"paths.root={out}", f"paths.run={out}"]
    with (
        pytest.raises(Exception) as caught,  # noqa: PT011  # composing has errors of its own
        initialize_config_dir(str(ROOT / "conf"), version_base="1.3"),
    ):
        command(compose(name, overrides=[*paths, *overrides]))
    told = explain(caught.value)
    assert told is not None, caught.value
    # Nothing half-written: no step was made, and what lies there is whole.
    assert not {p.name for p in out.rglob("*")} & {"metrics.csv", "best.ckpt", "metrics.json"}
    assert not list(out.rglob("*.tmp"))
    return told


def training(out: Path, *overrides: str) -> str:
    return message(train, "train", out, "trainer=debug", "logger=csv", *overrides)


@pytest.fixture
def root(drawn_root: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(drawn_root, tmp_path / "streets with ümlauts"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def rewrite(root: Path, change: Change) -> None:
    file = root / "annotations.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    change(document)
    file.write_text(json.dumps(document), encoding="utf-8")


def set_in(section: str, index: int, key: str, value: Any) -> Change:
    return lambda document: document[section][index].update({key: value})


DATA: dict[str, tuple[Change, str]] = {
    "outside": (set_in("annotations", 3, "bbox", [9000, 1, 5, 5]), "annotations[3] (id 4): box"),
    "no area": (set_in("annotations", 3, "bbox", [1, 1, 0, 5]), "has no area in"),
    "category": (set_in("annotations", 3, "category_id", 77), "unknown category_id 77"),
    "image id": (set_in("images", 1, "id", 1), "image id 1 was already used by images[0]"),
    "annotation id": (set_in("annotations", 1, "id", 1), "annotation id 1 was already used"),
    "leaves": (set_in("images", 0, "file_name", "../x.jpg"), "'../x.jpg' leaves the root"),
    "absolute": (set_in("images", 0, "file_name", "/etc/x.jpg"), "'/etc/x.jpg' is absolute"),
    "no images": (lambda d: (d["images"].clear(), d["annotations"].clear()), "'images' is empty"),
    "no categories": (lambda d: d["categories"].clear(), "'categories' is empty"),
}


@pytest.mark.parametrize("case", DATA)
def test_wrong_annotations(case: str, root: Path, out: Path):
    change, expected = DATA[case]
    rewrite(root, change)
    told = training(out, f"datamodule.root='{root}'")
    assert told.startswith(f"{root / 'annotations.json'}: ")
    assert expected in told
    assert "Correct or remove these entries" in told


def test_a_training_that_ends_before_it_is_validated(drawn_root: Path, out: Path):
    few = ("trainer.max_epochs=9", "trainer.check_val_every_n_epoch=9")
    words = ["trainer=debug", "logger=csv", f"datamodule.root={drawn_root}", *few]
    paths = [f"paths.root={out.parent}", f"paths.run={out}", "trainer.max_time={milliseconds: 1}"]
    with (
        initialize_config_dir(str(ROOT / "conf"), version_base="1.3"),
        pytest.raises(ValueError, match=r"ended before its first validation.*check_val_every_n"),
    ):
        train(compose("train", overrides=[*words, *paths]))
    assert (out / "last.ckpt").is_file()


def test_a_truncated_annotation_file(root: Path, out: Path):
    file = root / "annotations.json"
    file.write_bytes(file.read_bytes()[:500])
    told = training(out, f"datamodule.root='{root}'")
    assert told.startswith(f"{file}: not valid JSON at line 1 column ")
    assert "cut short" in told


def test_pictures_without_a_box(root: Path, out: Path):
    rewrite(root, lambda document: document["annotations"].clear())
    told = training(out, f"datamodule.root='{root}'")
    assert "the train split has" in told
    assert "no boxes; check the annotation file" in told


def test_a_link_out_of_the_root(root: Path, out: Path, drawn_root: Path):
    picture = next((root / "images").iterdir())
    picture.unlink()
    picture.symlink_to(drawn_root / "images" / picture.name)
    assert f"'images/{picture.name}' leaves the root" in training(out, f"datamodule.root='{root}'")


def test_a_truncated_picture_stops_or_is_counted(
    root: Path, out: Path, tmp_path: Path, trained_run: Path
):
    for picture in sorted((root / "images").iterdir())[::2]:
        picture.write_bytes(picture.read_bytes()[:2000])
    told = training(out, f"datamodule.root='{root}'")
    assert "damaged or cut short" in told
    assert "on_bad_image=skip" in told
    data = ["datamodule=facades", f"datamodule.root='{root}'", "datamodule.on_bad_image=skip"]
    paths = [f"paths.root={tmp_path}", f"paths.run={tmp_path / 'skip'}"]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        evaluate(compose("evaluate", overrides=[*paths, f"run={trained_run}", *data]))
    metrics = json.loads((tmp_path / "skip" / "metrics.json").read_text())
    skipped = len(metrics["skipped_pictures"])
    assert skipped > 0
    report = (tmp_path / "skip" / "report.html").read_text(encoding="utf-8")
    assert f"{skipped} picture" in report
    assert "could not be read" in report


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["datamodule.root=/nowhere"], "datamodule.root=/nowhere: no such folder; give the"),
        (["datamodule.root=5"], "datamodule.root: must be str | Sequence[str] | null, got 5"),
        (["trainer.max_epochs=abc"], "trainer.max_epochs=abc: must be a whole number"),
        (["datamodule.batch_size=0"], "batch_size >= 1"),
        (["datamodule.batch_size=1.5"], "datamodule.batch_size: must be int, got 1.5 (float)"),
        (["datamodule.fractions.test=0.5"], "datamodule.fractions must be shares"),
        (["datamodule.fractions={train: -1, val: 1, test: 1}"], "must be shares from 0 up"),
        (["datamodule.fractions={train: 0, val: 0.5, test: 0.5}"], "no training pictures"),
        (["model.trunk=vgg61"], "trunk: no model of timm: 'vgg61'; did you mean vgg"),
        (["model.priors=foo"], "unknown preset 'foo'; known: coco, voc, facades, seed"),
        (["+model.nms_iou={windw: .1}"], "expected ['building', 'door', 'window'], got ['windw']"),
        (["seed=x"], "seed=x: must be a whole number"),
        (["model.optimizer.lr=-1"], "Invalid learning rate: -1"),
        (["model.optimizer.lr=abc"], "model.optimizer.lr: must be float | Tensor, got 'abc'"),
        (["+model.optimizer.momentun=1"], "model.optimizer.momentun: torch.optim.AdamW takes no"),
        (["model.optimizer._target_=torch.optim.Adam1"], "did you mean 'Adam'?"),
        (["model.trunk_weights=/no/file"], "trunk_weights: no file /no/file"),
        (["warm_start=/no/file"], "/no/file: no such checkpoint file"),
        (["trainer.accelerator=foo"], "trainer: You selected an invalid accelerator name"),
        (["callbacks=ema"], "no ModelCheckpoint with a 'monitor'"),
        (["logger=[csv,wandbb]"], "logger=wandbb: there is no such choice; did you mean 'wandb'?"),
        (["+bach_size=3", "seed=-1"], "seed=-1"),
    ],
)
def test_wrong_settings(overrides: list[str], expected: str, drawn_root: Path, out: Path):
    overrides = [f"datamodule.root={drawn_root}", "datamodule.batch_size=4", *overrides]
    assert expected in training(out, *overrides)


def test_an_output_folder_that_cannot_be(root: Path, tmp_path: Path):
    (tmp_path / "file").touch()
    told = message(train, "train", tmp_path / "file" / "run", f"datamodule.root='{root}'")
    assert "Not a directory" in told
    assert str(tmp_path / "file") in told


class RunsCode:
    """What a malicious checkpoint is made of."""

    def __reduce__(self) -> Any:
        return (os.mkdir, ("/nowhere/at/all",))


@pytest.fixture
def stranger(trained_run: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "stranger"
    folder.mkdir()
    for name in ("best.ckpt", "config.yaml"):
        shutil.copy(trained_run / name, folder)
    return folder


def edit_config(folder: Path, keys: str, value: Any) -> None:
    file = folder / "config.yaml"
    config = yaml.safe_load(file.read_text())
    node = config
    *parents, last = keys.split(".")
    for key in parents:
        node = node[key]
    node[last] = value
    file.write_text(yaml.safe_dump(config))


def edit_checkpoint(folder: Path, change: Change) -> None:
    content = torch.load(folder / "best.ckpt", weights_only=True)
    change(content)
    torch.save(content, folder / "best.ckpt")


POSITIONS = """model datamodule datamodule.draw datamodule.root callbacks.more trainer logger more
    model.optimizer model.nms_iou"""


@pytest.mark.parametrize("key", POSITIONS.split())
def test_a_callable_anywhere_in_a_strangers_config(key: str, stranger: Path, out: Path):
    edit_config(stranger, key, {"_target_": "os.mkdir", "path": str(out)})
    told = message(evaluate, "evaluate", out, f"run={stranger}")
    assert told.startswith(f"{stranger / 'config.yaml'}: {key}._target_ is 'os.mkdir'")
    assert not out.exists()


def test_a_pickled_checkpoint(stranger: Path, out: Path, drawn_root: Path):
    edit_checkpoint(stranger, lambda content: content.update(more=RunsCode()))
    expected = f"{stranger / 'best.ckpt'}: holds a pickled posix.mkdir"
    assert expected in message(evaluate, "evaluate", out, f"run={stranger}")
    pictures = f"source={drawn_root / 'images'}"
    assert expected in message(predict, "predict", out, f"run={stranger}", pictures)
    data = f"datamodule.root={drawn_root}"
    assert expected in training(out, data, f"warm_start={stranger / 'best.ckpt'}")


BAD_CHECKPOINTS: dict[str, tuple[Change, str]] = {
    "another model": (
        lambda c: c["hyper_parameters"].update(trunk="resnet18", trunk_arguments=None),
        "does not fit detectors.ssd300.module.SSD300",
    ),
    "a wrong type": (lambda c: c["hyper_parameters"].update(trunk=5), "does not fit"),
    "no classes": (lambda c: c["hyper_parameters"].pop("class_names"), "no checkpoint of a"),
    "instantiator": (
        lambda c: c["hyper_parameters"].update(_instantiator="os.system"),
        "does not fit",
    ),
}


@pytest.mark.parametrize("case", BAD_CHECKPOINTS)
def test_a_checkpoint_that_does_not_fit(case: str, stranger: Path, out: Path):
    change, expected = BAD_CHECKPOINTS[case]
    edit_checkpoint(stranger, change)
    told = message(evaluate, "evaluate", out, f"run={stranger}")
    assert told.startswith(f"{stranger / 'best.ckpt'}: {expected}")


def test_a_missing_checkpoint(stranger: Path, out: Path):
    (stranger / "best.ckpt").unlink()
    told = message(evaluate, "evaluate", out, f"run={stranger}")
    assert "best.ckpt does not exist; checkpoints in" in told


def test_other_classes(root: Path, trained_run: Path, out: Path):
    rewrite(root, set_in("categories", 1, "name", "hatch"))
    data = f"datamodule.root='{root}'"
    told = message(evaluate, "evaluate", out, f"run={trained_run}", "datamodule=facades", data)
    assert "its classes differ from those wanted" in told
    assert "hatch" in told
    told = training(out, data, f"warm_start={trained_run / 'best.ckpt'}")
    assert "trained for other classes than the data has" in told
    assert "only in the checkpoint: ['window'], only in the data: ['hatch']" in told


def test_runs_of_different_classes_are_not_judged_side_by_side(
    stranger: Path, trained_run: Path, out: Path
):
    names = ["building", "hatch", "door"]
    edit_checkpoint(stranger, lambda content: content["hyper_parameters"].update(class_names=names))
    told = message(evaluate, "evaluate", out, f"run=[{trained_run},{stranger}]")
    assert f"{trained_run}: ['building', 'door', 'window']" in told
    assert f"{stranger}: ['building', 'door', 'hatch']" in told
    assert not out.exists()


@pytest.mark.parametrize("model", ["mask_rcnn", "ssd300_light"])
def test_a_model_without_weights_is_not_judged(model: str, drawn_root: Path, out: Path):
    data = ["datamodule=facades", f"datamodule.root={drawn_root}"]
    told = message(evaluate, "evaluate", out, f"model={model}", *data)
    assert told.startswith("model.weights= is needed with model=")


def test_published_weights_that_know_none_of_the_classes(
    out: Path, drawn_root: Path, tmp_path: Path
):
    """Rows of the classifier are random then, and a table of their figures would be a lie."""
    network = ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None)
    torch.save(network.state_dict(), tmp_path / "coco.pth")
    words = ("model=ssdlite320", f"model.weights={tmp_path / 'coco.pth'}", "datamodule=facades")
    told = message(evaluate, "evaluate", out, *words, f"datamodule.root={drawn_root}", "logger=csv")
    assert "they know none of the data's classes, building, window, door" in told


def test_odd_pictures_are_predicted(trained_run: Path, tmp_path: Path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    shapes = {"one.png": (1, 1, 3), "grey.png": (40, 50), "rgba.png": (40, 50, 4)}
    shapes |= {"wide.png": (3, 4000, 3), "tall.jpg": (4000, 2, 3)}
    for name, shape in shapes.items():
        cv2.imwrite(str(folder / name), rng.integers(0, 255, shape, dtype=np.uint8))
    deep = rng.integers(0, 65535, (40, 50, 3), dtype=np.uint16)
    cv2.imwrite(str(folder / "deep.png"), deep)
    paths = [f"paths.root={tmp_path}", f"paths.run={tmp_path / 'out'}", "device=cpu"]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        overrides = [*paths, f"run={trained_run}", f"source={folder}"]
        written = predict(compose("predict", overrides=overrides))
    assert len(json.loads((written / "images.json").read_text())["images"]) == len(shapes) + 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [("empty/", "holds no picture"), ("text.txt", "not a picture"), ("none.jpg", "no such")],
)
def test_sources_without_a_picture(name: str, expected: str, trained_run: Path, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("hello")
    source = f"source={tmp_path / name}"
    told = message(predict, "predict", tmp_path / "out", f"run={trained_run}", source)
    assert expected in told
    assert str(tmp_path / name) in told
