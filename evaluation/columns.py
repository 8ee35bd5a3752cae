"""COCO truth and COCO results as flat arrays, checked where they enter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.detections import Detections
from evaluation.entries import Entries, boxes_xywh, ids, numbers, places, require_boxes

Truth = dict[str, Any]
# Flat arrays, or a COCO results list from outside.
Results = Detections | Entries


@dataclass(frozen=True, slots=True)
class TruthColumns:
    """The annotations of a COCO instances dict, in the order of the file.

    Attributes:
        image_ids: int64 [I], ascending.
        category_ids: int64 [C], ascending; the order of the classes everywhere in `evaluation`.
        class_names: names of `category_ids`.
        image: int64 [N], the annotation's place in `image_ids`.
        category: int64 [N], the annotation's place in `category_ids`.
        boxes: float64 [N, 4], xyxy pixels.
        area: float64 [N], px², box area where the file has none.
        crowd: bool [N], COCO's `iscrowd`.
        ignore: bool [N], the field `ignore` (VOC's `difficult`).
    """

    image_ids: NDArray[np.int64]
    category_ids: NDArray[np.int64]
    class_names: tuple[str, ...]
    image: NDArray[np.int64]
    category: NDArray[np.int64]
    boxes: NDArray[np.float64]
    area: NDArray[np.float64]
    crowd: NDArray[np.bool_]
    ignore: NDArray[np.bool_]

    @property
    def counted(self) -> NDArray[np.bool_]:
        """bool [N], the annotations that a detector is asked to find."""
        return ~(self.crowd | self.ignore)


@dataclass(frozen=True, slots=True)
class ResultColumns:
    """Detections in their order, joined to the truth's images and categories.

    Attributes:
        image: int64 [D], place in `TruthColumns.image_ids`.
        category: int64 [D], place in `TruthColumns.category_ids`.
        boxes_xywh: float64 [D, 4], pixels, exactly as given.
        scores: float64 [D].
    """

    image: NDArray[np.int64]
    category: NDArray[np.int64]
    boxes_xywh: NDArray[np.float64]
    scores: NDArray[np.float64]

    @property
    def boxes(self) -> NDArray[np.float64]:
        """float64 [D, 4], xyxy pixels."""
        return _xyxy(self.boxes_xywh)


def truth_columns(truth: Truth, where: str = "truth") -> TruthColumns:
    """Flatten and check a COCO instances dict.

    Args:
        truth: with `images`, `annotations` and `categories`.
        where: how error messages call it, such as a file name.

    Raises:
        ValueError: for a missing part, an id or a class name given twice, an unknown image or
            category, or a box that is not four finite numbers with an area.
    """
    for part in ("images", "annotations", "categories"):
        if not isinstance(truth, dict) or not isinstance(truth.get(part), list):
            raise ValueError(f"{where}: expected a COCO dict with a list '{part}'; it has none")
    image_ids = _unique_ids(truth["images"], f"{where}: images")
    category_ids = _unique_ids(truth["categories"], f"{where}: categories")
    names = {c["id"]: str(c.get("name", c["id"])) for c in truth["categories"]}
    if len(set(names.values())) < len(names):
        raise ValueError(f"{where}: a class name is given twice: {sorted(names.values())}")
    annotations = truth["annotations"]
    _unique_ids(annotations, f"{where}: annotations")
    place = f"{where}: annotations"
    xywh = boxes_xywh(annotations, place)
    require_boxes(xywh, place)
    boxes = _xyxy(xywh)
    box_areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1).tolist()
    areas = [
        {"area": own if a.get("area") is None else a["area"]}
        for a, own in zip(annotations, box_areas, strict=True)
    ]
    return TruthColumns(
        image_ids=image_ids,
        category_ids=category_ids,
        class_names=tuple(names[i] for i in category_ids.tolist()),
        image=places(ids(annotations, "image_id", place), image_ids, "image_id", place),
        category=places(ids(annotations, "category_id", place), category_ids, "category_id", place),
        boxes=boxes,
        area=numbers(areas, "area", place).astype(np.float64),
        crowd=np.array([bool(a.get("iscrowd", 0)) for a in annotations], dtype=bool),
        ignore=np.array([bool(a.get("ignore", 0)) for a in annotations], dtype=bool),
    )


def result_columns(results: Results, truth: TruthColumns, where: str = "results") -> ResultColumns:
    """Join detections to the truth that they are judged by.

    Args:
        results: detections, or a COCO results list.
        truth: the images and categories that may occur.
        where: how error messages call the detections, such as a file name.

    Raises:
        ValueError: for an unknown image or category, or a list that breaks the format (see
            `Detections.from_results`).
    """
    found = results if isinstance(results, Detections) else Detections.from_results(results, where)
    return ResultColumns(
        image=places(found.image_ids, truth.image_ids, "image_id", where),
        category=places(found.category_ids, truth.category_ids, "category_id", where),
        boxes_xywh=found.boxes_xywh,
        scores=found.scores,
    )


def _unique_ids(entries: Entries, where: str) -> NDArray[np.int64]:
    """The entries' ids, ascending; each once."""
    given = ids(entries, "id", where)
    unique, counts = np.unique(given, return_counts=True)
    if len(unique) < len(given):
        raise ValueError(f"{where}: id {unique[counts > 1][0]} is given twice; ids must be unique")
    return unique


def _xyxy(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
