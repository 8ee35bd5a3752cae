"""The bar asks for losses a few times a second, and for those of the last step."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor
from torch.utils.data import DataLoader

from callbacks.progress_bar import ProgressBar

STEPS = 40


class Counting(LightningModule):
    """Logs the number of each step as its loss."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        self.log("loss", float(batch_idx), prog_bar=True)
        return self.weight * 0.0

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


def shown(seconds_a_step: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The losses that the bar showed; the clock is ours."""
    bar, told, clock = ProgressBar(), [], iter(range(10**6))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock) * seconds_a_step)

    def get_metrics(*_: Any) -> dict[str, float]:
        told.append(float(bar.trainer.callback_metrics["loss"]))
        return {}

    monkeypatch.setattr(bar, "get_metrics", get_metrics)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        callbacks=[bar],
        default_root_dir=tmp_path,
    )
    bar.on_train_epoch_end = lambda *_: None  # type: ignore[method-assign]
    trainer.fit(Counting(), DataLoader(torch.zeros(STEPS, 1)))  # type: ignore[arg-type]
    return told


def test_fast_steps_are_shown_four_times_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = shown(0.01, tmp_path, monkeypatch)
    assert told[0] == 0
    assert told[-1] == STEPS - 1
    assert len(told) <= 4


def test_slow_steps_are_all_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(1.0, tmp_path, monkeypatch) == list(range(STEPS))
