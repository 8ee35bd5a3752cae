"""Solar frames through a detector's stream, one by one, to detections on the sky and events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import torch
from numpy.typing import NDArray

from detectors.base import Detector
from detectors.frame_stream import FrameStream
from evaluation.events.linking import Linking
from runs.solar.event import km_per_arcsec
from runs.solar.event_book import EventBook, PlacedDetections, placed
from solar.frame_wcs import FrameWCS
from structures import Prediction

DEFAULT_THRESHOLD = 0.4  # of a detector that was never validated; the jet report's own


def event_linkings(detector: Detector, least_score: float | None) -> list[Linking]:
    """The rules by which detections become events, one a class.

    Args:
        detector: The thresholds that it was validated with count, where `least_score` is None.
        least_score: Of a detection of any class; events then have none of their own.
    """
    names = detector.classes.names
    if least_score is not None:
        return [Linking(least_score)] * len(names)
    chosen = detector.operating_point
    of_events = detector.event_threshold or 0.0
    return [Linking(chosen.get(name, DEFAULT_THRESHOLD), event_score=of_events) for name in names]


@dataclass(frozen=True)
class Followed:
    """What a frame showed.

    Attributes:
        prediction: In pixels of the picture, on the CPU.
        sky: The same detections in arcsec.
        changed: Ids of the events that it confirmed, continued or ended.
    """

    prediction: Prediction
    sky: PlacedDetections
    changed: set[str]


class SolarFollower:
    """Follows the frames of one field of the sun as they come.

    Args:
        stream: Of the detector.
        book: Takes the events.
    """

    def __init__(self, stream: FrameStream, book: EventBook) -> None:
        self._stream, self.book = stream, book

    def begin(self, cadence: float, wcs: FrameWCS) -> set[str]:
        """Begin a sequence of frames: those before are forgotten, their events ended.

        Args:
            cadence: Seconds between frames.
            wcs: Of the first frame.

        Returns:
            Ids of the events that were ended.
        """
        self._stream.reset()
        return self.book.begin(cadence, km_per_arcsec(wcs.observer_or_earth.distance))

    def refill(self, frames: Sequence[tuple[NDArray[np.uint8], datetime]]) -> None:
        """Show the stream frames that it saw before this program was started anew.

        Args:
            frames: uint8 [H, W] and time, in order of time.
        """
        self._stream.reset()
        for pixels, time in frames:
            self._detect(pixels, time, 0)

    def follow(
        self, pixels: NDArray[np.uint8], wcs: FrameWCS, time: datetime, image_id: int
    ) -> Followed:
        """Detect in the next frame and link what is found.

        Args:
            pixels: uint8 [H, W], grey, row 0 at the top.
            wcs: Of the picture.
            time: Of the frame, aware, later than that of the frame before.
            image_id: Of the prediction.
        """
        prediction = self._detect(pixels, time, image_id)
        x0, y0, x1, y1 = prediction.boxes.double().numpy().T
        corners = np.stack([x0, y0, x1, y0, x1, y1, x0, y1], axis=1).reshape(-1, 2)
        sky = placed(prediction, wcs.to_arcsec(corners).reshape(-1, 4, 2))
        return Followed(prediction, sky, self.book.take(time, sky))

    def _detect(self, pixels: NDArray[np.uint8], time: datetime, image_id: int) -> Prediction:
        # Grey three times, as the PNG files of the training are read.
        frame = torch.from_numpy(np.ascontiguousarray(pixels)).expand(3, -1, -1)
        return self._stream.detect(frame, image_id, time.timestamp()).cpu()
