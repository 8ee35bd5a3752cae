"""The loggers of a run, those of W&B told what kind of run it is and which belong together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hydra.utils import get_class, instantiate
from lightning.pytorch.loggers import Logger, WandbLogger
from omegaconf import DictConfig

from runs.sweep.group import VARIABLE


def make_loggers(nodes: DictConfig, job_type: str, group: str) -> list[Logger]:
    """Build the loggers of a config's `logger` node.

    Args:
        nodes: name -> config of a logger.
        job_type: 'train' or 'evaluate', unless the config names another.
        group: of a single run; that of a sweep, or one that the user named, goes before.
    """
    return [_make(node, job_type, group) for node in nodes.values()]


@contextmanager
def wandb_run_ends() -> Iterator[None]:
    """End the run of W&B with what is done within, or the next one would write into it.

    Where that raises, the run has failed; by itself W&B would call it finished.
    """
    import wandb

    try:
        yield
    except BaseException:
        wandb.finish(exit_code=1)
        raise
    wandb.finish()


def _make(node: DictConfig, job_type: str, group: str) -> Logger:
    named: dict[str, Any] = {}
    if issubclass(get_class(node["_target_"]), WandbLogger):
        named = {"job_type": job_type}
        if not os.environ.get(VARIABLE):
            named["group"] = group
    logger: Logger = instantiate({**named, **node}, _convert_="all")
    return logger


def data_group(datamodule: Any) -> str:
    """Runs on the same data and split compare, and stand together.

    Args:
        datamodule: set up; labels of utility have no split of their own.
    """
    return group_of(datamodule.name, getattr(datamodule, "split_hash", ""))


def group_of(data: str, split_hash: str) -> str:
    """The group of W&B for a data set and its split."""
    return f"{data} {split_hash[:8]}".strip()[:128]  # W&B takes no longer ones
