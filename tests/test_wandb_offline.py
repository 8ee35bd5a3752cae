"""What a training wrote for Weights & Biases, read back from the offline file."""

import json
from pathlib import Path
from typing import Any

import pytest

from callbacks import wandb_file
from callbacks.wandb_file import history, nested_values

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def records(trained_run: Path) -> dict[str, Any]:
    from wandb.proto.wandb_internal_pb2 import Record

    (file,) = trained_run.glob("wandb/offline-run-*/*.wandb")
    config: dict[str, Any] = {}
    for data in wandb_file.records(file):
        record = Record()
        record.ParseFromString(data)
        config |= nested_values([*record.run.config.update, *record.config.update])
    return {"history": list(history(file)), "config": config, "folder": file.parent}


def test_the_history_holds_losses_metrics_and_rates(records: dict[str, Any]):
    keys = {key for row in records["history"] for key in row}
    assert {"train/bbox_regression", "train/classification", "train/total"} <= keys
    assert {"val/loss", "val/map", "val/map_50", "val/ap/window", "test/map"} <= keys
    assert any(key.startswith("lr-") for key in keys)
    assert "data/prior_recall_50" in keys


def test_every_validation_is_there_once(records: dict[str, Any]):
    assert sum("val/map" in row for row in records["history"]) == 2


def test_the_config_is_the_whole_resolved_config(records: dict[str, Any]):
    config = records["config"]
    assert config["model"]["_target_"] == "detectors.ssd300.module.SSD300"
    assert config["trainer"]["max_epochs"] == 2


def test_pictures_carry_predicted_and_true_boxes(records: dict[str, Any]):
    pictures = [
        value
        for row in records["history"]
        for key, value in row.items()
        if key.startswith("val/picture/")
    ]
    frames = {key for row in records["history"] for key in row if key.startswith("val/picture/")}
    assert len(frames) >= 3
    assert len(pictures) == 2 * len(frames)  # the same frames after both validations
    for picture in pictures:
        assert (records["folder"] / "files" / picture["path"]).stat().st_size == picture["size"]
        assert set(picture["boxes"]) == {"predictions", "truth"}
        file = records["folder"] / "files" / picture["boxes"]["truth"]["path"]
        box = json.loads(file.read_text())["box_data"][0]
        assert box["position"].keys() == {"minX", "minY", "maxX", "maxY"}
        assert box["box_caption"] in {"building", "window", "door"}


def test_precision_recall_curves_are_tables_of_all_classes(records: dict[str, Any]):
    rows = [row for row in records["history"] if any("precision_recall" in key for key in row)]
    assert len(rows) == 2
    (table,) = [value for key, value in rows[-1].items() if "precision_recall" in key]
    content = json.loads((records["folder"] / "files" / table["path"]).read_text())
    classes = {row[content["columns"].index("lineKey")] for row in content["data"]}
    assert classes == {"building", "window", "door"}
