"""What `predict.py` leaves behind: COCO results, what their ids mean, and drawn pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import torch

from detectors.base import Detector
from evaluation.detections import Detections
from evaluation.drawing import Picture, draw_boxes
from evaluation.results_json import write_json, write_results
from structures import Prediction
from structures.atomic_file import write_atomically

# Where a checkpoint carries no operating point for a class (it was never validated).
_DEFAULT_THRESHOLD = 0.5


@dataclass
class PredictionFolder:
    """Collects predictions; the JSON files are written by `close`.

    Attributes:
        folder: where everything goes.
        detector: whose classes and operating point are used.
        draw_above: score from which detections are drawn; None takes the operating point.
        video_format: of annotated videos, one of `runs.prediction.video_writer.FORMATS`.
        skipped: files that could not be read.
        held: pictures that a gate held back, and why.
        videos: the clips that pictures are frames of, if any, as COCO-VID lists them.
    """

    folder: Path
    detector: Detector
    draw_above: float | None
    video_format: str = "mp4"
    skipped: list[str] = field(default_factory=list)
    held: list[dict[str, Any]] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)
    videos: list[dict[str, Any]] = field(default_factory=list)
    detections: list[Detections] = field(default_factory=list)

    @property
    def detection_count(self) -> int:
        """Detections so far."""
        return sum(map(len, self.detections))

    def add(self, path: Path, shape: Sequence[int], prediction: Prediction, **place: Any) -> None:
        """Take the prediction of a picture.

        Args:
            path: its file.
            shape: its height and width, and what may follow.
            prediction: on the CPU; its `image_id` is the picture's.
            place: of a frame `video_id`, `frame_id` and what else images.json is to say of it.
        """
        size = {"width": shape[1], "height": shape[0]}
        image = {"id": prediction.image_id, "file_name": str(path), **size, **place}
        self.images.append(image)
        self.detections.append(Detections.from_predictions([prediction], self.detector.classes))

    def draw(self, picture: Picture, prediction: Prediction) -> Picture:
        """A picture, uint8 [H, W, 3] RGB, with the detections that are sure enough."""
        names = self.detector.classes.names
        chosen = self.detector.operating_point
        floors = [
            self.draw_above if self.draw_above is not None else chosen.get(name, _DEFAULT_THRESHOLD)
            for name in names
        ]
        shown = prediction.scores >= torch.tensor(floors)[prediction.labels - 1]
        return draw_boxes(
            picture,
            prediction.boxes[shown].numpy(),
            prediction.labels[shown].tolist(),
            names,
            scores=prediction.scores[shown].tolist(),
        )

    def write_picture(self, name: str, drawn: Picture) -> None:
        """Write a drawn picture, uint8 [H, W, 3] RGB, to `pictures/<name>`."""
        _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
        write_atomically(self.folder / "pictures" / name, jpeg.tobytes())

    def close(self) -> None:
        """Write predictions.json (COCO results) and images.json (what their ids mean)."""
        classes = self.detector.classes
        categories = [
            {"id": category_id, "name": name}
            for category_id, name in zip(classes.category_ids, classes.names, strict=True)
        ]
        found = Detections.concatenate(self.detections)
        write_results(self.folder / "predictions.json", found)
        images = {"images": self.images, "categories": categories, "skipped": self.skipped}
        # Where there are none, nothing is said of them.
        more = {"videos": self.videos, "held": self.held}
        images |= {name: listed for name, listed in more.items() if listed}
        write_json(self.folder / "images.json", images)
