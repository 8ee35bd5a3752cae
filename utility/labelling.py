"""Labels out of the detections of a label set; cheap, so they are made anew at every change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evaluation.columns import TruthColumns, result_columns, truth_columns
from evaluation.conditions import CLEAN
from evaluation.detection_cache import DetectionCache
from utility.detection_labels import (
    Objects,
    PictureLabels,
    Thresholds,
    outcome,
    picture_labels,
)
from utility.tables import LABELS, VARIANTS


def labels_of_detectors(
    caches: Mapping[str, DetectionCache],
    truth: Mapping[str, Any],
    conditions: Sequence[str],
    variant: str,
    thresholds: Thresholds,
) -> pa.Table:
    """The table of labels of all detectors of a set, see `tables.LABELS`.

    Args:
        caches: name -> what the detector found.
        truth: the annotations, a COCO document.
        conditions: 'clean' first.
        variant: one of `VARIANTS`.
        thresholds: of scores and overlaps.

    Raises:
        ValueError: if the variant does not exist, detections are missing, no picture holds an
            object, or a detector finds none of them.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant={variant}: expected one of {', '.join(VARIANTS)}")
    if not conditions or conditions[0] != CLEAN:
        raise ValueError(f"labels compare with {CLEAN!r}, which must be the first condition")
    columns = truth_columns(dict(truth))
    if variant != "pristine_ref" and not columns.counted.any():
        raise ValueError(
            "the data have no objects: none of their "
            f"{len(columns.image_ids)} pictures is annotated; variant=pristine_ref labels by what "
            "a detector finds in the pristine pictures"
        )
    blocks = [
        _block(name, cache, columns, conditions, variant, thresholds)
        for name, cache in caches.items()
    ]
    return pa.concat_tables([LABELS.empty_table(), *blocks])


def _block(
    name: str,
    cache: DetectionCache,
    truth: TruthColumns,
    conditions: Sequence[str],
    variant: str,
    thresholds: Thresholds,
) -> pa.Table:
    """The rows of one detector: by picture, then by condition."""
    found = result_columns(_detections(cache, CLEAN, name), truth)
    if variant == "pristine_ref":
        objects = Objects.of_detections(found, truth, thresholds)
    else:
        objects = Objects.of_truth(truth)
    pristine = outcome(objects, found, truth, thresholds)
    if not pristine.found.any():
        raise ValueError(
            f"{name} finds no object with a score of {thresholds.score} in any pristine picture, "
            "so it cannot say what distortion costs; train it longer, or lower thresholds.score"
        )
    parts: list[PictureLabels] = []
    for condition in conditions:
        shown = result_columns(_detections(cache, condition, name), truth)
        now = outcome(objects, shown, truth, thresholds)
        parts.append(picture_labels(objects, pristine, now, variant, thresholds))
    columns: dict[str, NDArray[Any]] = {
        field.name: np.stack([getattr(part, field.name) for part in parts], axis=1).ravel()
        for field in fields(PictureLabels)
    }
    pictures = len(truth.image_ids)
    columns["image_id"] = np.repeat(truth.image_ids, len(conditions))
    columns["condition"] = np.tile(np.array(conditions, dtype=object), pictures)
    columns["detector"] = np.full(pictures * len(conditions), name, dtype=object)
    arrays = [pa.array(columns[field.name], field.type) for field in LABELS]
    return pa.Table.from_arrays(arrays, schema=LABELS)


def _detections(cache: DetectionCache, condition: str, name: str) -> Any:
    cached = cache.read(condition)
    if cached is None:
        raise ValueError(
            f"the detections of {name} under {condition!r} are missing; name its run again"
        )
    if len(cached.skipped):
        raise ValueError(
            f"{len(cached.skipped)} pristine pictures could not be read for {name}, such as image "
            f"{cached.skipped[0]}; mend or remove them and build the set anew"
        )
    return cached.detections
