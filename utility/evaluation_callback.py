"""Judges a predictor after each validation and test, and calibrates it on validation data."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from lightning.pytorch import Callback, LightningModule, Trainer
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import override

from evaluation.results_json import without_nan, write_json
from utility.calibration import Calibration
from utility.datamodule import UtilityDataModule
from utility.metrics import (
    figures,
    within_group_auroc,
)
from utility.module import UtilityPredictor
from utility.network import Outputs
from utility.picture_batch import PictureBatch
from utility.resampling import (
    bootstrap,
)

log = logging.getLogger(__name__)

RESAMPLES = 300


class Judged(NamedTuple):
    """Everything that a pass over a split gave, in the order of the rows.

    Attributes:
        rows: int64 [N], of the label set.
        logits: float32 [N, T].
        y: int64 [N, T].
    """

    rows: NDArray[np.int64]
    logits: NDArray[np.float32]
    y: NDArray[np.int64]


class UtilityEvaluation(Callback):
    """Logs `val/within_auroc` (the monitored one), `val/auroc`, `val/accuracy`; `test/…` likewise.

    Each validation fits the calibration, which the checkpoint then carries. A test writes
    metrics.json with the figures of each target and their 95 % intervals over parents.

    Args:
        output_dir: where metrics.json goes.
    """

    def __init__(self, output_dir: str) -> None:
        self._folder = Path(output_dir)
        self._seen: list[tuple[Tensor, ...]] = []

    @override
    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._seen = []

    @override
    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        self._add(outputs, batch)

    @override
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        datamodule, predictor = _parts(trainer, pl_module)
        judged = self._gather()
        predictor.calibration = Calibration.fit(judged.logits, judged.y)
        scalars = _pooled(judged, predictor, datamodule)
        if "within_auroc" not in scalars and "auroc" in scalars:
            log.warning(
                "No condition of the validation pictures has both labels: val/within_auroc, by "
                "which the best epoch is chosen, is the AUROC over all; validate on more parents"
            )
            scalars["within_auroc"] = scalars["auroc"]
        predictor.log_dict({f"val/{k}": v for k, v in scalars.items()}, prog_bar=True)

    @override
    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._seen = []

    @override
    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        self._add(outputs, batch)

    @override
    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        datamodule, predictor = _parts(trainer, pl_module)
        judged = self._gather()
        scalars = _pooled(judged, predictor, datamodule)
        predictor.log_dict({f"test/{k}": v for k, v in scalars.items()})
        if trainer.is_global_zero:
            best = getattr(trainer.checkpoint_callback, "best_model_score", None)
            metrics = {
                "predictor": predictor.title,
                "data": datamodule.name,
                "drawn": datamodule.drawn,
                "label_set": str(datamodule.label_set.folder),
                "parameters": sum(p.numel() for p in predictor.parameters()),
                "trained": predictor.trained,
                "calibration": predictor.calibration.to_json(),
                "best_val_within_auroc": None if best is None else float(best),
                "scalars": scalars,
                "targets": _by_target(judged, predictor, datamodule),
            }
            write_json(self._folder / "metrics.json", without_nan(metrics))

    def _add(self, outputs: dict[str, Outputs] | None, batch: PictureBatch) -> None:
        if outputs is not None:
            parts = (batch.rows, outputs["outputs"].useful.detach().float(), batch.y)
            self._seen.append(tuple(part.cpu() for part in parts))

    def _gather(self) -> Judged:
        """What all processes saw; the same in each of them."""
        parts: list[Any] = [self._seen]
        if dist.is_available() and dist.is_initialized():
            parts = [None] * dist.get_world_size()
            dist.all_gather_object(parts, self._seen)
        seen = [batch for part in parts for batch in part]
        rows, logits, y = (torch.cat(column).numpy() for column in zip(*seen, strict=True))
        order = np.argsort(rows)
        return Judged(rows[order], logits[order], y[order])


def _parts(
    trainer: Trainer, pl_module: LightningModule
) -> tuple[UtilityDataModule, UtilityPredictor]:
    datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
    for found, wanted in ((datamodule, UtilityDataModule), (pl_module, UtilityPredictor)):
        if not isinstance(found, wanted):
            raise ValueError(
                f"callbacks=utility judges a {wanted.__name__}, got {type(found).__name__}; "
                "model=utility, datamodule=utility and callbacks=utility go together"
            )
    return datamodule, pl_module  # type: ignore[return-value]


def _pooled(
    judged: Judged, predictor: UtilityPredictor, datamodule: UtilityDataModule
) -> dict[str, float]:
    """Figures over all targets; those that are not defined are left out."""
    p = predictor.calibration.probabilities(torch.from_numpy(judged.logits)).numpy()
    known = judged.y >= 0
    condition = datamodule.label_set.images["condition"][judged.rows]
    # A target at a condition is a group: no target's own level may be taken for knowledge.
    _, group = np.unique(condition, return_inverse=True)
    groups = group[:, None] * p.shape[1] + np.arange(p.shape[1])
    found = figures(judged.y[known], p[known], groups[known])
    return {key: value for key, value in found.items() if not math.isnan(value)}


def _by_target(
    judged: Judged, predictor: UtilityPredictor, datamodule: UtilityDataModule
) -> dict[str, dict[str, Any]]:
    p = predictor.calibration.probabilities(torch.from_numpy(judged.logits)).numpy()
    images = datamodule.label_set.images
    table = {}
    for place, target in enumerate(predictor.targets):
        known = judged.y[:, place] >= 0
        y, score, rows = judged.y[known, place], p[known, place], judged.rows[known]
        condition, parent = images["condition"][rows], images["image_id"][rows]

        def within(
            chosen: NDArray[np.int64], y: Any = y, score: Any = score, condition: Any = condition
        ) -> float:
            return within_group_auroc(y[chosen], score[chosen], condition[chosen])

        interval = bootstrap(within, parent, RESAMPLES)
        found = figures(y, score, condition)
        table[target] = {
            "items": len(y),
            "coverage": float(known.mean()),
            "useful": float(y.mean()) if len(y) else math.nan,
            **found,
            "within_auroc_95": [interval.low, interval.high],
        }
    return table
