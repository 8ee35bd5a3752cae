"""COCO average precision and recall for boxes, by hotcoco or pycocotools.

The protocol is pycocotools' `COCOeval` for `bbox`: ten IoU thresholds .50:.05:.95, 101 recall
points, 100 detections an image and class, sizes small < 32² <= medium < 96² <= large px². Its
habits are kept, so that the numbers can be compared: crowds are neither hit nor miss, and the
annotation field `ignore` means nothing unless `iscrowd` is set too. hotcoco (a port to Rust)
computes the same precision and recall arrays; both are averaged here by the same NumPy reductions
that pycocotools uses, which keeps even the last digit.
"""

from __future__ import annotations

import contextlib
import importlib
import io
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.columns import (
    ResultColumns,
    Results,
    Truth,
    TruthColumns,
    result_columns,
    truth_columns,
)

Backend = Literal["auto", "hotcoco", "pycocotools"]
AREAS = ("all", "small", "medium", "large")
MAX_DETECTIONS = (1, 10, 100)
RECALL_GRID = np.linspace(0, 1, 101)


@dataclass(frozen=True, slots=True)
class CocoScores:
    """COCO's numbers in 0..1; nan where COCO says -1, that is where there is nothing to find.

    Attributes:
        summary: the 12 numbers of COCO's table: `map`, `map_50`, `map_75`, `map_small`,
            `map_medium`, `map_large`, `mar_1`, `mar_10`, `mar_100`, `mar_small`, `mar_medium`,
            `mar_large`.
        per_class: class name -> `ap`, `ap_50`, `ap_75`, `ap_small`, `ap_medium`, `ap_large`, `ar`.
        backend: the library that matched and accumulated.
    """

    summary: dict[str, float]
    per_class: dict[str, dict[str, float]]
    backend: str


def evaluate_coco(truth: Truth, results: Results, backend: Backend = "auto") -> CocoScores:
    """Score detections by COCO's protocol.

    Args:
        truth: COCO instances dict.
        results: COCO results list; may be empty.
        backend: 'auto' takes hotcoco where it is installed, else pycocotools.

    Raises:
        ValueError: if `truth` or `results` break the format (see `columns`).
    """
    columns = truth_columns(truth)
    return score_columns(truth, columns, result_columns(results, columns), backend)


def score_columns(
    truth: Truth, columns: TruthColumns, detections: ResultColumns, backend: Backend = "auto"
) -> CocoScores:
    """As `evaluate_coco`, of what has been checked."""
    library = _library(backend)
    evaluator = coco_evaluator(truth, columns, detections, library)
    with without_prints():
        evaluator.evaluate()
        evaluator.accumulate()
    # [T, R, C, A, M] and [T, C, A, M], -1 where undefined.
    precision, recall = (np.asarray(evaluator.eval[name]) for name in ("precision", "recall"))
    per_class = {
        name: _class_scores(precision[:, :, k], recall[:, k])
        for k, name in enumerate(columns.class_names)
    }
    return CocoScores(_summary(precision, recall), per_class, library)


def _plain_truth(truth: Truth, columns: TruthColumns) -> Truth:
    """The truth with every optional field filled in and annotations numbered from 1.

    pycocotools marks a match by the annotation's id and takes id 0 for 'no match'.
    """
    filled = zip(truth["annotations"], columns.area.tolist(), columns.crowd.tolist(), strict=True)
    annotations = [
        {
            "id": number,
            "image_id": annotation["image_id"],
            "category_id": annotation["category_id"],
            "bbox": annotation["bbox"],
            "area": area,
            "iscrowd": int(crowd),
        }
        for number, (annotation, area, crowd) in enumerate(filled, start=1)
    ]
    return {
        "info": {},
        "images": truth["images"],
        "categories": truth["categories"],
        "annotations": annotations,
    }


def _library(backend: Backend) -> Backend:
    if backend != "auto":
        return backend
    try:
        importlib.import_module("hotcoco")
    except ImportError:
        return "pycocotools"
    return "hotcoco"


def _result_rows(detections: ResultColumns, columns: TruthColumns) -> NDArray[np.float64]:
    """float64 [D, 7]: image id, x, y, w, h, score, category id; read three times faster than dicts.

    float64 holds every id up to 2^53 exactly.
    """
    return np.column_stack(
        [
            columns.image_ids[detections.image],
            detections.boxes_xywh,
            detections.scores,
            columns.category_ids[detections.category],
        ]
    )


def coco_evaluator(
    truth: Truth, columns: TruthColumns, detections: ResultColumns, backend: Backend = "auto"
) -> Any:
    """A `COCOeval` for boxes, of hotcoco or pycocotools, on which nothing has been called yet."""
    make = _hotcoco if _library(backend) == "hotcoco" else _pycocotools
    return make(_plain_truth(truth, columns), _result_rows(detections, columns))


def _hotcoco(truth: Truth, rows: NDArray[np.float64]) -> Any:
    import hotcoco

    expected = hotcoco.COCO(truth)
    return hotcoco.COCOeval(expected, expected.load_res(rows), "bbox")


def _pycocotools(truth: Truth, rows: NDArray[np.float64]) -> Any:
    """The reference implementation."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with without_prints():
        expected, found = COCO(), COCO()
        expected.dataset = truth
        expected.createIndex()
        found.dataset = {
            **truth,
            "annotations": [_as_detection(i, row) for i, row in enumerate(rows.tolist(), start=1)],
        }
        found.createIndex()
        return COCOeval(expected, found, "bbox")


def without_prints() -> contextlib.redirect_stdout[io.StringIO]:
    """Drops the progress that pycocotools prints."""
    return contextlib.redirect_stdout(io.StringIO())


def _as_detection(number: int, row: list[float]) -> dict[str, Any]:
    """What `COCO.loadRes` makes of an entry; it cannot load an empty list."""
    image_id, x, y, w, h, score, category_id = row
    return {
        "id": number,
        "image_id": int(image_id),
        "category_id": int(category_id),
        "bbox": [x, y, w, h],
        "score": score,
        "area": w * h,
        "iscrowd": 0,
    }


def _summary(precision: NDArray[Any], recall: NDArray[Any]) -> dict[str, float]:
    scores = {
        "map": _mean(precision[:, :, :, 0, -1]),
        "map_50": _mean(precision[[0], :, :, 0, -1]),
        "map_75": _mean(precision[[5], :, :, 0, -1]),
    }
    for a, area in enumerate(AREAS[1:], start=1):
        scores[f"map_{area}"] = _mean(precision[:, :, :, a, -1])
    for m, count in enumerate(MAX_DETECTIONS):
        scores[f"mar_{count}"] = _mean(recall[:, :, 0, m])
    for a, area in enumerate(AREAS[1:], start=1):
        scores[f"mar_{area}"] = _mean(recall[:, :, a, -1])
    return scores


def _class_scores(precision: NDArray[Any], recall: NDArray[Any]) -> dict[str, float]:
    """One class's numbers from precision [T, R, A, M] and recall [T, A, M]."""
    scores = {
        "ap": _mean(precision[:, :, 0, -1]),
        "ap_50": _mean(precision[0, :, 0, -1]),
        "ap_75": _mean(precision[5, :, 0, -1]),
    }
    for a, area in enumerate(AREAS[1:], start=1):
        scores[f"ap_{area}"] = _mean(precision[:, :, a, -1])
    return {**scores, "ar": _mean(recall[:, 0, -1])}


def _mean(values: NDArray[Any]) -> float:
    defined = values[values > -1]
    return float(np.mean(defined)) if defined.size else float("nan")
