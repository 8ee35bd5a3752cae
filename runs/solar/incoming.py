"""The files of a folder that grows: which are new, whole, and whose turn it is."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runs.prediction.sources import find_fits
from solar.aia_frame import AIAFrame, FrameFacts, Region, read_aia
from solar.frame_error import FrameError
from solar.intensity import Scale
from solar.time_grid import SAME_TIME, cadence_near

logger = logging.getLogger(__name__)

# What a file may be while another program still writes it.
UNFINISHED = frozenset({"empty", "truncated", "corrupt", "not_fits"})
SETTLED = 30.0  # s since the last change, after which a file is taken to be whole
WARM_UP = 3  # frames that tell the cadence


@dataclass(frozen=True)
class WatchSettings:
    """How a folder is watched.

    Attributes:
        source: The folder, searched through its subfolders.
        wavelength: In Å; frames of others are left out.
        scale: Rates -> 0..1, the same for every frame.
        window: Frames that count for a prediction.
        cadence: Seconds between frames; None takes the shortest step of the first three, thinned
            out to what is nearest to `usual_cadence`.
        region: What to show; all of the frames by default.
        settled: Seconds since its last change, after which a file that cannot be read is given up.
        usual_cadence: Seconds between frames in training; None thins nothing out.
    """

    source: Path
    wavelength: int
    scale: Scale
    window: int
    cadence: float | None = None
    region: Region | None = None
    settled: float = SETTLED
    usual_cadence: float | None = None

    def as_json(self) -> dict[str, Any]:
        """What must be the same when a watch goes on."""
        return {
            "source": str(self.source.resolve()),
            "wavelength": self.wavelength,
            "scale": repr(self.scale),
            "region": None if self.region is None else list(self.region),
            "cadence": self.cadence,
        }


class IncomingFrames:
    """Files that came and were not yet dealt with.

    Args:
        settings: See there.

    Attributes:
        unfinished: Files that the last look took to be still being written.
    """

    def __init__(self, settings: WatchSettings) -> None:
        self._settings = settings
        self.unfinished: list[str] = []
        self._waiting: dict[str, FrameFacts | FrameError] = {}

    def look(self, done: Container[str]) -> None:
        """Note new files. One that is perhaps still being written is left for the next look.

        Pixels are read again in a frame's turn: those of many would not fit in memory.

        Args:
            done: Files that were dealt with, by their paths within the folder.

        Raises:
            FileNotFoundError: if the folder is gone.
        """
        self.unfinished = []
        for path in find_fits(self._settings.source):
            name = path.relative_to(self._settings.source).as_posix()
            if name not in done and name not in self._waiting:
                self._look_at(name, path)

    def cadence(self, last: bool) -> float | None:
        """Seconds between frames: as given, or learned once there are enough; None until then.

        Args:
            last: Whether no other frame is waited for.
        """
        if self._settings.cadence is not None or not self._waiting:
            return self._settings.cadence
        known = [facts for facts in self._waiting.values() if isinstance(facts, FrameFacts)]
        steps = np.diff(sorted(facts.time.timestamp() for facts in known))
        steps = steps[steps >= SAME_TIME]
        if len(steps) < WARM_UP - 1 and not last:
            return None
        native = float(steps.min()) if len(steps) else math.nan
        cadence = cadence_near(native, self._settings.usual_cadence)
        logger.info("cadence: %.4g s", cadence)
        return cadence

    def take(self) -> list[tuple[str, FrameFacts | FrameError]]:
        """All files whose turn it is, in order of time, each with what is known or wrong of it."""
        ready = sorted(self._waiting.items(), key=_order)
        self._waiting = {}
        return ready

    def read(self, name: str) -> AIAFrame:
        """Read a frame.

        Args:
            name: Its path within the folder.

        Raises:
            FileNotFoundError: if it was taken away.
            FrameError: if it gives no frame.
        """
        wavelengths = (self._settings.wavelength,)
        return read_aia(self._settings.source / name, wavelengths, self._settings.region)

    def _look_at(self, name: str, path: Path) -> None:
        try:
            age = time.time() - path.stat().st_mtime
            self._waiting[name] = self.read(name).facts()
        except FrameError as error:
            if error.reason in UNFINISHED and age < self._settings.settled:
                self.unfinished.append(name)
            else:
                self._waiting[name] = error
        except FileNotFoundError:
            logger.debug("%s: taken away before it was read", name)


def _order(entry: tuple[str, FrameFacts | FrameError]) -> tuple[float, int, float, str]:
    """Time, then the better of two frames of one time; files without a frame come first."""
    name, facts = entry
    if isinstance(facts, FrameError):
        return float("-inf"), 0, 0.0, name
    return facts.time.timestamp(), facts.quality, -facts.percent, name
