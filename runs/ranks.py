"""The processes of one training on one machine, each begun from the run's own config."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from runs.resuming import AUTO

log = logging.getLogger(__name__)

_TRAIN = Path(__file__).resolve().parent.parent / "train.py"
_STARTER = "DETECTOR_ZOO_STARTER"  # the process id of what started this one
_GRACE_S = 20.0  # from the failure of one rank to the end of the others


def is_first_process(environment: Mapping[str, str]) -> bool:
    """Whether this process is the one of its training that writes, known before the trainer is.

    Of processes that begin together the others would find what it wrote, or it what they wrote, and
    take the run for one that was begun before.

    Args:
        environment: of this process, with what SLURM, torchrun or this module set.
    """
    ranks = ("SLURM_PROCID", "RANK", "LOCAL_RANK")
    return all(int(environment.get(rank, "0")) == 0 for rank in ranks)


def has_folder(environment: Mapping[str, str]) -> bool:
    """Whether this process keeps others out of the run folder, for all processes of its training.

    Args:
        environment: of this process.
    """
    return is_first_process(environment) and _STARTER not in environment


def ranks_to_start(cfg: DictConfig) -> dict[int, dict[str, str]]:
    """Rank on this machine -> its environment, where this process must start them itself.

    None are where the trainer has one device, or SLURM, torchrun or this module started this
    process as a rank.
    """
    one = str(cfg.trainer.get("devices")) == "1" and cfg.trainer.get("num_nodes", 1) == 1
    if one or _STARTER in os.environ:
        return {}
    from hydra.utils import instantiate

    # Lightning knows what 'auto' or a list of devices mean, and who started the processes.
    trainer: Any = instantiate(cfg.trainer, logger=False, _convert_="all")
    environment = getattr(trainer.strategy, "cluster_environment", None)
    count = trainer.num_devices
    if environment is None or environment.creates_processes_externally:
        return {}
    common = {
        "MASTER_ADDR": str(environment.main_address),
        "MASTER_PORT": str(environment.main_port),
        "NODE_RANK": str(environment.node_rank()),
        "WORLD_SIZE": str(count * trainer.num_nodes),
        _STARTER: str(os.getpid()),
    }
    return {rank: {**common, "LOCAL_RANK": str(rank)} for rank in range(count)}


def train_in_ranks(ranks: dict[int, dict[str, str]], folder: Path, resume: bool) -> None:
    """Run `train.py` in every rank with `<folder>/config.yaml`, and wait for them.

    A rank never sees this command line: that of a multirun would begin a second sweep, and that of
    a run without a folder a second folder. Ranks above 0 print into `rank_<i>.out`.

    Args:
        ranks: of `ranks_to_start`.
        folder: the run folder.
        resume: whether the run is gone on with.

    Raises:
        ValueError: if a rank fails; the others are then ended.
    """
    with ExitStack() as stack:
        started = {}
        for rank, environment in ranks.items():
            output = None
            if rank > 0:
                output = stack.enter_context((folder / f"rank_{rank}.out").open("a"))
            started[rank] = subprocess.Popen(
                _command(folder, rank, resume),
                env={**os.environ, **environment},
                stdout=output,
                stderr=None if output is None else subprocess.STDOUT,
            )
        stack.callback(_end, list(started.values()))
        log.info("%s: %d processes", folder, len(started))
        _wait(started, folder)


def best_value(folder: Path) -> float:
    """What the checkpoint callback of a run that has ended monitors, at its best."""
    from detectors.checkpoint import load_weights_only

    states = load_weights_only(folder / "best.ckpt")["callbacks"].values()
    (best,) = [s["best_model_score"] for s in states if s.get("best_model_score") is not None]
    return float(best)


def end_with_starter() -> None:
    """End this process once the one that started it as a rank is gone, however that ended.

    A rank left alone would train on into a folder that a resumed run writes to.
    """
    starter = os.environ.get(_STARTER)
    if starter is None:
        return

    def watch() -> None:
        while os.getppid() == int(starter):
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="end-with-starter").start()


def _command(folder: Path, rank: int, resume: bool) -> list[str]:
    quoted = str(folder.resolve()).replace("\\", "\\\\").replace("'", "\\'")
    return [
        sys.executable,
        str(_TRAIN),
        f"--config-path={folder.resolve()}",
        "--config-name=config",
        f"hydra.run.dir='{quoted}'",
        "hydra.output_subdir=null",
        f"hydra.job.name={'train' if rank == 0 else f'rank_{rank}'}",
        *([f"+resume={AUTO}"] if resume else []),
    ]


def _wait(started: dict[int, subprocess.Popen[bytes]], folder: Path) -> None:
    failed: list[int] = []
    while not failed and any(process.poll() is None for process in started.values()):
        time.sleep(0.1)
        failed = _failed(started)
    failed = failed or _failed(started)
    if not failed:
        return
    time.sleep(1)  # for what it has yet to print
    # The first to fail knows why; the others say that their connection to it is broken.
    rank = failed[0]
    where = "above" if rank == 0 else f"in {folder / f'rank_{rank}.out'}"
    raise ValueError(
        f"process {rank} of {len(started)} ended with exit code {started[rank].returncode}; "
        f"what it said stands {where}"
    )


def _failed(started: dict[int, subprocess.Popen[bytes]]) -> list[int]:
    return [rank for rank, process in started.items() if process.poll() not in (None, 0)]


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + _GRACE_S
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
