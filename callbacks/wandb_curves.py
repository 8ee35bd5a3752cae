"""Precision-recall curves in Weights & Biases."""

from __future__ import annotations

import numpy as np
import wandb
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import WandbLogger

from evaluation.summary import Evaluation

_POINTS = 101


def log_curves(trainer: Trainer, evaluation: Evaluation, split: str) -> None:
    """Log one precision-recall plot, a line a class, to every W&B logger of the trainer."""
    loggers = [logger for logger in trainer.loggers if isinstance(logger, WandbLogger)]
    if not loggers:
        return
    recall = np.linspace(0.0, 1.0, _POINTS)
    lines = evaluation.interpolated_precision(recall)
    plot = wandb.plot.line_series(
        xs=recall.tolist(),
        ys=[precision.tolist() for precision in lines.values()],
        keys=list(lines),
        title=f"{split}: precision over recall, IoU 0.5",
        xname="recall",
    )
    for logger in loggers:
        logger.experiment.log(
            {f"{split}/precision_recall": plot, "trainer/global_step": trainer.global_step}
        )
