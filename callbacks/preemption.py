"""Leaving a SLURM job before it is ended: the state saved, the job back in the queue."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from callbacks.resume_points import ResumePoints

log = logging.getLogger(__name__)

# What --signal and submitit send before the time limit, and what SLURM sends to a preempted job.
SIGNALS = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)
_ASKING_S = 60  # in which SLURM must answer
_AGREED_EVERY_S = 1.0  # for on a GPU each time waits for all steps that are under way


class Preemption(Callback):
    """On a signal of SLURM writes a resume point, requeues the job, and ends the process.

    The handler only takes note. Lightning's own saves within it, between any two instructions; the
    processes of a training are then at different places, and wait for each other for ever. Here
    they agree before a batch, when all have done and logged the same steps, about once a second.

    The process ends at once, as if it were killed: what takes long in the end (uploads, processes
    that wait for others) cannot keep it beyond its time. A job that is being cancelled, or is over
    its time, is saved but not requeued. Outside of SLURM nothing is done at all. Must stand right
    behind `ResumePoints`, whose points it writes.

    Args:
        patience: seconds after the signal for which a validation may go on. Within one nothing can
            be saved: a longer one is given up, and with it the steps since the latest point.
    """

    def __init__(self, patience: float = 60.0) -> None:
        self._job = job_number(os.environ)
        self._patience = patience
        self._signalled_at: float | None = None
        self._asked: tuple[int, float] | None = None  # before which batch of the epoch, and when
        self._ask_at = 0
        self._before: dict[int, Any] = {}

    @override
    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if self._job is not None and not self._before:
            self._before = {number: signal.getsignal(number) for number in SIGNALS}
            self._listen()

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._listen()

    @override
    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._listen()

    @override
    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._asked, self._ask_at = None, 0

    @override
    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if self._job is None or batch_idx < self._ask_at:
            return
        points = _points(trainer)
        news = points.has_news(trainer)
        if news and not points.can_write(trainer, batch_idx):
            return
        self._ask_at = batch_idx + self._batches_to_pass(trainer, batch_idx)
        if not self._agreed(trainer, 0):
            return
        if news:
            points.write(trainer, batch_idx)
        self._leave(trainer)

    @override
    def on_validation_batch_start(self, trainer: Trainer, *_: Any) -> None:
        if self._job is not None and self._agreed(trainer, self._patience):
            self._leave(trainer)

    @override
    def on_test_batch_start(self, trainer: Trainer, *_: Any) -> None:
        if self._job is not None and self._agreed(trainer, 0):
            self._leave(trainer)

    @override
    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        # SIGTERM also ended the service of W&B, before the step's figures could be given to it. The
        # state is that of the latest point, as after a kill.
        if self._signalled_at is not None and isinstance(exception, OSError):
            log.warning("%s: going on from the latest point", exception)
            self._leave(trainer)

    @override
    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit":
            return  # the test that follows leaves for a signal that comes before it begins
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _listen(self) -> None:
        """Again where a run begins, for Lightning then sets a handler that exchanges tensors."""
        for number in self._before:
            signal.signal(number, self._take_note)

    def _take_note(self, *_: Any) -> None:
        if self._signalled_at is None:
            self._signalled_at = time.monotonic()

    def _batches_to_pass(self, trainer: Trainer, batch_idx: int) -> int:
        """Until all ask each other again; the same number in all processes."""
        if trainer.world_size == 1:
            return 1
        now, before = time.monotonic(), self._asked
        self._asked = batch_idx, now
        if before is None:
            return 1
        own = (now - before[1]) / (batch_idx - before[0])
        slowest = trainer.strategy.reduce(
            torch.tensor(own, device=trainer.strategy.root_device), reduce_op="max"
        )
        return max(1, int(_AGREED_EVERY_S / float(slowest)))

    def _agreed(self, trainer: Trainer, patience: float) -> bool:
        """Whether any of the processes got a signal longer ago than `patience` seconds."""
        at = self._signalled_at
        due = at is not None and time.monotonic() - at >= patience
        return trainer.strategy.reduce_boolean_decision(due, all=False)

    def _leave(self, trainer: Trainer) -> None:
        assert self._job is not None
        end_process(_requeue(self._job, trainer.global_step) if trainer.is_global_zero else 0)


def _requeue(job: str, step: int) -> int:
    """Put a running job back into the queue; returns the exit code of the process."""
    state = _ask("squeue", "--noheader", f"--jobs={job}", "--format=%T")
    if state != "RUNNING":
        log.warning(
            "job %s left after step %d and not requeued, for it is being ended (%s); go on with "
            "resume=<run folder>", job, step, state or "gone from the queue",
        )  # fmt: skip
        return 0
    log.warning("job %s left after step %d and requeued", job, step)
    if _ask("scontrol", "requeue", job) is None:
        log.error("job %s could not be requeued; go on with resume=<run folder>", job)
        return 1
    return 0


def end_process(code: int) -> None:
    """End without any farewell but what was printed and logged."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def job_number(environment: Mapping[str, str]) -> str | None:
    """The number of the SLURM job that this process is a task of, of one of an array as `12_3`.

    None outside of SLURM and where a person works in the job, which nobody would start again.
    """
    if environment.get("SLURM_JOB_NAME") in ("bash", "interactive"):
        return None
    # The plain number of an array's last task is that of the whole array.
    if "SLURM_ARRAY_JOB_ID" in environment:
        return f"{environment['SLURM_ARRAY_JOB_ID']}_{environment['SLURM_ARRAY_TASK_ID']}"
    return environment.get("SLURM_JOB_ID")


def _points(trainer: Trainer) -> ResumePoints:
    found = [each for each in trainer.callbacks if isinstance(each, ResumePoints)]  # type: ignore[attr-defined]
    if not found:
        raise ValueError(
            "callbacks.preemption needs callbacks.resume_points before it, whose points it writes"
        )
    return found[0]


def _ask(*command: str) -> str | None:
    """What a command of SLURM prints; None, and a line in the log, where it fails."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_ASKING_S, check=False
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        log.warning("%s: %s", " ".join(command), error)
        return None
    if done.returncode != 0:
        log.warning("%s: %s", " ".join(command), done.stderr.strip())
        return None
    return done.stdout.strip()
