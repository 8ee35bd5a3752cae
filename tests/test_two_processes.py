"""A training on two processes ends, and says what one process would say."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from evaluate import evaluate
from tests.split_data import write_splits

ROOT = Path(__file__).resolve().parent.parent
# Pictures of val: one process has one more than the other, or the other has none at all.
VAL = [5, 1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=VAL)
def val_pictures(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture(scope="module")
def data_root(
    drawn_root: Path, val_pictures: int, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A few drawn facades as train.json and val.json."""
    images = json.loads((drawn_root / "annotations.json").read_text())["images"]
    chosen = {"val": images[:val_pictures], "train": images[-6:]}
    splits = {
        name: [{**image, "group": f"{name}{image['id']}"} for image in images]
        for name, images in chosen.items()
    }
    return write_splits(drawn_root, tmp_path_factory.mktemp("split") / "drawn_facades", splits)


@pytest.fixture(scope="module")
def run(data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training by train.py on two processes."""
    folder = tmp_path_factory.mktemp("two")
    arguments = [
        f"hydra.run.dir={folder}",
        f"datamodule.root={data_root}",
        "datamodule.batch_size=1",
        "trainer=ddp",
        "trainer.accelerator=cpu",
        "trainer.max_epochs=1",
        "callbacks=[default,ema]",
        "logger=csv",
    ]
    done = subprocess.run(
        [sys.executable, "train.py", *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert "sync_dist" not in done.stderr, "a warning that nobody can act on"
    return folder


def read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def by_picture(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(results, key=lambda r: (r["image_id"], -r["score"], r["bbox"]))


def test_every_picture_is_judged_once(run: Path, val_pictures: int) -> None:
    assert read(run / "metrics.json")["images"] == val_pictures
    assert len(read(run / "ground_truth.json")["images"]) == val_pictures


def test_one_process_gives_the_same_predictions_and_metrics(run: Path, tmp_path: Path) -> None:
    paths = [f"paths.root={tmp_path}", f"paths.run={tmp_path}"]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        evaluate(compose("evaluate", overrides=[f"run={run}", "trainer=cpu", *paths]))
    one, two = (by_picture(read(f / "predictions.json")) for f in (tmp_path, run))
    assert len(one) == len(two) > 0
    for a, b in zip(one, two, strict=True):
        assert (a["image_id"], a["category_id"]) == (b["image_id"], b["category_id"])
        assert a["score"] == pytest.approx(b["score"], abs=1e-6)
        assert a["bbox"] == pytest.approx(b["bbox"], abs=1e-3)
    alone, together = (read(f / "metrics.json")["scalars"] for f in (tmp_path, run))
    assert alone == pytest.approx(together, abs=1e-6, nan_ok=True)


def test_validation_within_the_training_says_the_same(run: Path) -> None:
    """Val is tested here, with the averaged weights that validation saw."""
    with (run / "csv" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    (validated,) = [row for row in rows if row.get("val/mar_100")]
    test = read(run / "metrics.json")["scalars"]
    for name in ("map", "map_50", "mar_100", "voc_area"):
        assert float(validated[f"val/{name}"]) == pytest.approx(test[name], abs=1e-6), name
    assert float(validated["val/loss"]) > 0
