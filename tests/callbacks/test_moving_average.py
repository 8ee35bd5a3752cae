"""The moving average of the weights, and of nothing else."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from callbacks.moving_average import MovingAverage
from datamodules.facades import FacadesDataModule
from detectors.base import Detector
from structures import Batch


class WithConstant(Detector):
    """One weight that moves, and a constant that no checkpoint holds."""

    constant: Tensor

    def __init__(self, class_names: list[str]) -> None:
        super().__init__(class_names, optimizer=partial(torch.optim.SGD, lr=1.0))
        self.network = nn.Linear(1, 1)
        self.register_buffer("constant", torch.linspace(0, 1, 999) / 3, persistent=False)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        return {"moves": self.network.weight.sum()}


def test_constants_do_not_drift_while_weights_are_averaged(
    drawn_root: Path, trainer_with: Any
) -> None:
    average = MovingAverage(decay=0.9)
    detector = WithConstant(["building", "window", "door"])
    constant = detector.constant.clone()
    before = detector.network.weight.detach().clone()
    trainer = trainer_with(average, limit_train_batches=5, limit_val_batches=0)
    trainer.fit(detector, datamodule=FacadesDataModule(str(drawn_root), batch_size=2))
    assert torch.equal(detector.constant, constant)
    # The average takes over in the end; the weight itself went down by 5.
    assert -5 < (detector.network.weight - before).item() < 0
