"""Train a model, test its best checkpoint, and leave everything in one run folder.

python train.py model=ssd300 datamodule=facades datamodule.root=$HOME/data/facades
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from omegaconf import DictConfig

from runs.code_version import write_code_version
from runs.config.settings import TRAINING, check_settings
from runs.config.targets import check_arguments
from runs.explained_errors import explained_errors
from runs.folder_lock import sole_process
from runs.judging.score_table import print_scores
from runs.ranks import (
    best_value,
    end_with_starter,
    has_folder,
    is_first_process,
    ranks_to_start,
    train_in_ranks,
)
from runs.resuming import Resumption, find_resumption, resumed_config
from runs.run_folder import plain_config, write_config
from runs.slurm.restart import restarted_config
from runs.slurm.tasks import check_slurm_tasks

if TYPE_CHECKING:
    from lightning.pytorch import Trainer


def build_model(cfg: DictConfig, facts: Mapping[str, Any]) -> Any:
    """The model of `cfg.model`, told what it must know of the data, prepared as the config says."""
    import torch

    from detectors.warm_start import warm_start
    from runs.config.model_building import instantiate_model

    model = instantiate_model(cfg.model, facts)
    if cfg.warm_start is not None:
        warm_start(model, Path(cfg.warm_start))
    if cfg.channels_last:
        model.network.to(memory_format=torch.channels_last)
    if cfg.compile:
        model.network.compile()
    return model


def build_trainer(cfg: DictConfig, group: str) -> Trainer:
    """The trainer of `cfg.trainer` with the callbacks and loggers of their groups.

    Args:
        cfg: the config.
        group: of W&B, for a single run.
    """
    from hydra.utils import instantiate

    from runs.loggers import make_loggers

    trainer: Trainer = instantiate(
        cfg.trainer,
        callbacks=[instantiate(node, _convert_="all") for node in cfg.callbacks.values()],
        logger=make_loggers(cfg.logger, "train", group),
        _convert_="all",
    )
    if getattr(trainer.checkpoint_callback, "monitor", None) is None:
        raise ValueError(
            "callbacks: the best checkpoint is tested in the end, but no ModelCheckpoint with a "
            "'monitor' is among them; keep the default ones, as in callbacks=[default,ema]"
        )
    return trainer


def train(cfg: DictConfig) -> float:
    """Fit, then test the best checkpoint.

    Args:
        cfg: the composed `conf/train.yaml`.

    Returns:
        The best value of what the checkpoint callback monitors (of detectors `val/map`), which
        sweeps maximise.
    """
    check_settings(cfg, TRAINING)
    cfg = resumed_config(restarted_config(cfg, os.environ))
    check_slurm_tasks(cfg.trainer, os.environ)
    folder = Path(cfg.paths.run)
    with sole_process(folder) if has_folder(os.environ) else nullcontext():
        begin = find_resumption(cfg)
        config = plain_config(cfg)
        check_arguments(config)
        if is_first_process(os.environ):
            write_config(cfg, folder)
            write_code_version(folder)
        ranks = ranks_to_start(cfg)
        if ranks:
            train_in_ranks(ranks, folder, resume=begin.again)
            return best_value(folder)
        end_with_starter()
        return _train_here(cfg, config, begin)


def _train_here(cfg: DictConfig, config: dict[str, Any], begin: Resumption) -> float:
    """Train in this process, alone or as one of several.

    Args:
        cfg: the config.
        config: the same as plain dicts and lists.
        begin: where to.
    """
    from hydra.utils import instantiate
    from lightning.pytorch import seed_everything

    from detectors.checkpoint import restore
    from runs.library_noise import drop_library_noise
    from runs.loggers import data_group, wandb_run_ends
    from runs.wandb_mode import set_wandb_mode

    drop_library_noise()
    set_wandb_mode()
    seed_everything(cfg.seed, workers=True, verbose=False)
    datamodule: Any = instantiate(cfg.datamodule, _convert_="all")
    datamodule.prepare_data()
    datamodule.setup("fit")
    model = build_model(cfg, datamodule.model_facts)
    trainer = build_trainer(cfg, data_group(datamodule))
    folder = Path(cfg.paths.run)
    begin.apply(trainer, datamodule, folder)
    for logger in trainer.loggers:
        logger.log_hyperparams(config)
    with wandb_run_ends():
        trainer.fit(model, datamodule=datamodule, ckpt_path=begin.checkpoint, weights_only=True)
        best: Any = trainer.checkpoint_callback
        if not best.best_model_path:
            raise ValueError(
                "the training ended before its first validation, so there is no best checkpoint to "
                "test; give it longer (trainer.max_time) or validate more often "
                "(trainer.check_val_every_n_epoch)"
            )
        restore(model, Path(best.best_model_path))
        trainer.test(model, datamodule=datamodule, verbose=False)
    if trainer.is_global_zero:
        print_scores(folder)
    return float(best.best_model_score)


@hydra.main(config_path="conf", config_name="train", version_base="1.3")
def main(cfg: DictConfig) -> float:
    """Hydra's entry point."""
    return train(cfg)


if __name__ == "__main__":
    with explained_errors():
        main()
