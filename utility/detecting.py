"""Detectors on every condition of a data set, each picture decoded once and distorted once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from datamodules.coco_distorted import CocoDistortedDataModule
from detectors.base import Detector
from evaluation.detection_cache import CachedDetections, DetectionCache
from evaluation.detections import Detections
from structures import Batch, ClassList


def detect_all(
    detectors: Mapping[str, Detector],
    caches: Mapping[str, DetectionCache],
    datamodule: CocoDistortedDataModule,
    precision: str = "32-true",
) -> None:
    """Fill the caches with what is missing, condition by condition.

    All detectors that lack a condition see the same distorted pictures, one after another. What
    they found is written when the condition ends, so a kill loses that condition at most.

    Args:
        detectors: name -> detector, in eval mode on its device.
        caches: name -> its cache.
        datamodule: set up for a test.
        precision: '32-true' or 'bf16-mixed', as Lightning names them.
    """
    missing = {
        condition: [name for name in detectors if caches[name].read(condition) is None]
        for condition in datamodule.conditions
    }
    open_conditions = [condition for condition, names in missing.items() if names]
    datamodule.select_conditions(open_conditions)
    pictures = len(datamodule.annotations("test"))
    total = sum(len(names) for names in missing.values()) * pictures
    with _progress() as progress:
        task = progress.add_task("", total=total)
        loaders = datamodule.test_dataloader() if open_conditions else []
        for condition, loader in zip(open_conditions, loaders, strict=True):
            progress.update(task, description=condition)
            shown = {
                name: _Found(detectors[name], datamodule.classes, precision)
                for name in missing[condition]
            }
            for batch in loader:
                for found in shown.values():
                    found.add(batch)
                    progress.advance(task, len(batch.clips) + len(batch.skipped))
            for name, found in shown.items():
                caches[name].write(condition, found.cached(datamodule, condition))


class _Found:
    """What one detector has found under a condition so far."""

    def __init__(self, detector: Detector, classes: ClassList, precision: str) -> None:
        self._detector = detector
        self._mixed = precision == "bf16-mixed"
        self._classes = _ids_of_data(detector.classes, classes)
        self._parts: list[Detections] = []
        self._judged: list[int] = []
        self._skipped: list[int] = []

    def add(self, batch: Batch) -> None:
        self._skipped += batch.skipped
        if not batch.frame_count:
            return
        device = self._detector.device
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, self._mixed):
            predictions = self._detector.predict(batch.to(device))
        self._parts.append(Detections.from_predictions(predictions, self._classes))
        self._judged += [prediction.image_id for prediction in predictions]

    def cached(self, datamodule: CocoDistortedDataModule, condition: str) -> CachedDetections:
        judged = np.array(self._judged, dtype=np.int64)
        return CachedDetections(
            Detections.concatenate(self._parts),
            judged,
            np.array(self._skipped, dtype=np.int64),
            datamodule.bits_per_pixel(condition, judged),
        )


def _ids_of_data(own: ClassList, classes: ClassList) -> ClassList:
    """A detector's classes with the category ids of the data.

    Raises:
        ValueError: if the data do not have them.
    """
    ids = dict(zip(classes.names, classes.category_ids, strict=True))
    unknown = [name for name in own.names if name not in ids]
    if unknown:
        raise ValueError(
            f"a detector knows the classes {unknown[:10]}, which the data do not have "
            f"({', '.join(classes.names[:10])}); label with detectors of the data's classes"
        )
    return ClassList(own.names, tuple(ids[name] for name in own.names))


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    )
