"""A comparison wherever it is shown: the terminal, files, and Weights & Biases."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from evaluation.drawing import Picture
from runs.comparison.compared_run import ComparedRun
from runs.comparison.comparison import Comparison, compare
from runs.sweep.group import VARIABLE
from runs.wandb_mode import set_wandb_mode

if TYPE_CHECKING:
    from evaluation.report.parallel_coordinates import ParallelCoordinates


def finish_comparison(
    runs: Sequence[ComparedRun],
    out: Path,
    picture: Callable[[int], Picture],
    loggers: DictConfig,
    settings: ParallelCoordinates | None = None,
    group: str | None = None,
) -> Comparison:
    """Compare runs, and log it where the runs themselves were logged.

    Args:
        runs: in the order that the user named them.
        out: the folder to write to.
        picture: image id -> uint8 [H, W, 3], RGB.
        loggers: the `logger` node of a config.
        settings: of a sweep, for the report.
        group: of the runs in W&B; that of their data where absent.
    """
    comparison = compare(runs, out, picture, settings)
    if "wandb" not in loggers or comparison.differences is None:
        return comparison
    from runs.comparison.wandb_charts import log_comparison
    from runs.comparison.wandb_report import publish_report
    from runs.loggers import group_of

    set_wandb_mode()
    metrics = comparison.reported[0].metrics
    own = os.environ.get(VARIABLE) or group
    group = own or group_of(metrics["data"], metrics["split_hash"])
    logged = log_comparison(comparison, out, picture, loggers.wandb.project, group)
    publish_report(comparison, logged)
    return comparison
