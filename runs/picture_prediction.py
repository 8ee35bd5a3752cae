"""Pictures through a detector, to COCO results and drawn pictures in a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from datamodules.picture import read_picture
from detectors.base import Detector
from evaluation.detections import Detections
from evaluation.drawing import draw_boxes
from evaluation.results_json import write_atomically, write_json, write_results
from structures import Batch, Prediction, Target

# Where a checkpoint carries no operating point for a class (it was never validated).
_DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True)
class Frame:
    """A picture that was read: its id among all pictures, its file, uint8 [H, W, 3] RGB."""

    image_id: int
    path: Path
    picture: np.ndarray


def read_frames(
    pictures: Sequence[Path], on_bad_image: str, skipped: list[str]
) -> Iterator[Frame | None]:
    """Read pictures one by one; ids count from 1 over all of them.

    Args:
        pictures: the files.
        on_bad_image: 'error', or 'skip' to yield None and note the file in `skipped`.
        skipped: gets the names of files that could not be read.

    Raises:
        ValueError: naming the file, if a picture cannot be read and `on_bad_image` is 'error'.
    """
    for image_id, path in enumerate(pictures, start=1):
        try:
            yield Frame(image_id, path, read_picture(path))
        except ValueError:
            if on_bad_image == "error":
                raise
            skipped.append(str(path))
            yield None


def detect(detector: Detector, frames: Sequence[Frame]) -> list[Prediction]:
    """The predictions of a few pictures, on the CPU."""
    no_boxes, no_labels = torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)
    batch = Batch(
        [torch.from_numpy(frame.picture).permute(2, 0, 1)[None] for frame in frames],
        [[Target(no_boxes, no_labels, frame.image_id)] for frame in frames],
    )
    with torch.inference_mode():
        return [p.cpu() for p in detector.predict(batch.to(detector.device))]


@dataclass
class PredictionFolder:
    """Collects predictions; `pictures/` grows as they come, the JSON files are written by `close`.

    Attributes:
        folder: where everything goes.
        detector: whose classes and operating point are used.
        draw_above: score from which detections are drawn; None takes the operating point.
        skipped: files that could not be read.
    """

    folder: Path
    detector: Detector
    draw_above: float | None
    skipped: list[str] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)
    detections: list[Detections] = field(default_factory=list)

    @property
    def detection_count(self) -> int:
        """Detections so far."""
        return sum(map(len, self.detections))

    def add(self, frames: Sequence[Frame], predictions: Sequence[Prediction]) -> None:
        """Take the predictions of some frames and draw them."""
        self.detections.append(Detections.from_predictions(predictions, self.detector.classes))
        for frame, prediction in zip(frames, predictions, strict=True):
            height, width = frame.picture.shape[:2]
            self.images.append(
                {
                    "id": frame.image_id,
                    "file_name": str(frame.path),
                    "width": width,
                    "height": height,
                }
            )
            self._draw(frame, prediction)

    def close(self) -> None:
        """Write predictions.json (COCO results) and images.json (what their ids mean)."""
        classes = self.detector.classes
        categories = [
            {"id": category_id, "name": name}
            for category_id, name in zip(classes.category_ids, classes.names, strict=True)
        ]
        found = Detections.concatenate(self.detections)
        write_results(self.folder / "predictions.json", found)
        write_json(
            self.folder / "images.json",
            {"images": self.images, "categories": categories, "skipped": self.skipped},
        )

    def _draw(self, frame: Frame, prediction: Prediction) -> None:
        names = self.detector.classes.names
        chosen = self.detector.operating_point
        floors = [
            self.draw_above if self.draw_above is not None else chosen.get(name, _DEFAULT_THRESHOLD)
            for name in names
        ]
        shown = prediction.scores >= torch.tensor(floors)[prediction.labels - 1]
        drawn = draw_boxes(
            frame.picture,
            prediction.boxes[shown].numpy(),
            prediction.labels[shown].tolist(),
            names,
            scores=prediction.scores[shown].tolist(),
        )
        _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
        # The number keeps pictures of the same name in different folders apart.
        name = f"{frame.image_id:06d}_{frame.path.stem}.jpg"
        write_atomically(self.folder / "pictures" / name, jpeg.tobytes())
