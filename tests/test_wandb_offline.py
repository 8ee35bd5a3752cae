"""What a training wrote for Weights & Biases, read back from the offline file."""

import json
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


HEADER, BLOCK, CHUNK_HEADER = 7, 32768, 7
FULL, LAST = 1, 4


def scan(file: Path) -> Iterator[bytes]:
    """The records of a `.wandb` file: LevelDB's log format after a header of seven bytes."""
    data = file.read_bytes()
    assert data[:4] == b":W&B"
    position, record = HEADER, b""
    while position + CHUNK_HEADER <= len(data):
        left = BLOCK - position % BLOCK
        if left < CHUNK_HEADER:  # too short for a chunk: padding up to the next block
            position += left
            continue
        length, kind = struct.unpack_from("<HB", data, position + 4)  # after the checksum
        position += CHUNK_HEADER
        record += data[position : position + length]
        position += length
        if kind in (FULL, LAST):
            yield record
            record = b""


@pytest.fixture(scope="module")
def records(trained_run: Path) -> dict[str, Any]:
    from wandb.proto.wandb_internal_pb2 import Record

    (file,) = trained_run.glob("wandb/offline-run-*/*.wandb")
    history: list[dict[str, Any]] = []
    config: dict[str, Any] = {}
    for data in scan(file):
        record = Record()
        record.ParseFromString(data)
        if record.HasField("history"):
            history.append(_values(record.history.item))
        config |= _values([*record.run.config.update, *record.config.update])
    return {"history": history, "config": config, "folder": file.parent}


def _values(items: Iterable[Any]) -> dict[str, Any]:
    """Items as nested dicts; W&B stores the leaves with the path of their keys."""
    values: dict[str, Any] = {}
    for item in items:
        *outer, last = item.nested_key or [item.key]
        node = values
        for key in outer:
            node = node.setdefault(key, {})
        node[last] = json.loads(item.value_json)
    return values


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
