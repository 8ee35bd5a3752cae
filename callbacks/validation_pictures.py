"""The same few validation frames, with boxes, in Weights & Biases after every validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import wandb
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import override

from evaluation.report.gallery import scaled
from structures import Batch, ClassList, Prediction, Target

FRAME_SIDE = 320  # pixels of the longest side of a frame in a sheet
COLUMNS = 4


class ValidationPictures(Callback):
    """Logs a fixed handful of validation frames with predicted and true boxes as overlays.

    They are the same frames for every detector, whatever its clips and batches: `val/picture/<id>`.
    Where a frame stands in a longer clip, a sheet shows that as well (`val/clip/<id of its first
    frame>`), with its frames in order, row by row: W&B lays boxes over pictures, not over videos.

    Args:
        count: how many frames, spread evenly over the validation split; of several processes those
            of the first one's share, for W&B is its alone.
        score_above: predictions below this score are left out.
    """

    def __init__(self, count: int, score_above: float = 0.3) -> None:
        self._count = count
        self._score_above = score_above
        self._wanted: set[int] = set()
        self._images: dict[str, wandb.Image] = {}

    @override
    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._images, self._wanted = {}, set()
        if trainer.is_global_zero and not trainer.sanity_checking and _wandb_loggers(trainer):
            datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
            ids = datamodule.annotations("val").image_ids.tolist()
            # So many that about `count` are of the first process.
            wanted = self._count * trainer.world_size
            self._wanted.update(ids[i * len(ids) // wanted] for i in range(wanted))

    @override
    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        *_: Any,
    ) -> None:
        predictions = iter(outputs["predictions"])
        classes: Any = pl_module.classes
        for clip, targets in zip(batch.clips, batch.targets, strict=True):
            found = [next(predictions) for _ in targets]
            for place, target in enumerate(targets):
                if target.judged and target.image_id in self._wanted:
                    self._show(clip, targets, found, place, classes)

    def _show(
        self,
        clip: Tensor,
        targets: Sequence[Target],
        found: Sequence[Prediction],
        place: int,
        classes: ClassList,
    ) -> None:
        """A frame of a clip by itself, and the clip where it has others."""
        shown = sum(key.startswith("val/picture/") for key in self._images)
        if shown == self._count:
            return
        one = slice(place, place + 1)
        picture = self._overlay(clip[one], targets[one], found[one], classes)
        self._images[f"val/picture/{targets[place].image_id}"] = picture
        if len(clip) > 1:
            first = next(target.image_id for target in targets if target.judged)
            self._images[f"val/clip/{first}"] = self._overlay(clip, targets, found, classes)

    @override
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._images:
            return
        # A key each: W&B shows a list rightly only if all its pictures are of one size.
        for logger in _wandb_loggers(trainer):
            logger.experiment.log({**self._images, "trainer/global_step": trainer.global_step})

    def _overlay(
        self,
        clip: Tensor,
        targets: Sequence[Target],
        predictions: Sequence[Prediction],
        classes: ClassList,
    ) -> wandb.Image:
        names = dict(enumerate(classes.names, start=1))
        sheet, scale, corners = _sheet(clip)
        predicted, truth = [], []
        for target, prediction, corner in zip(targets, predictions, corners, strict=True):
            shown = prediction.scores >= self._score_above
            scores = prediction.scores[shown].tolist()
            boxes, labels = prediction.boxes[shown].cpu(), prediction.labels[shown]
            found = _box_data(boxes.numpy() * scale + corner, labels, names)
            for box, score in zip(found, scores, strict=True):
                box["scores"] = {"score": score}
                box["box_caption"] = f"{box['box_caption']} {score:.2f}"
            predicted += found
            truth += _box_data(target.boxes.cpu().numpy() * scale + corner, target.labels, names)
        return wandb.Image(
            sheet,
            caption=f"image {', '.join(str(target.image_id) for target in targets)}",
            boxes={
                "predictions": {"box_data": predicted, "class_labels": names},
                "truth": {"box_data": truth, "class_labels": names},
            },
        )


def _sheet(clip: Tensor) -> tuple[NDArray[np.uint8], float, NDArray[np.int64]]:
    """The frames of a clip [T, 3, H, W] row by row, their scale, and where each begins.

    Returns:
        uint8 [H', W', 3]; the scale; int64 [T, 4], each frame's upper left corner as x, y, x, y.
    """
    frames = [frame.permute(1, 2, 0).cpu().numpy() for frame in clip]
    scale = 1.0
    if len(frames) > 1:
        small = [scaled(frame, FRAME_SIDE) for frame in frames]
        frames, scale = [frame for frame, _ in small], small[0][1]
    height, width = frames[0].shape[:2]
    columns = min(len(frames), COLUMNS)
    rows = -(-len(frames) // columns)
    sheet = np.zeros((rows * height, columns * width, 3), dtype=np.uint8)
    row, column = np.divmod(np.arange(len(frames)), columns)
    corners = np.stack([column * width, row * height] * 2, axis=1)
    for frame, (x, y, *_) in zip(frames, corners, strict=True):
        sheet[y : y + height, x : x + width] = frame
    return sheet, scale, corners


def _wandb_loggers(trainer: Trainer) -> list[WandbLogger]:
    return [logger for logger in trainer.loggers if isinstance(logger, WandbLogger)]


def _box_data(
    boxes: NDArray[np.float64], labels: Tensor, names: dict[int, str]
) -> list[dict[str, Any]]:
    return [
        {
            "position": {"minX": x1, "minY": y1, "maxX": x2, "maxY": y2},
            "domain": "pixel",
            "class_id": label,
            "box_caption": names[label],
        }
        for (x1, y1, x2, y2), label in zip(boxes.tolist(), labels.tolist(), strict=True)
    ]
