"""End the training of a sweep's trial that others have left behind."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from callbacks.trial_journal import PRUNED, open_study

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

log = logging.getLogger(__name__)


class TrialPruning(Callback):
    """Reports what checkpoints monitor, `val/map`, and stops where the study's pruner says so.

    A pruned trial is an ordinary short training: its best checkpoint is tested, and its run folder
    is whole. That it was pruned stands in the study.

    Args:
        storage: the study's journal, which many processes and machines may write to.
        number: of this trial.
        pruner: decides.
    """

    def __init__(self, storage: str, number: int, pruner: BasePruner) -> None:
        self._storage, self._number, self._pruner = Path(storage), number, pruner

    @override
    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking:
            return
        hopeless = False
        if trainer.is_global_zero:
            hopeless = self._report(trainer)
        trainer.should_stop |= bool(trainer.strategy.broadcast(hopeless))

    def _report(self, trainer: Trainer) -> bool:
        from optuna.trial import Trial

        study = open_study(self._storage, self._pruner)
        frozen = study.get_trials(deepcopy=False)[self._number]
        trial, epoch = Trial(study, frozen._trial_id), trainer.current_epoch
        # A training that was killed and goes on validates epochs that it has reported.
        if epoch not in frozen.intermediate_values:
            monitor = trainer.checkpoint_callback.monitor  # type: ignore[union-attr]
            trial.report(float(trainer.callback_metrics[monitor]), epoch)
        if PRUNED in frozen.user_attrs:
            return True  # it was killed before its end; others may have come since
        if not trial.should_prune():
            return False
        log.info(
            "trial %d is pruned after epoch %d: others were better by then", self._number, epoch
        )
        trial.set_user_attr(PRUNED, epoch)
        return True
