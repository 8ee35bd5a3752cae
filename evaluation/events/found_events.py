"""Events that a detector found: one thing, seen in several frames of a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class FoundEvent:
    """Linked detections, T of them, one a frame at most.

    Attributes:
        video: the video's number.
        event: the event's number in its video, from 1 in the order of confirmation.
        times: float64 [T], seconds, rising.
        boxes: float64 [T, 4], xyxy in arcsec, x0 <= x1 and y0 <= y1.
        scores: float64 [T], of the detections.
        min_length: frames that confirm an event, at most T.
    """

    video: int
    event: int
    times: NDArray[np.float64]
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    min_length: int

    @property
    def start(self) -> float:
        """Time of the first frame, seconds."""
        return float(self.times[0])

    @property
    def end(self) -> float:
        """Time of the last frame, seconds."""
        return float(self.times[-1])

    @property
    def score(self) -> float:
        """See `mean_of_best`."""
        return mean_of_best(self.scores, self.min_length)

    @property
    def base(self) -> NDArray[np.float64]:
        """float64 [2], arcsec: the centre of the first box, for a jet begins at its base."""
        return (self.boxes[0, :2] + self.boxes[0, 2:]) / 2

    def confirmed_at(self, least_score: float) -> float:
        """Time of the frame with which the event was long enough and had reached a score.

        Args:
            least_score: at most `score`.

        Raises:
            ValueError: if the event never reached that score.
        """
        for length in range(self.min_length, len(self.times) + 1):
            if mean_of_best(self.scores[:length], self.min_length) >= least_score:
                return float(self.times[length - 1])
        raise ValueError(
            f"video {self.video}, event {self.event}: score {self.score:.4f} never reached "
            f"{least_score:.4f}"
        )


def mean_of_best(scores: Sequence[float] | NDArray[np.float64], count: int) -> float:
    """An event's score: the mean of its best scores, as many as confirm an event.

    While an event lasts the mean never falls, which a mean of more (some propose five) would do in
    the frames after the confirmation: an event that was reported once stays reported.
    """
    return float(np.sort(np.asarray(scores, dtype=np.float64))[-count:].mean())
