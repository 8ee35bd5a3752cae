"""Which validation frames are shown."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from callbacks import validation_pictures
from callbacks.validation_pictures import ValidationPictures
from datamodules.coco_dataset import CocoDataset
from datamodules.facades import FacadesDataModule
from datamodules.samplers import EvaluationBatches
from structures import collate

SHARES = {"train": 0.2, "val": 0.6, "test": 0.2}


@pytest.mark.parametrize("processes", [1, 2])
def test_as_many_frames_as_asked_for_also_when_processes_share_them(
    drawn_root: Path, oracle: Any, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    logged: list[dict[str, Any]] = []
    logger = SimpleNamespace(experiment=SimpleNamespace(log=logged.append))
    monkeypatch.setattr(validation_pictures, "_wandb_loggers", lambda trainer: [logger])
    data = FacadesDataModule(str(drawn_root), fractions=SHARES)
    trainer: Any = SimpleNamespace(
        datamodule=data, world_size=processes, global_step=3, sanity_checking=False
    )
    callback, detector = ValidationPictures(count=3), oracle()
    dataset = CocoDataset(data.annotations("val"))
    for _ in range(2):
        callback.on_validation_epoch_start(trainer, detector)
        for items in EvaluationBatches(len(dataset), processes, 0, batch_size=2):
            batch = collate([dataset[item] for item in items])
            outputs = {"predictions": detector.predict(batch)}
            callback.on_validation_batch_end(trainer, detector, outputs, batch)
        callback.on_validation_epoch_end(trainer, detector)
    frames = [sorted(key for key in row if key.startswith("val/picture/")) for row in logged]
    assert len(frames[0]) == 3
    assert frames[1] == frames[0]
