"""A short training, its artefacts, and what evaluate.py and predict.py make of them."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from evaluate import evaluate
from predict import predict
from runs.run_folder import RunFolder

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.slow


def composed(name: str, folder: Path, *overrides: str) -> Any:
    paths = [f"paths.root={folder}", f"paths.run={folder}"]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose(name, overrides=[*paths, *overrides])


def read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def test_a_training_leaves_everything_in_its_folder(trained_run: Path):
    there = {path.name for path in trained_run.iterdir()}
    assert {
        "best.ckpt",
        "last.ckpt",
        "config.yaml",
        "csv",
        "data.json",
        "data.png",
        "ground_truth.json",
        "metrics.json",
        "predictions.json",
        "report.html",
        "wandb",
    } <= there


def test_the_data_picture_shows_sixteen_clips(trained_run: Path):
    sheet = cv2.imread(str(trained_run / "data.png"))
    assert sheet.shape[0] >= 4 * 300
    assert sheet.shape[1] >= 4 * 300
    assert sheet.std() > 20


def test_the_data_statistics_are_of_the_splits(trained_run: Path):
    data = read(trained_run / "data.json")
    assert data["train"]["pictures"] + data["val"]["pictures"] < 24
    assert set(data["train"]["classes"]) == {"building", "window", "door"}
    assert 0 < data["coverage"]["prior_recall_50"] <= 1


def test_plain_pycocotools_gives_the_same_numbers(trained_run: Path):
    metrics = read(trained_run / "metrics.json")["scalars"]
    truth = COCO(str(trained_run / "ground_truth.json"))
    oracle = COCOeval(truth, truth.loadRes(str(trained_run / "predictions.json")), "bbox")
    oracle.evaluate()
    oracle.accumulate()
    oracle.summarize()
    names = ["map", "map_50", "map_75", "map_small", "map_medium", "map_large"]
    names += ["mar_1", "mar_10", "mar_100", "mar_small", "mar_medium", "mar_large"]
    for name, value in zip(names, oracle.stats, strict=True):
        assert metrics[name] == (None if value == -1 else value), name


def test_the_report_badges_drawn_data(trained_run: Path):
    assert read(trained_run / "metrics.json")["drawn"] is True
    assert "drawn" in (trained_run / "report.html").read_text(encoding="utf-8").lower()


def test_a_checkpoint_loads_alone_and_carries_the_operating_point(trained_run: Path):
    detector = RunFolder.open(trained_run).load_detector()
    assert detector.classes.names == ("building", "window", "door")
    assert set(detector.operating_point) == {"building", "window", "door"}
    content = torch.load(trained_run / "best.ckpt", weights_only=True)
    assert content["hyper_parameters"]["class_names"] == ["building", "window", "door"]


def test_the_report_says_how_long_the_tested_checkpoint_was_trained(trained_run: Path):
    metrics = read(trained_run / "metrics.json")
    content = torch.load(trained_run / "best.ckpt", weights_only=True)
    assert (metrics["epochs"], metrics["steps"]) == (content["epoch"] + 1, content["global_step"])


def test_evaluation_of_the_run_repeats_its_test(trained_run: Path, tmp_path: Path):
    score = evaluate(composed("evaluate", tmp_path, f"run={trained_run}", "trainer=cpu"))
    before, after = (read(f / "metrics.json")["scalars"] for f in (trained_run, tmp_path))
    assert after == pytest.approx(before, nan_ok=True, abs=1e-6)
    facts = ("data", "split_hash", "epochs", "steps", "model")
    whole = [read(f / "metrics.json") for f in (trained_run, tmp_path)]
    assert all(whole[0][fact] == whole[1][fact] for fact in facts)
    assert score == pytest.approx(after["map"])


def test_evaluation_on_other_data(trained_run: Path, drawn_root: Path, tmp_path: Path):
    other = f"datamodule.root={drawn_root}"
    evaluate(composed("evaluate", tmp_path, f"run={trained_run}", "datamodule=facades", other))
    assert read(tmp_path / "metrics.json")["data"] == drawn_root.name


def test_evaluation_with_a_key_of_the_runs_own_data_changed(trained_run: Path, tmp_path: Path):
    words = (f"run={trained_run}", "trainer=cpu", "+datamodule.batch_size=3")
    score = evaluate(composed("evaluate", tmp_path, *words))
    assert score == pytest.approx(read(trained_run / "metrics.json")["scalars"]["map"], abs=1e-4)


def test_data_of_other_classes_are_refused(trained_run: Path, drawn_root: Path, tmp_path: Path):
    document = read(drawn_root / "annotations.json")
    document["categories"][1]["name"] = "hatch"
    (tmp_path / "annotations.json").write_text(json.dumps(document))
    (tmp_path / "images").symlink_to(drawn_root / "images")
    other = ["datamodule=facades", f"datamodule.root={tmp_path}"]
    with pytest.raises(Exception, match="hatch") as caught:
        evaluate(composed("evaluate", tmp_path, f"run={trained_run}", *other))
    assert "window" in str(caught.value)


@pytest.fixture
def street(tmp_path: Path) -> Path:
    folder = tmp_path / "street"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, size in {"wide.jpg": (120, 200), "tall.png": (210, 90)}.items():
        cv2.imwrite(str(folder / name), rng.integers(0, 255, (*size, 3), dtype=np.uint8))
    return folder


def test_prediction_of_a_folder(trained_run: Path, street: Path, tmp_path: Path):
    out = tmp_path / "out"
    predict(composed("predict", out, f"run={trained_run}", f"source={street}", "device=cpu"))
    images = {image["id"]: image for image in read(out / "images.json")["images"]}
    assert [Path(image["file_name"]).name for image in images.values()] == ["tall.png", "wide.jpg"]
    results = read(out / "predictions.json")
    assert results
    for result in results:
        x, y, width, height = result["bbox"]
        image = images[result["image_id"]]
        assert x >= 0
        assert y >= 0
        assert x + width <= image["width"] + 1e-3
        assert y + height <= image["height"] + 1e-3
    drawn = sorted((out / "pictures").iterdir())
    assert [cv2.imread(str(p)).shape[:2] for p in drawn] == [(210, 90), (120, 200)]


def test_a_bad_picture_stops_prediction_or_is_counted(
    trained_run: Path, street: Path, tmp_path: Path
):
    (street / "torn.jpg").write_bytes((street / "wide.jpg").read_bytes()[:900])
    arguments = [f"run={trained_run}", f"source={street}", "device=cpu"]
    with pytest.raises(ValueError, match=r"torn\.jpg"):
        predict(composed("predict", tmp_path / "a", *arguments))
    out = predict(composed("predict", tmp_path / "b", *arguments, "on_bad_image=skip"))
    assert [Path(p).name for p in read(out / "images.json")["skipped"]] == ["torn.jpg"]
    assert len(read(out / "images.json")["images"]) == 2
