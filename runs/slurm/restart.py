"""A job that SLURM starts again goes on with its own run."""

from __future__ import annotations

from collections.abc import Mapping

from omegaconf import DictConfig, open_dict

from runs.resuming import AUTO


def restarted_config(cfg: DictConfig, environment: Mapping[str, str]) -> DictConfig:
    """The config of a training, with `resume=auto` where its job was requeued.

    After a preemption, a time limit or the loss of a node nobody is there to write it. Nor is there
    anyone to answer for code that was edited meanwhile, so that this is a warning then, also where
    the command names what to resume (those of searches do).

    Args:
        cfg: of this start.
        environment: of this process.
    """
    if int(environment.get("SLURM_RESTART_COUNT", "0")) == 0:
        return cfg
    restarted = cfg.copy()
    with open_dict(restarted):
        restarted.resume = AUTO if cfg.get("resume") is None else cfg.resume
        restarted.force = True
    return restarted
