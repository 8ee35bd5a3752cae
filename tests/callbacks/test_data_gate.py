"""What is told of the data, and refused, before the first step."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callbacks.data_gate import DataGate
from datamodules.facades import FacadesDataModule


def all_crowds(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    for annotation in document["annotations"]:
        annotation["iscrowd"] = 1
    return {"annotations": document}


class DatedFacades(FacadesDataModule):
    """Knows when its pictures were taken."""

    @property
    def observation(self) -> dict[str, Any]:
        return {"taken": {"year": (2013, 2026)}}


def test_objects_and_ignored_regions_are_counted_apart(
    drawn_root: Path, oracle: Any, trainer_with: Any, tmp_path: Path
) -> None:
    data = DatedFacades(str(drawn_root), batch_size=4)
    trainer_with(DataGate(str(tmp_path))).fit(oracle(), datamodule=data, weights_only=True)
    told = json.loads((tmp_path / "data.json").read_text())
    train = data.annotations("train")
    regions = int(train.iscrowd.sum())
    assert regions > 0
    assert told["train"]["ignored_regions"] == regions
    assert told["train"]["boxes"] == len(train.labels) - regions
    assert sum(c["boxes"] for c in told["train"]["classes"].values()) == told["train"]["boxes"]
    assert told["coverage"]["boxes_seen"] == told["train"]["boxes"]
    assert told["taken"] == {"year": [2013, 2026]}


def test_nothing_starts_on_data_without_objects(
    make_root: Callable[..., Path], oracle: Any, trainer_with: Any, tmp_path: Path
) -> None:
    data = FacadesDataModule(str(make_root(all_crowds)))
    trainer = trainer_with(DataGate(str(tmp_path)))
    with pytest.raises(ValueError, match=r"the train split has \d+ pictures and no boxes"):
        trainer.fit(oracle(), datamodule=data, weights_only=True)
    assert trainer.global_step == 0
    assert not (tmp_path / "data.json").exists()
