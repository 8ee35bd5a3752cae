"""Predictions in, metrics and artefacts out: COCO and VOC figures every validation and test."""

from __future__ import annotations

import logging
import math
from collections import Counter
from pathlib import Path
from typing import Any

import torch.distributed as dist
from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from callbacks.run_facts import report_meta, run_facts
from callbacks.wandb_curves import log_curves
from evaluation.detections import Detections
from evaluation.report import write_report
from evaluation.results_json import write_json, write_results
from evaluation.summary import Evaluation, evaluate_detections
from structures import Batch, Prediction

log = logging.getLogger(__name__)


class DetectionEvaluation(Callback):
    """Judges every frame once, logs the figures, and writes a test's artefacts.

    Logs `val/map`, `val/map_50`, `val/ap/<class>` and so on; `test/…` likewise. Each validation
    chooses the operating point (a score threshold a class), which the checkpoint then carries; a
    test uses the one it finds there. A test writes metrics.json, predictions.json,
    ground_truth.json and report.html.

    Args:
        output_dir: where a test's artefacts go.
    """

    def __init__(self, output_dir: str) -> None:
        self._folder = Path(output_dir)
        self._predictions: list[Prediction] = []
        self._judged: list[int] = []
        self._skipped: list[int] = []

    @override
    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._reset()

    @override
    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._reset()

    @override
    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, *_: Any
    ) -> None:
        self._collect(outputs, batch)

    @override
    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, *_: Any
    ) -> None:
        self._collect(outputs, batch)

    @override
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        evaluation, _, _ = self._evaluate(trainer, pl_module, "val", operating_point=None)
        if evaluation is not None and not trainer.sanity_checking:
            log_curves(trainer, evaluation, "val")
        figures: Any = (evaluation.scalars(), evaluation.thresholds()) if evaluation else None
        scalars, pl_module.operating_point = trainer.strategy.broadcast(figures)
        if math.isnan(scalars["map"]):
            raise ValueError(
                "val/map is not defined, for no judged validation picture holds an object; judge "
                "more pictures (trainer.limit_val_batches, datamodule.fractions)"
            )
        self._log(pl_module, "val", scalars)

    @override
    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
        # Thresholds chosen on the tested pictures are chosen anew, so the report owns up to it.
        chosen: Any = pl_module.operating_point if datamodule.test_split == "test" else None
        evaluation, truth, detections = self._evaluate(trainer, pl_module, "test", chosen or None)
        if evaluation is not None:
            self._write(trainer, pl_module, evaluation, truth, detections)
        figures: Any = evaluation.scalars() if evaluation else None
        self._log(pl_module, "test", trainer.strategy.broadcast(figures))

    def _reset(self) -> None:
        self._predictions, self._judged, self._skipped = [], [], []

    def _collect(self, outputs: Any, batch: Batch) -> None:
        self._predictions += [prediction.cpu() for prediction in outputs["predictions"]]
        self._judged += [target.image_id for target in batch.frame_targets()]
        self._skipped += batch.skipped

    def _evaluate(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        split: str,
        operating_point: dict[str, float] | None,
    ) -> tuple[Evaluation | None, dict[str, Any], Detections]:
        """The evaluation of all processes' frames on rank 0, None on the others."""
        datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
        _require_same_names(pl_module, datamodule)
        # The truth's category ids, which need not be those of the data trained on.
        own = Detections.from_predictions(self._predictions, datamodule.classes)
        detections = Detections.concatenate(_gather([own]))
        judged = _gather(self._judged)
        self._skipped = _gather(self._skipped)
        if not trainer.is_global_zero:
            return None, {}, detections
        _require_once(judged)
        truth = datamodule.ground_truth(split)
        _tell_unjudged(truth, {*judged, *self._skipped}, split)
        truth = _restrict(truth, set(judged))
        return evaluate_detections(truth, detections, operating_point), truth, detections

    def _write(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        evaluation: Evaluation,
        truth: dict[str, Any],
        detections: Detections,
    ) -> None:
        datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
        detector: Any = pl_module
        facts = run_facts(trainer, detector)
        facts["skipped_pictures"] = sorted({*datamodule.skipped, *self._skipped})
        write_json(self._folder / "ground_truth.json", truth)
        write_results(self._folder / "predictions.json", detections)
        write_json(self._folder / "metrics.json", {**facts, **evaluation.to_json()})
        name = facts["model"]
        write_report(
            self._folder / "report.html",
            {name: evaluation},
            truth,
            picture=datamodule.picture,
            meta=report_meta(facts),
        )
        log.info("metrics.json, predictions.json, report.html written to %s", self._folder)

    def _log(self, pl_module: LightningModule, split: str, scalars: dict[str, float]) -> None:
        # A figure that is not defined (a class without truth) is no point of a curve.
        named = {
            f"{split}/{name}": value for name, value in scalars.items() if not math.isnan(value)
        }
        # Computed once and broadcast: every process has the same figures.
        shown = {f"{split}/map", f"{split}/map_50"} & named.keys()
        pl_module.log_dict({name: named.pop(name) for name in shown}, prog_bar=True)
        pl_module.log_dict(named)


def _gather(items: list[Any]) -> list[Any]:
    """All processes' items on rank 0, in the order of the ranks; unchanged with one process."""
    if not (dist.is_available() and dist.is_initialized()):
        return items
    parts: list[list[Any]] | None = [[] for _ in range(dist.get_world_size())]
    dist.gather_object(items, parts if dist.get_rank() == 0 else None)
    return [item for part in parts for item in part] if dist.get_rank() == 0 and parts else items


def _require_same_names(pl_module: LightningModule, datamodule: Any) -> None:
    detector: Any = pl_module
    if detector.classes.names != datamodule.classes.names:
        raise ValueError(
            f"{datamodule.name} has the classes {list(datamodule.classes.names)}, the detector "
            f"{list(detector.classes.names)}; names and order must agree: give the detector's as "
            "datamodule.class_names"
        )


def _tell_unjudged(truth: dict[str, Any], seen: set[int], split: str) -> None:
    images = truth["images"]
    unseen = sum(image["id"] not in seen for image in images)
    if unseen:
        log.warning(
            "%s: %d of %d pictures were not judged and count for nothing (limit_%s_batches?)",
            split, unseen, len(images), split,
        )  # fmt: skip


def _require_once(judged: list[int]) -> None:
    twice, count = Counter(judged).most_common(1)[0] if judged else (0, 0)
    if count > 1:
        raise ValueError(
            f"image {twice} was judged twice; a sampler pads or repeats frames "
            "(trainer.use_distributed_sampler must be false)"
        )


def _restrict(truth: dict[str, Any], image_ids: set[int]) -> dict[str, Any]:
    """The truth of the frames that were judged: all but skipped ones and those past a limit."""
    return {
        **truth,
        "images": [image for image in truth["images"] if image["id"] in image_ids],
        "annotations": [a for a in truth["annotations"] if a["image_id"] in image_ids],
    }
