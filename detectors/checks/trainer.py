"""One real optimizer step through a Lightning Trainer, without files or output."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lightning.pytorch import Trainer
from torch.utils.data import DataLoader

from detectors.base import Detector
from detectors.checks.batches import drawn_batch
from structures import Batch


def fit_one_step(module: Detector, folder: Path) -> Trainer:
    """Train for one step of the module's own optimizer and schedule; returns the trainer."""
    with _quiet_lightning():
        trainer = Trainer(
            accelerator="cpu",
            devices=1,
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=folder,
        )
        loader: DataLoader[Batch] = DataLoader([drawn_batch(module)], batch_size=None)  # type: ignore[arg-type]
        trainer.fit(module, train_dataloaders=loader, weights_only=True)
    return trainer


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Without the advice that Lightning gives at the start of a real training."""
    lightning = logging.getLogger("lightning.pytorch")
    level = lightning.level
    lightning.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        lightning.setLevel(level)
