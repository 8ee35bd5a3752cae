"""Pictures through a detector."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from rich.progress import track

from datamodules.picture import read_picture
from detectors.base import Detector
from runs.prediction.folder import PredictionFolder
from structures import Batch, Prediction, Target
from utility.gate import UtilityGate


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


def predict_pictures(
    detector: Detector,
    pictures: Sequence[Path],
    output: PredictionFolder,
    on_bad_image: str,
    batch_size: int,
    gate: UtilityGate | None = None,
) -> None:
    """Predict pictures, with a progress bar, and draw each into `output`.

    Args:
        detector: in eval mode.
        pictures: the files.
        output: where predictions go.
        on_bad_image: see `read_frames`.
        batch_size: pictures that go through the detector at a time.
        gate: holds back pictures of too little utility, which the detector then does not see.

    Raises:
        ValueError: see `read_frames`.
    """
    frames = read_frames(pictures, on_bad_image, output.skipped)
    for _ in track(range(0, len(pictures), batch_size), description="predicting"):
        chunk = [frame for frame in islice(frames, batch_size) if frame is not None]
        if gate is not None:
            chunk = _let_through(gate, chunk, output)
        if not chunk:
            continue
        for frame, prediction in zip(chunk, detect(detector, chunk), strict=True):
            output.add(frame.path, frame.picture.shape, prediction)
            # The number keeps pictures of the same name in different folders apart.
            output.write_picture(
                f"{frame.image_id:06d}_{frame.path.stem}.jpg",
                output.draw(frame.picture, prediction),
            )


def _let_through(gate: UtilityGate, frames: list[Frame], output: PredictionFolder) -> list[Frame]:
    """Those that the gate lets through; the others are noted with their scores."""
    planes = [torch.from_numpy(frame.picture).permute(2, 0, 1) for frame in frames]
    scores = gate(planes).tolist()
    passed = []
    for frame, score in zip(frames, scores, strict=True):
        if score >= gate.threshold:
            passed.append(frame)
        else:
            output.held.append({"file_name": str(frame.path), "utility": round(score, 4)})
    return passed
