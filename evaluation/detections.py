"""Detections as flat arrays: a tenth of the memory of COCO's list of dicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.entries import Entries, boxes_xywh, ids, numbers, require_boxes
from structures import ClassList, Prediction


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """D detections on any number of images, in the order they came.

    Attributes:
        image_ids: int64 [D].
        category_ids: int64 [D], the data set's own ids.
        boxes_xywh: float64 [D, 4], pixels of the frame, as COCO results have them.
        scores: float64 [D].
    """

    image_ids: NDArray[np.int64]
    category_ids: NDArray[np.int64]
    boxes_xywh: NDArray[np.float64]
    scores: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def from_predictions(cls, predictions: Sequence[Prediction], classes: ClassList) -> Detections:
        """Join predictions of any frames, on any device.

        Args:
            predictions: their float32 values are kept exactly.
            classes: gives the category id of each label.

        Raises:
            ValueError: if a label lies outside 1..C.
        """
        parts = [cls._of_frame(prediction, classes) for prediction in predictions]
        return cls.concatenate(parts)

    @classmethod
    def from_results(cls, results: Entries, where: str = "results") -> Detections:
        """Flatten and check a COCO results list.

        Args:
            results: with `image_id`, `category_id`, `bbox` (xywh pixels) and `score` in each entry.
            where: how error messages call the list, such as a file name.

        Raises:
            ValueError: for an entry without one of the four fields, a box that is not four finite
                numbers of size >= 0, or a score that is not finite.
        """
        scores = numbers(results, "score", where).astype(np.float64)
        bad = np.flatnonzero(~np.isfinite(scores))
        if len(bad):
            raise ValueError(f"{where}: entry {bad[0]}: score {scores[bad[0]]} is not finite")
        boxes = boxes_xywh(results, where)
        require_boxes(boxes, where, allow_empty=True)
        image_ids = ids(results, "image_id", where)
        return cls(image_ids, ids(results, "category_id", where), boxes, scores)

    @classmethod
    def concatenate(cls, parts: Sequence[Detections]) -> Detections:
        """One after another; no parts make no detections."""
        empty = np.zeros(0, dtype=np.int64)
        nothing = cls(empty, empty, np.zeros((0, 4)), np.zeros(0))
        columns = zip(*(part._columns() for part in (nothing, *parts)), strict=True)
        return cls(*map(np.concatenate, columns))

    def by_image(self) -> Detections:
        """In the order of their image ids; those of one image as they came."""
        order = np.argsort(self.image_ids, kind="stable")
        return Detections(*(column[order] for column in self._columns()))

    def part(self, start: int, length: int) -> Detections:
        """`length` detections from place `start` on, fewer at the end."""
        return Detections(*(column[start : start + length] for column in self._columns()))

    def to_results(self) -> list[dict[str, Any]]:
        """COCO results: a dict with `image_id`, `category_id`, `bbox` and `score` a detection.

        The values are written out in full, so that JSON gives them back exactly.
        """
        columns = (column.tolist() for column in self._columns())
        return [
            {"image_id": image, "category_id": category, "bbox": box, "score": score}
            for image, category, box, score in zip(*columns, strict=True)
        ]

    @classmethod
    def _of_frame(cls, prediction: Prediction, classes: ClassList) -> Detections:
        labels = prediction.labels.detach().cpu().numpy()
        if len(labels) and not (labels.min() >= 1 and labels.max() <= len(classes)):
            raise ValueError(
                f"image {prediction.image_id}: label {labels.min()}..{labels.max()} predicted, "
                f"but the {len(classes)} classes have the labels 1..{len(classes)}"
            )
        boxes = prediction.boxes.detach().cpu().numpy().astype(np.float64)
        boxes[:, 2:] -= boxes[:, :2]
        return cls(
            np.full(len(labels), prediction.image_id, dtype=np.int64),
            np.array([0, *classes.category_ids], dtype=np.int64)[labels],
            boxes,
            prediction.scores.detach().cpu().numpy().astype(np.float64),
        )

    def _columns(self) -> tuple[NDArray[Any], ...]:
        return self.image_ids, self.category_ids, self.boxes_xywh, self.scores
