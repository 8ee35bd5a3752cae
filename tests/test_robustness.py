"""evaluate.py on distorted pictures, from the command's own function to its files."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from detectors.ssd300.module import SSD300
from evaluate import evaluate

ROOT = Path(__file__).resolve().parent.parent
CONDITIONS = ("clean", "jpeg_q10", "jpeg_q40", "fog_1", "fog_5")


def judge(run: Path, root: Path, folder: Path, cache: Path, *words: str) -> dict[str, Any]:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose(
            "evaluate",
            overrides=[
                f"run={run}",
                "datamodule=coco_distorted",
                f"datamodule.root={root}",
                "datamodule.distortions.jpeg=[10,40]",
                "+datamodule.distortions.fog=[1,5]",
                "trainer=cpu",
                "logger=csv",
                f"paths.root={folder}",
                f"paths.run={folder}",
                f"paths.cache={cache}",
                *words,
            ],
        )
    evaluate(cfg)
    return json.loads((folder / "metrics.json").read_text())


@pytest.fixture(scope="module")
def judged(trained_run: Path, drawn_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judged")
    judge(trained_run, drawn_root, folder, folder / "cache")
    return folder


def by_pycocotools(truth: Path, predictions: Path) -> dict[str, float]:
    with contextlib.redirect_stdout(io.StringIO()):
        expected = COCO(str(truth))
        evaluation = COCOeval(expected, expected.loadRes(str(predictions)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return dict(zip(("map", "map_50", "map_75"), map(float, evaluation.stats), strict=False))


def test_every_condition_is_what_pycocotools_makes_of_its_predictions(judged: Path) -> None:
    conditions = json.loads((judged / "metrics.json").read_text())["robustness"]["conditions"]
    assert tuple(conditions) == CONDITIONS
    assert conditions["clean"]["map_50"] > 0
    for name, scores in conditions.items():
        again = by_pycocotools(judged / "ground_truth.json", judged / f"predictions/{name}.json")
        assert {key: scores[key] for key in again} == again, name


def test_conditions_differ_and_jpegs_have_a_size(judged: Path) -> None:
    texts = {name: (judged / f"predictions/{name}.json").read_bytes() for name in CONDITIONS}
    assert len(set(texts.values())) == len(CONDITIONS)
    conditions = json.loads((judged / "metrics.json").read_text())["robustness"]["conditions"]
    bits = {name: scores["bits_per_pixel"] for name, scores in conditions.items()}
    assert 0 < bits["jpeg_q10"] < bits["jpeg_q40"] < bits["clean"]
    assert bits["fog_1"] is None


def test_a_repeat_runs_no_network_and_says_the_same(
    judged: Path,
    trained_run: Path,
    drawn_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(*_: Any) -> None:
        raise AssertionError("the network runs again")

    monkeypatch.setattr(SSD300, "predict", stop)
    again = judge(trained_run, drawn_root, tmp_path, judged / "cache")
    first = json.loads((judged / "metrics.json").read_text())
    for key in ("scalars", "robustness", "classes", "confusion"):
        assert again[key] == first[key]


def test_another_precision_is_not_answered_from_the_cache(
    judged: Path,
    trained_run: Path,
    drawn_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []
    predict = SSD300.predict
    monkeypatch.setattr(SSD300, "predict", lambda *a: calls.append(1) or predict(*a))
    words = ["trainer.precision=bf16-mixed"]
    judge(trained_run, drawn_root, tmp_path, judged / "cache", *words)
    assert calls


def test_a_cache_that_cannot_be_written_is_named_before_the_test(
    trained_run: Path, drawn_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SSD300, "predict", lambda *_: pytest.fail("the detector was asked"))
    (tmp_path / "cache").touch()
    with pytest.raises(
        ValueError, match=r"paths\.cache=.*cache: detections cannot be written there"
    ):
        judge(trained_run, drawn_root, tmp_path / "out", tmp_path / "cache")


def test_a_test_of_one_batch_leaves_nothing_in_the_cache(
    trained_run: Path, drawn_root: Path, tmp_path: Path
) -> None:
    judge(trained_run, drawn_root, tmp_path, tmp_path / "cache", "+trainer.limit_test_batches=1")
    assert not (tmp_path / "cache").exists()
