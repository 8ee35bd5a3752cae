"""Where a run's figures come from and what the detector costs, in its W&B config."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import WandbLogger

from callbacks.git_commit import git_commit
from detectors.base import Detector

# Of what `run_facts` tells; the same keys for every detector, so that runs can be put in one table.
_OF_A_TEST = (
    "model",
    "data",
    "drawn",
    "split_hash",
    "data_digest",
    "git_commit",
    "parameters",
    "flops_per_frame",
    "milliseconds_per_picture",
    "peak_memory",
    "sees_videos",
    "hardware",
    "precision",
    "versions",
)


def log_first_facts(trainer: Trainer, detector: Detector, datamodule: Any) -> None:
    """What is known before the first step, so that a run that is killed has it, too."""
    facts = {
        "model": detector.title,
        "data": datamodule.name,
        "drawn": datamodule.drawn,
        "split_hash": datamodule.split_hash,
        "git_commit": git_commit(),
        "parameters": sum(p.numel() for p in detector.parameters()),
    }
    _update(trainer, facts)


def log_test_facts(trainer: Trainer, facts: dict[str, Any]) -> None:
    """What a test adds.

    Args:
        trainer: with its loggers.
        facts: what `run_facts` returned, with cost.
    """
    _update(trainer, {key: facts[key] for key in _OF_A_TEST})


def _update(trainer: Trainer, facts: dict[str, Any]) -> None:
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            logger.experiment.config.update({"facts": facts}, allow_val_change=True)
