"""Training in two stages: the detector of single frames first, then what joins the frames."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from typing_extensions import override

from detectors.base import Detector, ScheduleFactory
from detectors.checkpoint import restore
from detectors.loss_normaliser import mean_over_processes
from detectors.parameter_groups import build_parameter_groups
from detectors.transvod_lite.network import TransVODLiteNetwork
from detectors.transvod_lite.stage_schedule import schedule_of_stages
from structures import Batch

logger = logging.getLogger(__name__)

SINGLE_FRAME, TEMPORAL = "single_frame", "temporal"


class TwoStageDetector(Detector):
    """What decides which stage of a network detects and learns, and when.

    A subclass builds its network and then calls `set_up_stages`.

    Attributes:
        stage: 'single_frame' or 'temporal', the stage that detects; checkpoints carry it.
    """

    network: TransVODLiteNetwork
    stage: str = SINGLE_FRAME

    def set_up_stages(self, temporal_from_epoch: int, freeze_single_frame: bool) -> None:
        """Begin in the first stage, or in the second one where epoch 0 is its first.

        Args:
            temporal_from_epoch: the epoch, counted from 0, at which the temporal stage takes over.
            freeze_single_frame: whether the single-frame stage then rests.
        """
        self.temporal_from_epoch = temporal_from_epoch
        self.freeze_single_frame = freeze_single_frame
        if self.network.temporal is None:
            return
        if temporal_from_epoch == 0:
            self.stage = TEMPORAL
            self._freeze()
        elif self._schedule is not None:
            self._schedule = partial(self._schedule_of_stages, self._schedule)

    def both_learn(self) -> bool:
        """Whether the temporal stage detects and the single-frame stage learns on."""
        return self.stage == TEMPORAL and not self.freeze_single_frame

    @override
    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        if batch.frame_count == 0:
            # The criteria of other processes wait for this one's number of boxes.
            for _ in range(2 if self.both_learn() else 1):
                mean_over_processes(torch.zeros((), device=self.device))
        return super().training_step(batch, batch_idx)

    @override
    def on_fit_start(self) -> None:
        temporal = self.network.temporal
        if temporal is None:
            return
        wrapped = self.trainer.strategy.model
        if self.temporal_from_epoch and isinstance(wrapped, DistributedDataParallel):
            _require_unused_parameters_allowed(wrapped)
        # A box head at zero has learnt nothing, and comes from no checkpoint of a video detector.
        last_layers = [step.box_head.layers[-1] for step in temporal.steps()]
        untrained = not any(bool(p.any()) for layer in last_layers for p in layer.parameters())
        if self.stage == TEMPORAL and untrained:
            self.network.warm_start_temporal_heads()

    @override
    def on_train_start(self) -> None:
        if self.stage == TEMPORAL:
            self._freeze()  # a training that is resumed within an epoch does not begin that one

    @override
    def on_train_epoch_start(self) -> None:
        if self.network.temporal is None:
            return
        if self.stage == SINGLE_FRAME and self.current_epoch >= self.temporal_from_epoch:
            self._begin_temporal_stage()
        if self.stage == TEMPORAL:
            self._freeze()

    @override
    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        if self.stage == SINGLE_FRAME and self.network.temporal is not None:
            # In every step, so that averages of the weights hold trained heads when they are used.
            self.network.warm_start_temporal_heads()

    @override
    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["stage"] = self.stage

    @override
    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        # Freezing waits for the training: the optimizer of a resumed one has all parameters.
        self.stage = checkpoint.get("stage", self.stage)

    @override
    def _grouped_parameters(self) -> list[dict[str, Any]]:
        """Rules that only fit frozen parameters are passed over."""
        trainable = {name: p.requires_grad for name, p in self.named_parameters()}
        rules = [rule for rule in self._parameter_groups if not _fits_frozen_only(rule, trainable)]
        bound = getattr(self._optimizer, "keywords", {})
        return build_parameter_groups(self, rules, base_lr=bound.get("lr"))

    def _freeze(self) -> None:
        if self.freeze_single_frame:
            self.network.freeze_single_frame_stage()

    def _begin_temporal_stage(self) -> None:
        """From the best checkpoint of the stage that ends here."""
        best = str(getattr(self.trainer.checkpoint_callback, "best_model_path", ""))
        if best:
            restore(self, Path(best))
        self.network.warm_start_temporal_heads()
        self.stage = TEMPORAL
        logger.info(
            "Epoch %d: the temporal stage takes over from %s; the single-frame stage %s",
            self.current_epoch,
            best or "the weights of the last step",
            "rests" if self.freeze_single_frame else "learns on",
        )

    def _schedule_of_stages(
        self, make: ScheduleFactory, optimizer: Optimizer, total_steps: int
    ) -> LRScheduler:
        epochs = self.trainer.max_epochs or 0
        if epochs <= self.temporal_from_epoch:
            logger.warning(
                "The temporal stage takes over at epoch %d (model.temporal_from_epoch), but the "
                "training has %d epochs (trainer.max_epochs): only the single-frame stage learns",
                self.temporal_from_epoch,
                epochs,
            )
            return schedule_of_stages(make, optimizer, [total_steps])
        first = round(total_steps * self.temporal_from_epoch / epochs)
        return schedule_of_stages(make, optimizer, [first, total_steps - first])


def _fits_frozen_only(rule: Mapping[str, Any], trainable: Mapping[str, bool]) -> bool:
    found = [learns for name, learns in trainable.items() if re.search(rule["pattern"], name)]
    return bool(found) and not any(found)


def _require_unused_parameters_allowed(wrapped: DistributedDataParallel) -> None:
    if not wrapped.find_unused_parameters:
        raise ValueError(
            "while one stage of TransVOD Lite learns the other gets no gradients, which DDP must "
            "be told: set trainer.strategy=ddp_find_unused_parameters_true"
        )
