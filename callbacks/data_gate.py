"""Look at the data before the first step, and refuse to start on data that cannot be learned."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import override

from evaluation.drawing import contact_sheet, draw_boxes
from evaluation.results_json import write_json
from structures import Batch
from structures.atomic_file import write_atomically

log = logging.getLogger(__name__)

_TILE = (360, 360)


class DataGate(Callback):
    """Writes `data.png` and `data.json` to the run folder and checks what training will see.

    `data.png` shows training clips after augmentation with their boxes; `data.json` holds counts
    and sizes of the boxes, how well the detector's geometry covers them (logged as `data/…`), and,
    where the data tell, how the pictures were taken.

    Args:
        output_dir: the run folder.
        clips: how many clips `data.png` shows.

    Raises:
        ValueError: if a split has no boxes, or an augmented clip breaks the batch contract.
    """

    def __init__(self, output_dir: str, clips: int = 16) -> None:
        self._folder = Path(output_dir)
        self._clips = clips

    @override
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.is_global_zero or trainer.ckpt_path is not None:
            return  # what a resumed training sees was looked at when it began
        datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
        if not hasattr(datamodule, "annotations"):
            raise ValueError(
                f"callbacks=[default] is for data with boxes, which a {type(datamodule).__name__} "
                "has not; a label set needs callbacks=[utility]"
            )
        classes: Any = pl_module.classes
        statistics = {split: _statistics(datamodule, split) for split in ("train", "val")}
        for split, numbers in statistics.items():
            _require_boxes(split, numbers, datamodule.name)
        coverage = _coverage(datamodule, pl_module)
        # A loader of its own: looking at the first batches must not use them up.
        self._draw(datamodule.train_dataloader(), classes.names)
        write_json(
            self._folder / "data.json",
            {
                "data": datamodule.name,
                "split_hash": datamodule.split_hash,
                **statistics,
                **datamodule.observation,
                "coverage": coverage,
            },
        )
        for logger in trainer.loggers:
            logger.log_metrics({f"data/{name}": value for name, value in coverage.items()}, step=0)

    def _draw(self, batches: Iterable[Batch], names: tuple[str, ...]) -> None:
        clips = (
            (clip, targets)
            for batch in batches
            for clip, targets in zip(batch.clips, batch.targets, strict=True)
        )
        drawn = [
            draw_boxes(
                clip[0].permute(1, 2, 0).numpy(),
                targets[0].boxes.numpy(),
                targets[0].labels.tolist(),
                names,
            )
            for clip, targets in islice(clips, self._clips)
        ]
        sheet = contact_sheet(drawn, columns=4, tile_size=_TILE)
        _, png = cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
        write_atomically(self._folder / "data.png", png.tobytes())


def _statistics(datamodule: Any, split: str) -> dict[str, Any]:
    annotations = datamodule.annotations(split)
    asked = _asked(annotations)
    boxes, labels = annotations.all_boxes()[asked], annotations.labels[asked]
    sides = np.sqrt((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
    per_class = {}
    for label, name in enumerate(datamodule.classes.names, start=1):
        own = sides[labels == label]
        quantiles = np.quantile(own, [0.05, 0.5, 0.95]).round(1).tolist() if len(own) else None
        per_class[name] = {"boxes": len(own), "side_px_5_50_95": quantiles}
    numbers = {
        "pictures": len(annotations),
        "boxes": len(boxes),
        "ignored_regions": int((~asked).sum()),
        "classes": per_class,
    }
    log.info("%s: %d pictures, %d boxes %s", split, numbers["pictures"], len(boxes), per_class)
    return numbers


def _asked(annotations: Any) -> NDArray[np.bool_]:
    """bool [N]: objects; crowds and ignored annotations are regions that nothing learns from."""
    return ~(annotations.iscrowd | annotations.ignore)


def _require_boxes(split: str, numbers: dict[str, Any], data: str) -> None:
    if numbers["boxes"] == 0:
        raise ValueError(
            f"{data}: the {split} split has {numbers['pictures']} pictures and no boxes; "
            "check the annotation file and the split fractions (datamodule.fractions)"
        )
    for name, own in numbers["classes"].items():
        if own["boxes"] == 0:
            log.warning("%s: the %s split has no box of class '%s'", data, split, name)


def _coverage(datamodule: Any, pl_module: LightningModule) -> dict[str, float]:
    annotations = datamodule.annotations("train")
    sizes = np.stack([annotations.heights, annotations.widths], axis=1)
    sizes = sizes[annotations.image_of_annotation()]
    asked = _asked(annotations)
    tensors: list[Tensor] = [
        torch.from_numpy(np.ascontiguousarray(array[asked]))
        for array in (annotations.all_boxes(), annotations.labels, sizes)
    ]
    measure: Any = pl_module.coverage
    return measure(*tensors)
