"""The same few validation frames, with boxes, in Weights & Biases after every validation."""

from __future__ import annotations

from typing import Any

import wandb
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from torch import Tensor
from typing_extensions import override

from structures import Batch, ClassList, Prediction, Target


class ValidationPictures(Callback):
    """Logs a fixed handful of validation frames with predicted and true boxes as overlays.

    Args:
        count: how many frames, spread evenly over the validation set.
        score_above: predictions below this score are left out.
    """

    def __init__(self, count: int, score_above: float = 0.3) -> None:
        self._count = count
        self._score_above = score_above
        self._chosen: frozenset[int] = frozenset()
        self._images: dict[int, wandb.Image] = {}

    @override
    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._images = {}
        if self._chosen or not _wandb_loggers(trainer):
            return
        datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
        # W&B is the first process's alone, so only frames of its share can be shown.
        ids = datamodule.annotations("val").image_ids[:: trainer.world_size].tolist()
        stride = max(1, len(ids) // self._count)
        self._chosen = frozenset(ids[::stride][: self._count])

    @override
    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, *_: Any
    ) -> None:
        frames = zip(batch.frames(), batch.frame_targets(), outputs["predictions"], strict=True)
        classes: Any = pl_module.classes
        for frame, target, prediction in frames:
            if target.judged and target.image_id in self._chosen:
                self._images[target.image_id] = self._overlay(frame, target, prediction, classes)

    @override
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._images or trainer.sanity_checking:
            return
        # A key each: W&B shows a list rightly only if all its pictures are of one size.
        panels = {f"val/picture/{image_id}": image for image_id, image in self._images.items()}
        for logger in _wandb_loggers(trainer):
            logger.experiment.log({**panels, "trainer/global_step": trainer.global_step})

    def _overlay(
        self, frame: Tensor, target: Target, prediction: Prediction, classes: ClassList
    ) -> wandb.Image:
        names = dict(enumerate(classes.names, start=1))
        shown = prediction.scores >= self._score_above
        predicted = _box_data(prediction.boxes[shown], prediction.labels[shown], names)
        for box, score in zip(predicted, prediction.scores[shown].tolist(), strict=True):
            box["scores"] = {"score": score}
            box["box_caption"] = f"{box['box_caption']} {score:.2f}"
        return wandb.Image(
            frame.permute(1, 2, 0).cpu().numpy(),
            caption=f"image {target.image_id}",
            boxes={
                "predictions": {"box_data": predicted, "class_labels": names},
                "truth": {
                    "box_data": _box_data(target.boxes, target.labels, names),
                    "class_labels": names,
                },
            },
        )


def _wandb_loggers(trainer: Trainer) -> list[WandbLogger]:
    return [logger for logger in trainer.loggers if isinstance(logger, WandbLogger)]


def _box_data(boxes: Tensor, labels: Tensor, names: dict[int, str]) -> list[dict[str, Any]]:
    return [
        {
            "position": {"minX": x1, "minY": y1, "maxX": x2, "maxY": y2},
            "domain": "pixel",
            "class_id": label,
            "box_caption": names[label],
        }
        for (x1, y1, x2, y2), label in zip(boxes.tolist(), labels.tolist(), strict=True)
    ]
