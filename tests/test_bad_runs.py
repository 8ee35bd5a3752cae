"""What commands answer to runs, weights and sources that are wrong or malicious."""

import json
import os
import shutil
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
from tests.refused_command import ROOT, Change, message, rewrite, set_in, training

pytestmark = pytest.mark.slow


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


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


def test_other_classes(drawn_root: Path, trained_run: Path, tmp_path: Path, out: Path):
    root = Path(shutil.copytree(drawn_root, tmp_path / "hatches"))
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
    assert "serves for the data's classes, building, window, door; train on" in told


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
