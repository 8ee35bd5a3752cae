"""Going on with a training that was killed: its config, its newest whole checkpoint, its logs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from runs.code_version import code_differences
from runs.config.targets import check_trusted
from runs.run_folder import CONFIG_FILE, RESUME_KEYS, read_config

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

log = logging.getLogger(__name__)

AUTO = "auto"
_CONF = Path(__file__).resolve().parent.parent / "conf"


@dataclass(frozen=True)
class Resumption:
    """Where a training begins.

    Attributes:
        checkpoint: to go on from; None at the very beginning.
        epoch: the one that comes next, from 0.
        batches: of that epoch that are done, in each process.
        best: what the checkpoint calls its own `best.ckpt`; None before a validation.
        positions: how far each logger was, by the name of its class.
        again: whether the run was begun before.
    """

    checkpoint: Path | None = None
    epoch: int = 0
    batches: int = 0
    best: str | None = None
    positions: dict[str, int] | None = None
    again: bool = False

    def apply(self, trainer: Trainer, datamodule: Any, folder: Path) -> None:
        """Set loggers, data and files of a run folder to this point, before anything is logged."""
        from callbacks.point_files import PointFiles
        from callbacks.resume_points import ResumableLogger

        if self.again:
            for logger in trainer.loggers:
                if isinstance(logger, ResumableLogger):
                    logger.go_on_from((self.positions or {}).get(type(logger).__name__, 0))
        files = PointFiles(folder)
        if self.checkpoint is None:
            if trainer.is_global_zero:
                files.remove()
            return
        if not hasattr(datamodule, "resume_at"):
            raise ValueError(
                f"{type(datamodule).__name__} has no resume_at(epoch, batches), as "
                "DetectionDataModule does, so a training on it cannot be gone on with"
            )
        datamodule.resume_at(self.epoch, self.batches)
        if trainer.is_global_zero:
            files.begin_from(self.checkpoint, self.best)


def resumed_config(cfg: DictConfig) -> DictConfig:
    """The config to train with: with `resume=<folder>` that of the run there.

    Single keys may be given besides and replace the run's. With `resume=auto` the config is the
    given one, and the run folder is its own.

    Raises:
        FileNotFoundError: if the folder is missing or that of no training.
        ValueError: if config or code differ from the run's, without `force=true`; if a group was
            chosen anew, the folder was moved, or its config names what it may not.
    """
    if cfg.get("resume") is None:
        return cfg
    folder = Path(str(cfg.paths.run if cfg.resume == AUTO else cfg.resume)).expanduser().resolve()
    if not (folder / CONFIG_FILE).is_file():
        if cfg.resume == AUTO:
            return cfg
        raise FileNotFoundError(
            f"resume={cfg.resume}: {folder} holds no {CONFIG_FILE}, so there is no training to go "
            "on with; give the folder of a run, usually outputs/<date>/<time>"
        )
    content = read_config(folder / CONFIG_FILE)
    if cfg.resume != AUTO:
        check_trusted(content, folder / CONFIG_FILE)  # somebody else may have made the folder
    saved = OmegaConf.create(content)
    wanted = cfg if cfg.resume == AUTO else _with_overrides(saved, cfg)
    if Path(saved.paths.run).resolve() != folder:
        raise ValueError(
            f"resume={cfg.resume}: the run was made in {saved.paths.run}, which stands all over "
            f"its config; move {folder} back there"
        )
    differences = [*_config_differences(saved, wanted), *code_differences(folder)]
    if differences:
        listed = "\n  ".join(differences)
        if not cfg.get("force"):
            raise ValueError(
                f"resume={cfg.resume}: this is not what the run was trained with; add force=true "
                f"to go on all the same (then -> now):\n  {listed}"
            )
        log.warning("Resumed although this differs (then -> now):\n  %s", listed)
    with open_dict(wanted):
        wanted.resume = AUTO
    return wanted


def find_resumption(cfg: DictConfig) -> Resumption:
    """Where the training of a config begins, after `resumed_config`.

    Raises:
        ValueError: if there are checkpoints and none of them can be read.
    """
    if cfg.get("resume") is None:
        return Resumption()
    from callbacks.point_files import PointFiles

    folder = Path(cfg.paths.run)
    files = PointFiles(folder)
    found = [file for file in (files.last, files.before_last) if file.is_file()]
    faults = []
    for file in found:
        try:
            resumption = _read_point(file)
        except ValueError as error:
            log.warning("%s", error)
            faults.append(str(error))
            continue
        log.info(
            "Going on from %s: epoch %d after %d batches",
            file, resumption.epoch, resumption.batches,
        )  # fmt: skip
        return resumption
    if faults:
        raise ValueError(
            f"resume: no checkpoint in {folder} can be read; leave out resume= to start anew:\n  "
            + "\n  ".join(faults)
        )
    begun = (folder / CONFIG_FILE).is_file()
    if begun:
        log.info("%s: killed before its first checkpoint, so it starts anew", folder)
    return Resumption(again=begun)


def _read_point(file: Path) -> Resumption:
    from callbacks.resume_points import RESUME
    from detectors.checkpoint import load_weights_only

    content = load_weights_only(file)
    point = content.get(RESUME) if isinstance(content, dict) else None
    if not isinstance(point, dict):
        raise ValueError(
            f"{file}: no checkpoint to go on from, for it lacks '{RESUME}'; it was not written by "
            "callbacks.resume_points"
        )
    return Resumption(
        file, point["epoch"], point["batches"], point["best"], point["loggers"], again=True
    )


def _with_overrides(saved: DictConfig, cfg: DictConfig) -> DictConfig:
    """The run's config with what stands on this command line."""
    wanted = saved.copy()
    overrides = HydraConfig.get().overrides.task if HydraConfig.initialized() else []
    for override in overrides:
        key = str(override).partition("=")[0].lstrip("+~")
        if key in RESUME_KEYS:
            continue
        group = key.partition("@")[0]
        if str(override).startswith("~") or (_CONF / group).is_dir():
            raise ValueError(
                f"{override}: resume= takes over the config of its run, of which single values can "
                "be changed, as in trainer.max_epochs=20, but no group chosen anew"
            )
        OmegaConf.update(wanted, key, OmegaConf.select(cfg, key), force_add=True)
    return wanted


def _config_differences(saved: DictConfig, wanted: DictConfig) -> list[str]:
    then, now = dict(_leaves(saved)), dict(_leaves(wanted))
    keys = sorted(key for key in {*then, *now} if then.get(key, ...) != now.get(key, ...))
    return [f"{key}: {_shown(then, key)} -> {_shown(now, key)}" for key in keys]


def _leaves(config: DictConfig) -> Iterator[tuple[str, Any]]:
    plain: Any = OmegaConf.to_container(config, resolve=True)
    stack: list[tuple[tuple[str, ...], Any]]
    stack = [((), {key: value for key, value in plain.items() if key not in RESUME_KEYS})]
    while stack:
        path, node = stack.pop()
        if isinstance(node, dict) and node:
            stack += [((*path, str(key)), value) for key, value in node.items()]
        else:
            yield ".".join(path), node


def _shown(leaves: dict[str, Any], key: str) -> str:
    return repr(leaves[key]) if key in leaves else "absent"
