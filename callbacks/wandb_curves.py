"""Precision-recall curves in Weights & Biases."""

from __future__ import annotations

import wandb
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import WandbLogger

from evaluation.summary import RECALL_GRID, Evaluation, precision_at_recall


def log_curves(trainer: Trainer, evaluation: Evaluation, split: str) -> None:
    """Log one precision-recall plot, a line a class, to every W&B logger of the trainer."""
    loggers = [logger for logger in trainer.loggers if isinstance(logger, WandbLogger)]
    if not loggers:
        return
    curves = {name: c for name, c in evaluation.curves.items() if c.n_truth}
    plot = wandb.plot.line_series(
        xs=RECALL_GRID.tolist(),
        ys=[precision_at_recall(curve).tolist() for curve in curves.values()],
        keys=list(curves),
        title=f"{split}: precision over recall, IoU 0.5",
        xname="recall",
    )
    for logger in loggers:
        logger.experiment.log(
            {f"{split}/precision_recall": plot, "trainer/global_step": trainer.global_step}
        )
