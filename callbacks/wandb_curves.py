"""Curves in Weights & Biases: precision over recall, AP under distortion, events on the sky."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import wandb
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import WandbLogger

from evaluation.coco import RECALL_GRID
from evaluation.conditions import BENCHMARK_KINDS, EXTRA_KINDS, SEVERITIES
from evaluation.events.evaluation import EventEvaluation
from evaluation.robustness import Robustness
from evaluation.summary import Evaluation, precision_at_recall


def log_curves(trainer: Trainer, evaluation: Evaluation, split: str) -> None:
    """Log one precision-recall plot, a line a class, to every W&B logger of the trainer."""
    curves = {name: c for name, c in evaluation.curves.items() if c.n_truth}
    _log(
        trainer,
        f"{split}/precision_recall",
        RECALL_GRID.tolist(),
        {name: precision_at_recall(curve).tolist() for name, curve in curves.items()},
        title=f"{split}: precision over recall, IoU 0.5",
        xname="recall",
    )


def log_robustness(trainer: Trainer, robustness: Robustness | None) -> None:
    """Log AP against severity, a line a kind, and AP against bits per pixel of the JPEG ladder."""
    if robustness is None:
        return
    table = robustness.table((*BENCHMARK_KINDS, *EXTRA_KINDS))
    clean = robustness.clean.scores["map"]
    if table:
        lines = {
            kind: [clean, *(row.get(s, math.nan) for s in SEVERITIES)]
            for kind, row in table.items()
        }
        title = "test: AP over severity, 0 is clean"
        _log(trainer, "test/severity", [0, *SEVERITIES], lines, title, "severity")
    ladder = sorted(robustness.ladder, key=lambda step: step.bits_per_pixel)
    if ladder:
        title = "test: AP over bits per pixel, JPEG"
        bits = [step.bits_per_pixel for step in ladder]
        line = {"AP": [step.scores["map"] for step in ladder]}
        _log(trainer, "test/bits_per_pixel", bits, line, title, "bits per pixel")


def log_events(trainer: Trainer, events: EventEvaluation | None, split: str) -> None:
    """Log the recall of events against false alarms an hour, where there are events to find."""
    if events is None or not len(events.curve.found) or not events.curve.truth:
        return
    lines = {"events": events.curve.recall.tolist()}
    title = f"{split}: recall of events over false alarms an hour"
    rates = events.curve.rate.tolist()
    _log(trainer, f"{split}/events", rates, lines, title, "false alarms an hour")


def _log(
    trainer: Trainer,
    key: str,
    xs: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    title: str,
    xname: str,
) -> None:
    loggers = [logger for logger in trainer.loggers if isinstance(logger, WandbLogger)]
    if not loggers:
        return
    plot = wandb.plot.line_series(
        xs=list(xs),
        ys=[list(line) for line in lines.values()],
        keys=list(lines),
        title=title,
        xname=xname,
    )
    for logger in loggers:
        logger.experiment.log({key: plot, "trainer/global_step": trainer.global_step})
