"""The exponential moving average of a model's weights."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EMAWeightAveraging
from typing_extensions import override


class MovingAverage(EMAWeightAveraging):
    """Lightning's average, which leaves alone what is no state.

    Buffers that no checkpoint holds, such as priors, are constants. Averaged with themselves in
    every step they would drift by rounding, and a resumed training could not know how far.
    """

    @override
    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        super().on_train_batch_end(trainer, pl_module, *args)
        self._keep_constants(pl_module)

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_epoch_end(trainer, pl_module)
        self._keep_constants(pl_module)

    def _keep_constants(self, pl_module: LightningModule) -> None:
        assert self._average_model is not None
        pairs = zip(self._average_model.module.modules(), pl_module.modules(), strict=True)
        for averaged, current in pairs:
            for name in current._non_persistent_buffers_set:
                constant = current._buffers[name]
                if constant is not None:
                    averaged.get_buffer(name).copy_(constant)
