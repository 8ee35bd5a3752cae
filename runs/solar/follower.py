"""Solar frames through a detector's stream, one by one, to detections on the sky and events."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules.solar_channels import LOG, Grey, check_channels, in_channels, rings
from datamodules.solar_observation import UNKNOWN, SolarObservation
from detectors.base import Detector
from detectors.frame_stream import FrameStream
from evaluation.events.linking import LINKED_SHARE, Linking
from runs.solar.event import km_per_arcsec
from runs.solar.event_book import EventBook, PlacedDetections, placed
from solar.frame_wcs import FrameWCS
from structures import Prediction

logger = logging.getLogger(__name__)

DEFAULT_THRESHOLD = 0.4  # of a detector that was never validated; the jet report's own


def event_linkings(detector: Detector, least_score: float | None) -> list[Linking]:
    """The rules by which detections become events, one a class.

    Args:
        detector: The thresholds that it was validated with count, where `least_score` is None.
        least_score: Of a detection of any class and, in place of that chosen in validation, of an
            event.
    """
    names = detector.classes.names
    if least_score is not None:
        return [Linking(least_score, LINKED_SHARE, event_score=least_score)] * len(names)
    scores = [detector.operating_point.get(name, DEFAULT_THRESHOLD) for name in names]
    chosen = detector.event_threshold
    return [
        Linking(score, LINKED_SHARE, event_score=score if chosen is None else chosen)
        for score in scores
    ]


def trained_channels(datamodule: Mapping[str, Any]) -> tuple[str, ...]:
    """The channels in which a training saw its pictures; grey three times where it had no choice.

    Args:
        datamodule: Node of the run's config.

    Raises:
        ValueError: if they are none.
    """
    return check_channels(datamodule.get("channels", (LOG,) * 3))


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
        channels: In which the detector was trained, see `trained_channels`.
        trained_on: What it was trained on; a sequence that is unlike it is warned of.
    """

    def __init__(
        self,
        stream: FrameStream,
        book: EventBook,
        channels: Sequence[str] = (LOG,) * 3,
        trained_on: SolarObservation = UNKNOWN,
    ) -> None:
        self._stream, self.book, self._channels = stream, book, tuple(channels)
        self._trained_on = trained_on
        self._before: Grey | None = None

    def begin(self, cadence: float, wcs: FrameWCS) -> set[str]:
        """Begin a sequence of frames: those before are forgotten, their events ended.

        Args:
            cadence: Seconds between frames.
            wcs: Of the first frame.

        Returns:
            Ids of the events that were ended.
        """
        self._forget()
        field = wcs.pixel_side * min(wcs.size)
        for unusual in self._trained_on.unusual(cadence, wcs.pixel_side, field):
            logger.warning("%s: the detector may miss or invent jets", unusual)
        return self.book.begin(cadence, km_per_arcsec(wcs.observer_or_earth.distance))

    def refill(self, frames: Sequence[tuple[NDArray[np.uint8], datetime]], wcs: FrameWCS) -> None:
        """Show the stream frames that it saw before this program was started anew.

        Args:
            frames: uint8 [H, W] and time, in order of time.
            wcs: Of the pictures.
        """
        self._forget()
        for pixels, time in frames:
            self._detect(pixels, wcs, time, 0)

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
        prediction = self._detect(pixels, wcs, time, image_id)
        x0, y0, x1, y1 = prediction.boxes.double().numpy().T
        corners = np.stack([x0, y0, x1, y0, x1, y1, x0, y1], axis=1).reshape(-1, 2)
        sky = placed(prediction, wcs.to_arcsec(corners).reshape(-1, 4, 2))
        return Followed(prediction, sky, self.book.take(time, sky))

    def _detect(
        self, pixels: NDArray[np.uint8], wcs: FrameWCS, time: datetime, image_id: int
    ) -> Prediction:
        grey = pixels.astype(np.float32)
        before = grey if self._before is None else self._before
        # As the PNG files of the training are shown.
        shown = in_channels(
            self._channels,
            grey,
            lambda: before,
            lambda: rings(wcs.as_json(), grey, Path(self.book.provenance.source)),
        )
        self._before = grey
        frame = torch.from_numpy(shown).permute(2, 0, 1)
        return self._stream.detect(frame, image_id, time.timestamp()).cpu()

    def _forget(self) -> None:
        self._stream.reset()
        self._before = None
