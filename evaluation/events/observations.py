"""What was looked at: the frames of videos, when, and how much of the sky."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SECONDS_AN_HOUR = 3600.0


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """I frames of V videos.

    Attributes:
        names: of the V videos.
        video: int64 [I], 0..V-1; -1 for pictures that belong to no video.
        time: float64 [I], seconds, within its video.
        valid: bool [I], False for frames that were held over a gap: nothing was observed then.
        area: float64 [V], field of view in arcsec².
    """

    names: tuple[str, ...]
    video: NDArray[np.int64]
    time: NDArray[np.float64]
    valid: NDArray[np.bool_]
    area: NDArray[np.float64]

    def __post_init__(self) -> None:
        for video, name in enumerate(self.names):
            times = self.time[self.frames_of(video)]
            twice = np.flatnonzero(np.diff(times) <= 0)
            if len(twice):
                raise ValueError(
                    f"video {name}: two frames at {times[twice[0]]:g} s; every frame needs a time "
                    "of its own"
                )

    def frames_of(self, video: int) -> NDArray[np.int64]:
        """Places of a video's frames, in the order of time."""
        frames = np.flatnonzero(self.video == video)
        return frames[np.argsort(self.time[frames], kind="stable")]

    def cadence(self, video: int) -> float:
        """Median distance of a video's frames in seconds; nan for a single frame."""
        distances = np.diff(self.time[self.frames_of(video)])
        return float(np.median(distances)) if len(distances) else float("nan")

    @property
    def hours(self) -> NDArray[np.float64]:
        """float64 [V], observed time: valid frames times cadence; 0 for a single frame."""
        seconds = [
            np.nan_to_num(self.cadence(video)) * self.valid[self.video == video].sum()
            for video in range(len(self.names))
        ]
        return np.array(seconds) / SECONDS_AN_HOUR
