"""The jobs of a multirun as one group in Weights & Biases."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig
from typing_extensions import override

VARIABLE = "WANDB_RUN_GROUP"


class GroupJobs(Callback):
    """Gives every job of `python train.py -m …` the group of its sweep, unless the user named one.

    The group is called after the sweep's folder, as in `2026-11-20_18-00-00`. It goes through the
    environment, so that jobs of another launcher's processes have it too, and a single run none.
    """

    @override
    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        if config.hydra.mode is RunMode.MULTIRUN:
            os.environ.setdefault(VARIABLE, sweep_group(Path(config.hydra.sweep.dir)))


def sweep_group(folder: Path) -> str:
    """A name for the sweep in that folder: its last two parts, which are date and time."""
    return "_".join(part for part in folder.parts[-2:] if part not in ("/", "multirun"))
