"""Checkpoints from which a killed training goes on as if nothing had happened."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from callbacks.loop_progress import end_of_batch_before, end_of_epoch_before
from callbacks.point_files import PointFiles
from callbacks.random_states import random_states, set_random_states

log = logging.getLogger(__name__)

RESUME = "resume"  # the key of what only these checkpoints carry
AGREED_EVERY = 10  # batches; several processes ask each other no more often whether time is up


@runtime_checkable
class ResumableLogger(Protocol):
    """A logger that can drop what it logged after a point, so that nothing is logged twice."""

    def position(self) -> int:
        """How much is logged, once it is on disk."""
        ...

    def go_on_from(self, position: int) -> None:
        """Before anything is logged: drop what follows `position`."""
        ...


class ResumePoints(Callback):
    """Writes `last.ckpt` between two steps: all before it is logged, and nothing after has begun.

    One is written after every epoch, within an epoch whenever `every_minutes` or `every_n_steps`
    have passed, and in the end. Besides what Lightning saves it carries, under 'resume', the epoch
    and batch that come next, random states of all processes, and how far each logger was. The one
    before is kept as `before_last.ckpt`, for a file that the machine itself cut off. While a
    gradient is accumulated none is written, for it would be lost.

    Must be the first callback: what others do and log as a step begins they do again on resuming.

    Args:
        output_dir: the run folder.
        every_minutes: of wall clock; None for no such points.
        every_n_steps: optimizer steps; None for no such points.

    Raises:
        ValueError: if an interval is not above 0.
    """

    def __init__(
        self,
        output_dir: str,
        every_minutes: float | None = 10.0,
        every_n_steps: int | None = None,
    ) -> None:
        for name, value in (("every_minutes", every_minutes), ("every_n_steps", every_n_steps)):
            if value is not None and value <= 0:
                raise ValueError(f"{name}={value}: must be above 0, or null for no such points")
        self.files = PointFiles(Path(output_dir))
        self._seconds = None if every_minutes is None else 60 * every_minutes
        self._steps = every_n_steps
        self._saved_at = time.monotonic()
        self._saved_step = 0
        self._place: tuple[int, int] | None = None
        self._finished = False
        self._restored: dict[str, Any] = {}

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._saved_at, self._saved_step = time.monotonic(), trainer.global_step
        if self._restored.get("stopped"):
            # Of which Lightning keeps no note.
            trainer.should_stop = True
            log.info("This training was ended early (by a callback); it is only tested once more")

    @override
    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._restore_random_states(trainer)
        # Lightning has no way to begin an epoch anew where it counts steps (trainer.max_steps).
        if trainer.current_epoch > 0 and trainer.max_steps == -1 and self.has_news(trainer):
            self._write(trainer, (trainer.current_epoch, 0))

    @override
    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._restore_random_states(trainer)
        if self.can_write(trainer, batch_idx) and self._is_due(trainer, batch_idx):
            self.write(trainer, batch_idx)

    @override
    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._finished = True
        self._write(trainer, (trainer.current_epoch, 0))

    def has_news(self, trainer: Trainer) -> bool:
        """Whether a step was done since the latest point."""
        return trainer.global_step > self._saved_step

    def can_write(self, trainer: Trainer, batch_idx: int) -> bool:
        """Whether a point can be written before this batch.

        Not before an epoch's first batch, where there is one anyway, nor while a gradient is being
        accumulated.
        """
        return batch_idx > 0 and batch_idx % trainer.accumulate_grad_batches == 0

    def write(self, trainer: Trainer, batch_idx: int) -> None:
        """Write a point in `on_train_batch_start`, in all processes, where `can_write` says so."""
        self._write(trainer, (trainer.current_epoch, batch_idx))

    @override
    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if self._place is None:
            return  # another callback's, at another moment
        epoch, batches = self._place
        if not self._finished:
            (end_of_batch_before if batches else end_of_epoch_before)(checkpoint["loops"])
        if not batches:
            checkpoint["epoch"] = epoch - 1  # the last one that was trained in
        checkpoint[RESUME] = {
            "epoch": epoch,
            "batches": batches,
            "stopped": self._finished and trainer.should_stop,
            "best": self.files.best_name(trainer.global_step),
            "random_states": random_states(),
            "loggers": {
                type(logger).__name__: logger.position()
                for logger in trainer.loggers
                if trainer.is_global_zero and isinstance(logger, ResumableLogger)
            },
        }

    @override
    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._restored = checkpoint.get(RESUME, {})

    def _restore_random_states(self, trainer: Trainer) -> None:
        """As late as can be, so that nothing draws from them before the step that comes next."""
        states = self._restored.pop("random_states", None)
        if states is not None:
            set_random_states(states, trainer.global_rank)

    def _is_due(self, trainer: Trainer, batch_idx: int) -> bool:
        if not self.has_news(trainer):
            return False
        if self._steps is not None and trainer.global_step - self._saved_step >= self._steps:
            return True
        if self._seconds is None:
            return False
        due = time.monotonic() - self._saved_at >= self._seconds
        if trainer.world_size == 1:
            return due
        # Their clocks differ, and one that writes alone would wait for ever.
        if batch_idx % (AGREED_EVERY * trainer.accumulate_grad_batches):
            return False
        return trainer.strategy.reduce_boolean_decision(due, all=False)

    def _write(self, trainer: Trainer, place: tuple[int, int]) -> None:
        self._place = place
        try:
            if trainer.is_global_zero:
                self.files.keep_the_one_before(trainer.global_step)
            trainer.save_checkpoint(self.files.last, weights_only=False)
        finally:
            self._place = None
        if trainer.is_global_zero:
            self.files.drop_old_bests()
        self._saved_at, self._saved_step = time.monotonic(), trainer.global_step
