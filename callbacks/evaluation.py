"""Predictions in, metrics and artefacts out: COCO and VOC figures every validation and test."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch.distributed as dist
from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from callbacks.artefacts import judged_truth, write_artefacts
from callbacks.frame_flops import frame_flops
from callbacks.peak_memory import PeakMemory
from callbacks.run_facts import run_facts
from callbacks.wandb_curves import log_curves, log_events, log_robustness
from callbacks.wandb_facts import log_first_facts, log_test_facts
from evaluation.detection_cache import CachedDetections, DetectionCache
from evaluation.detections import Detections
from evaluation.summary import evaluate_detections
from structures import Batch, ClassList


class DetectionEvaluation(Callback):
    """Judges every frame once, logs the figures, and writes a test's artefacts.

    Logs `val/map`, `val/map_50`, `val/ap/<class>` and so on; `test/…` likewise, and
    `test/<condition>/map` where the data are shown under several conditions. Each validation
    chooses the operating point (a score threshold a class, and of videos of the sky one of events),
    which the checkpoint then carries; a test uses the one it finds there. A test writes
    metrics.json, predictions.json, ground_truth.json and report.html.

    Args:
        output_dir: where a test's artefacts go.

    Attributes:
        cache: keeps the detections of each condition of a test as soon as it has ended, and knows
            those of the conditions that the datamodule has no loader for; may be None.
    """

    def __init__(self, output_dir: str) -> None:
        self.cache: DetectionCache | None = None
        self._folder = Path(output_dir)
        self._frames: _Frames
        self._conditions: dict[str, CachedDetections] = {}
        self._milliseconds: list[float] = []
        self._started = 0.0
        self._flops: int | None = None
        self._peak: PeakMemory

    @override
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            detector: Any = pl_module
            log_first_facts(trainer, detector, trainer.datamodule)  # type: ignore[attr-defined]

    @override
    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._frames = _Frames(_classes(trainer, pl_module))

    @override
    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, *_: Any
    ) -> None:
        self._frames.add(outputs, batch)

    @override
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
        frames = self._frames.gather()
        figures: Any = None
        if frames is not None:
            truth = judged_truth(datamodule, "val", frames)
            evaluation = evaluate_detections(truth, frames.detections)
            chosen = evaluation.thresholds(), evaluation.event_threshold
            figures = evaluation.scalars(), *chosen
            if not trainer.sanity_checking:
                log_curves(trainer, evaluation, "val")
                log_events(trainer, evaluation.events, "val")
        scalars, *chosen = trainer.strategy.broadcast(figures)
        pl_module.operating_point, pl_module.event_threshold = chosen
        if math.isnan(scalars["map"]):
            raise ValueError(
                "val/map is not defined, for no judged validation picture holds an object; judge "
                "more pictures (trainer.limit_val_batches, datamodule.fractions)"
            )
        # A figure that is not defined (a class without truth) is no point of a curve.
        defined = {f"val/{key}": v for key, v in scalars.items() if not math.isnan(v)}
        _log(pl_module, defined, {"val/map", "val/map_50"})

    @override
    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._frames = _Frames(_classes(trainer, pl_module))
        self._conditions, self._milliseconds, self._flops = {}, [], None
        self._peak = PeakMemory(pl_module.device)

    @override
    def on_test_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Batch, *_: Any
    ) -> None:
        if self._flops is None:
            detector: Any = pl_module
            self._flops = frame_flops(trainer, detector, batch)
        self._started = time.perf_counter()

    @override
    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        # Brings the predictions from the device, so that the time includes what it computes.
        self._frames.add(outputs, batch)
        judged = sum(target.judged for target in batch.frame_targets())
        if judged:
            self._milliseconds.append(1000 * (time.perf_counter() - self._started) / judged)
        if batch_idx == trainer.num_test_batches[dataloader_idx] - 1:
            self._end_condition(trainer, dataloader_idx)

    @override
    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
        scalars: Any = None
        if trainer.is_global_zero:
            detector: Any = pl_module
            facts = run_facts(trainer, detector, datamodule)
            # The first batch also pays for whatever is set up once.
            facts["milliseconds_per_picture"] = float(np.median(self._milliseconds))
            facts["peak_memory"] = self._peak.read()
            facts["flops_per_frame"] = self._flops
            judged = {name: self._of_condition(name) for name in datamodule.conditions}
            results = write_artefacts(self._folder, datamodule, judged, detector, facts)
            log_robustness(trainer, results.robustness)
            log_events(trainer, results.events, "test")
            log_test_facts(trainer, facts)
            scalars = results.scalars
        # Computed once and broadcast: every process has the same figures.
        _log(pl_module, trainer.strategy.broadcast(scalars), {"test/map", "test/map_50"})

    def _end_condition(self, trainer: Trainer, dataloader_idx: int) -> None:
        """Keep what was found before the next condition begins: a killed test loses one at most."""
        datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
        name = datamodule.selected_conditions[dataloader_idx]
        frames = self._frames.gather()
        self._frames = _Frames(datamodule.classes)
        if frames is None:
            return
        bits = datamodule.bits_per_pixel(name, frames.judged)
        self._conditions[name] = replace(frames, bits_per_pixel=bits)
        if self.cache is not None:
            self.cache.write(name, self._conditions[name])

    def _of_condition(self, name: str) -> CachedDetections:
        found = self._conditions.get(name)
        if found is None and self.cache is not None:
            found = self.cache.read(name)
        if found is None:
            raise ValueError(
                f"condition {name!r} was neither tested nor is it in the cache; test it, too"
            )
        return found


class _Frames:
    """What this process has found so far."""

    def __init__(self, classes: ClassList) -> None:
        self.classes = classes
        self.detections: list[Detections] = []
        self.judged: list[int] = []
        self.skipped: list[int] = []

    def add(self, outputs: Any, batch: Batch) -> None:
        frames = zip(outputs["predictions"], batch.frame_targets(), strict=True)
        judged = [prediction for prediction, target in frames if target.judged]
        self.detections.append(Detections.from_predictions(judged, self.classes))
        self.judged += [target.image_id for target in batch.frame_targets() if target.judged]
        self.skipped += batch.skipped

    def gather(self) -> CachedDetections | None:
        """All processes' frames on rank 0, None on the others.

        They stand in the order of their ids, so that files do not depend on who judged which.

        Raises:
            ValueError: if a frame was judged twice.
        """
        detections = Detections.concatenate(_gather([Detections.concatenate(self.detections)]))
        judged, skipped = _gather(self.judged), _gather(self.skipped)
        if dist.is_available() and dist.is_initialized() and dist.get_rank() != 0:
            return None
        _require_once(judged)
        return CachedDetections(detections.by_image(), _ids(judged), _ids(skipped), None)


def _ids(values: Sequence[int]) -> Any:
    return np.sort(np.array(values, dtype=np.int64))


def _classes(trainer: Trainer, pl_module: LightningModule) -> ClassList:
    """The truth's classes, whose category ids need not be those of the data trained on."""
    detector: Any = pl_module
    datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
    if detector.classes.names != datamodule.classes.names:
        raise ValueError(
            f"{datamodule.name} has the classes {list(datamodule.classes.names)}, the detector "
            f"{list(detector.classes.names)}; names and order must agree: give the detector's as "
            "datamodule.class_names"
        )
    return datamodule.classes


def _log(pl_module: LightningModule, scalars: dict[str, float], shown: set[str]) -> None:
    pl_module.log_dict({k: v for k, v in scalars.items() if k in shown}, prog_bar=True)
    pl_module.log_dict({k: v for k, v in scalars.items() if k not in shown})


def _gather(items: list[Any]) -> list[Any]:
    """All processes' items on rank 0, in the order of the ranks; unchanged with one process."""
    if not (dist.is_available() and dist.is_initialized()):
        return items
    parts: list[list[Any]] | None = [[] for _ in range(dist.get_world_size())]
    dist.gather_object(items, parts if dist.get_rank() == 0 else None)
    return [item for part in parts for item in part] if dist.get_rank() == 0 and parts else items


def _require_once(judged: list[int]) -> None:
    twice, count = Counter(judged).most_common(1)[0] if judged else (0, 0)
    if count > 1:
        raise ValueError(
            f"image {twice} was judged twice; a sampler pads or repeats frames "
            "(trainer.use_distributed_sampler must be false)"
        )
