"""Evaluation of finished predictions: labels, thresholds, and frames that were not judged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callbacks import artefacts
from callbacks.evaluation import DetectionEvaluation
from datamodules.coco_distorted import CocoDistortedDataModule
from datamodules.facades import FacadesDataModule
from datamodules.frame_samplers import Causal
from datamodules.video import VideoDataModule
from prepare.drawn_video import draw_video_under
from structures import Batch, Prediction

NAMES = ["building", "window", "door"]


def read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def parted(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The documents of train and val alone; val holds the last group that has all classes."""
    group = document["images"][-1]["group"]
    sides: dict[str, set[int]] = {"train": set(), "val": set()}
    for image in document["images"]:
        sides["val" if image["group"] == group else "train"].add(image["id"])
    return {
        side: {
            **document,
            "images": [image for image in document["images"] if image["id"] in ids],
            "annotations": [a for a in document["annotations"] if a["image_id"] in ids],
        }
        for side, ids in sides.items()
    }


def renumbered(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The same data with the ids of windows and doors exchanged and that of buildings moved."""
    new = {1: 7, 2: 3, 3: 2}
    for entry in document["categories"]:
        entry["id"] = new[entry["id"]]
    for entry in document["annotations"]:
        entry["category_id"] = new[entry["category_id"]]
    return {"annotations": document}


def test_perfect_predictions_score_one_and_leave_all_artefacts(
    drawn_root: Path, oracle: Any, trainer_with: Any, tmp_path: Path
) -> None:
    trainer = trainer_with(DetectionEvaluation(str(tmp_path)))
    detector = oracle()
    trainer.fit(detector, datamodule=FacadesDataModule(str(drawn_root)), weights_only=True)
    assert float(trainer.callback_metrics["val/map"]) == 1
    assert set(detector.operating_point) == set(NAMES)
    trainer.test(detector, datamodule=FacadesDataModule(str(drawn_root)), verbose=False)
    metrics = read(tmp_path / "metrics.json")
    assert metrics["scalars"]["map"] == 1
    assert metrics["operating_point_chosen_here"] is False
    assert {"predictions.json", "ground_truth.json", "report.html"} <= {
        path.name for path in tmp_path.iterdir()
    }


def test_videos_log_motion_and_steadiness_and_every_test_its_cost(
    oracle: Any, trainer_with: Any, tmp_path: Path
) -> None:
    root = draw_video_under(tmp_path, videos=3, seed=2)
    thirds = dict.fromkeys(("train", "val", "test"), 1 / 3)
    data = VideoDataModule(clip_length=4, root=str(root), fractions=thirds)
    detector = type(oracle())(list(data.classes.names))
    trainer = trainer_with(DetectionEvaluation(str(tmp_path)))
    trainer.test(detector, data, verbose=False)
    logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
    assert (logged["test/map_fast"], logged["test/found"], logged["test/flicker"]) == (1, 1, 0)
    metrics = read(tmp_path / "metrics.json")
    assert metrics["video"]["videos"] == 1
    assert sum(metrics["video"]["motion"]["objects"].values()) > 0
    assert metrics["sees_videos"] is False
    assert logged["test/frames_per_second"] == pytest.approx(
        1000 / metrics["milliseconds_per_picture"], rel=1e-5
    )
    if metrics["peak_memory"] is not None:
        assert logged["test/peak_memory_mb"] * 1e6 == pytest.approx(
            metrics["peak_memory"], rel=1e-5
        )


def test_data_may_number_their_categories_otherwise_than_the_checkpoint(
    make_root: Callable[..., Path], oracle: Any, trainer_with: Any, tmp_path: Path
) -> None:
    """Labels join weights and data by name; ids belong to the file that is judged."""
    data = FacadesDataModule(str(make_root(renumbered)), class_names=NAMES)
    trainer = trainer_with(DetectionEvaluation(str(tmp_path)))
    trainer.test(oracle(category_ids=[1, 2, 3]), datamodule=data, verbose=False)
    assert read(tmp_path / "metrics.json")["scalars"]["map"] == 1
    found = {entry["category_id"] for entry in read(tmp_path / "predictions.json")}
    assert found <= {7, 3, 2}


def test_classes_in_another_order_are_refused(
    drawn_root: Path, oracle: Any, trainer_with: Any, tmp_path: Path
) -> None:
    data = FacadesDataModule(str(drawn_root), class_names=NAMES[::-1])
    trainer = trainer_with(DetectionEvaluation(str(tmp_path)))
    with pytest.raises(ValueError, match=r"names and order must agree.*datamodule\.class_names"):
        trainer.test(oracle(), datamodule=data, verbose=False)


def test_thresholds_chosen_on_the_tested_pictures_are_owned_up_to(
    make_root: Callable[..., Path], oracle: Any, trainer_with: Any, tmp_path: Path
) -> None:
    """Without a test split val is tested, on which the operating point was chosen."""
    data = FacadesDataModule(str(make_root(parted)))
    trainer, detector = trainer_with(DetectionEvaluation(str(tmp_path))), oracle()
    trainer.fit(detector, datamodule=data, weights_only=True)
    trainer.test(detector, datamodule=data, verbose=False)
    assert read(tmp_path / "metrics.json")["operating_point_chosen_here"] is True


def test_distorted_pictures_are_shown_at_the_thresholds_of_the_clean_ones(
    make_root: Callable[..., Path],
    oracle: Any,
    trainer_with: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A detector that doubts itself in fog has missed what it no longer says aloud."""
    data = CocoDistortedDataModule({"fog": [1]}, root=str(make_root(parted)), batch_size=100)
    detector = oracle()
    sure = detector.predict
    doubts = iter([1.0, 1.0, 0.1])  # the first time its operations are counted

    def predict(batch: Batch) -> list[Prediction]:
        doubt = next(doubts)
        return [replace(p, scores=p.scores * doubt) for p in sure(batch)]

    detector.predict = predict
    reports: list[Any] = []
    monkeypatch.setattr(artefacts, "write_report", lambda *_, **parts: reports.append(parts))
    trainer_with(DetectionEvaluation(str(tmp_path))).test(detector, data, verbose=False)
    clean, foggy = reports[0]["examples"]
    assert clean.correct > 0
    assert (foggy.correct, foggy.missed) == (0, clean.correct)


def without_objects_in_val(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    parts = parted(document)
    parts["val"]["annotations"] = []
    return parts


def test_a_validation_without_any_object_ends_with_the_mend(
    make_root: Callable[..., Path], oracle: Any, trainer_with: Any, tmp_path: Path
) -> None:
    trainer = trainer_with(DetectionEvaluation(str(tmp_path)))
    data = FacadesDataModule(str(make_root(without_objects_in_val)))
    with pytest.raises(ValueError, match=r"val/map is not defined.*limit_val_batches"):
        trainer.fit(oracle(), datamodule=data)


def test_pictures_past_a_limit_count_for_nothing_and_are_told(
    drawn_root: Path,
    oracle: Any,
    trainer_with: Any,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    trainer = trainer_with(DetectionEvaluation(str(tmp_path)), limit_test_batches=1)
    data = FacadesDataModule(str(drawn_root), batch_size=1)
    trainer.test(oracle(), datamodule=data, verbose=False)
    metrics = read(tmp_path / "metrics.json")
    assert metrics["images"] == 1
    assert metrics["scalars"]["map"] == 1
    unjudged = len(data.annotations("test")) - 1
    assert f"test: {unjudged} of {unjudged + 1} pictures were not judged" in caplog.text


def test_context_counts_for_nothing(oracle: Any, trainer_with: Any, tmp_path: Path) -> None:
    """Overlapping clips show frames several times; only where they are judged do they count."""
    root = draw_video_under(tmp_path / "data", videos=3, seed=1)
    data = VideoDataModule(
        3,
        test_frames=Causal,
        root=str(root),
        fractions=dict.fromkeys(("train", "val", "test"), 1 / 3),
    )
    detector = oracle()
    detector = type(detector)(list(data.classes.names))
    truth = detector.predict

    def wrong_in_context(batch: Any) -> Any:
        found = truth(batch)
        for prediction, target in zip(found, batch.frame_targets(), strict=True):
            if not target.judged:
                prediction.boxes = prediction.boxes / 2
        return found

    detector.predict = wrong_in_context
    trainer = trainer_with(DetectionEvaluation(str(tmp_path)))
    trainer.test(detector, datamodule=data, verbose=False)
    assert read(tmp_path / "metrics.json")["scalars"]["map"] == 1
    judged = {row["image_id"] for row in read(tmp_path / "predictions.json")}
    assert judged <= set(data.annotations("test").image_ids.tolist())
