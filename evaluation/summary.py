"""Everything that is said about a set of detections, in one object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.coco import RECALL_GRID, CocoScores, score_columns
from evaluation.columns import Results, Truth, result_columns, truth_columns
from evaluation.confusion import confusion_matrix
from evaluation.curves import Curve, class_curves
from evaluation.events.evaluation import EventEvaluation
from evaluation.events.sky_events import evaluate_sky_events
from evaluation.matching import Matches, match_columns
from evaluation.operating_point import (
    OperatingPoint,
    choose_operating_points,
    operating_points_at,
)
from evaluation.results_json import without_nan
from evaluation.video_scores import VideoScores, score_videos
from evaluation.voc import VocScores, evaluate_voc


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The scores of one set of detections; classes in the order of their category ids.

    Attributes:
        matches: which detection found which object, with both as flat arrays.
        coco: COCO's 12 numbers and the classes' AP.
        voc: 11-point and area AP.
        curves: class name -> precision and recall against score, at IoU .5.
        operating_point: class name -> threshold with precision, recall and F1 there.
        operating_point_chosen_here: true where the thresholds were chosen on these very data, so
            that precision, recall and F1 flatter the detector.
        confusion: int64 [C+1, C+1] at the operating point, rows truth, last index background.
        video: what depends on which frames belong together; None without videos.
        events: what was found of events on the sky; None where there are none.
    """

    matches: Matches
    coco: CocoScores
    voc: VocScores
    curves: dict[str, Curve]
    operating_point: dict[str, OperatingPoint]
    operating_point_chosen_here: bool
    confusion: NDArray[np.int64]
    video: VideoScores | None
    events: EventEvaluation | None

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes in the order of their category ids."""
        return tuple(self.curves)

    def thresholds(self) -> dict[str, float]:
        """Class name -> score threshold, as checkpoints store it."""
        return {name: point.threshold for name, point in self.operating_point.items()}

    @property
    def event_threshold(self) -> float | None:
        """Least score of an event, as checkpoints store it; None without events."""
        return None if self.events is None else self.events.threshold

    def scalars(self) -> dict[str, float]:
        """The numbers worth logging, in 0..1, nan where undefined.

        Keys: COCO's 12 (`map`, `map_50`, …, `mar_large`), `voc_11point`, `voc_area`, and for each
        class `ap/<class>`, `ap_50/<class>`, `ar/<class>`, `voc_11point/<class>`,
        `voc_area/<class>`, `f1/<class>`. Of videos also those of `VideoScores.scalars`, of events
        those of `EventEvaluation.scalars`.
        """
        values = dict(self.coco.summary)
        values["voc_11point"] = self.voc.mean_eleven_point
        values["voc_area"] = self.voc.mean_area
        for name in self.class_names:
            scores = self.coco.per_class[name]
            values |= {f"{key}/{name}": scores[key] for key in ("ap", "ap_50", "ar")}
            values[f"voc_11point/{name}"] = self.voc.eleven_point[name]
            values[f"voc_area/{name}"] = self.voc.area[name]
            values[f"f1/{name}"] = self.operating_point[name].f1
        for more in (self.video, self.events):
            values |= {} if more is None else more.scalars()
        return values

    def to_json(self) -> dict[str, Any]:
        """All of it for `metrics.json`: plain types, None for nan.

        The curves are given as precision at the recalls 0, .01, …, 1 (0 beyond the last recall).
        """
        classes = {name: self._class_json(name) for name in self.class_names}
        whole = {
            "images": len(self.matches.truth.image_ids),
            "detections": len(self.matches.detections.scores),
            "coco_backend": self.coco.backend,
            "scalars": self.scalars(),
            "classes": classes,
            "operating_point_chosen_here": self.operating_point_chosen_here,
            "confusion": {
                "labels": [*self.class_names, "background"],
                "rows_truth_columns_prediction": self.confusion.tolist(),
            },
            **({} if self.video is None else {"video": self.video.to_json()}),
            **({} if self.events is None else {"events": self.events.to_json()}),
        }
        return without_nan(whole)

    def _class_json(self, name: str) -> dict[str, Any]:
        point, curve = self.operating_point[name], self.curves[name]
        return {
            "truth": curve.n_truth,
            **self.coco.per_class[name],
            "voc_11point": self.voc.eleven_point[name],
            "voc_area": self.voc.area[name],
            "threshold": point.threshold,
            "precision": point.precision,
            "recall": point.recall,
            "f1": point.f1,
            "precision_at_recall": precision_at_recall(curve).tolist(),
        }


def evaluate_detections(
    truth: Truth,
    results: Results,
    operating_point: dict[str, float] | None = None,
    event_threshold: float | None = None,
) -> Evaluation:
    """Score detections in every way that the project reports.

    Args:
        truth: COCO instances dict.
        results: detections or a COCO results list; may be empty.
        operating_point: class name -> score threshold, chosen on validation data; chosen here
            where absent.
        event_threshold: least score of an event on the sky, likewise.

    Raises:
        ValueError: if truth or results break the format, or a class has no threshold.
    """
    columns = truth_columns(truth)
    detections = result_columns(results, columns)
    matches = match_columns(columns, detections)
    curves = class_curves(matches)
    if operating_point is None:
        points = choose_operating_points(curves)
    else:
        points = operating_points_at(curves, operating_point)
    thresholds = {name: point.threshold for name, point in points.items()}
    return Evaluation(
        matches=matches,
        coco=score_columns(truth, columns, detections),
        voc=evaluate_voc(matches),
        curves=curves,
        operating_point=points,
        operating_point_chosen_here=operating_point is None,
        confusion=confusion_matrix(matches, thresholds),
        video=score_videos(truth, matches, thresholds),
        events=evaluate_sky_events(truth, columns, detections, thresholds, event_threshold),
    )


def precision_at_recall(curve: Curve) -> NDArray[np.float64]:
    """Highest precision at recall >= 0, .01, …, 1: float64 [101], nan without objects to find."""
    if curve.n_truth == 0:
        return np.full(len(RECALL_GRID), np.nan)
    envelope = np.append(np.maximum.accumulate(curve.precision[::-1])[::-1], 0.0)
    return envelope[np.searchsorted(curve.recall, RECALL_GRID - 1e-12, side="left")]
