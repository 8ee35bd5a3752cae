"""Which frames of a stream to show, judged by those before them alone.

The same rules as for archives (`solar.candidates`), where the frames that follow are known too.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from solar.aia_frame import AIAFrame, Region
from solar.candidates import LEAST_COVERED
from solar.frame_error import FrameError
from solar.frame_wcs import FrameWCS
from solar.resampling import common_field, coverage
from solar.sequence_gates import brightness_jumps, odd_exposures
from solar.time_grid import MOST_HELD, SAME_TIME

REMEMBERED = 10  # frames before that tell what is usual
RECENT = 64  # times by which a late frame is told from a duplicate
MOST_ASTRAY = 3  # frames in a row off the field, after which the field is a new one


class Admission(NamedTuple):
    """A frame that may be shown.

    Attributes:
        target: Where its picture is to lie.
        begins: Whether it begins a new sequence: it is the first, comes after a gap, or the
            telescope looks elsewhere.
    """

    target: FrameWCS
    begins: bool


class FrameGate:
    """Lets frames pass and says when a new sequence begins.

    Args:
        cadence: Seconds between frames.
        region: What to show; by default all that the first frame of a sequence shows.

    Attributes:
        target: Where the pictures of the sequence lie; None before the first frame.
    """

    def __init__(self, cadence: float, region: Region | None = None) -> None:
        self.cadence = cadence
        self.target: FrameWCS | None = None
        self._region = region
        self._times: deque[float] = deque(maxlen=RECENT)
        self._exposures: deque[float] = deque(maxlen=REMEMBERED)
        self._automatic: deque[bool] = deque(maxlen=REMEMBERED)
        self._medians: deque[float] = deque(maxlen=REMEMBERED)
        self._astray = 0

    def admit(self, frame: AIAFrame) -> Admission:
        """Judge the next frame.

        Raises:
            FrameError: if it is not to be shown: 'duplicate', 'time' (it came too late),
                'off_grid', 'field', 'exposure' or 'brightness'.
        """
        time = frame.time.timestamp()
        self._check_time(frame, time)
        gap = not self._times or time - self._times[-1] > self._longest_pause
        astray = self._is_astray(frame) and not gap
        begins = gap or (astray and self._astray >= MOST_ASTRAY)
        if astray and not begins:
            raise FrameError("field", frame.source, "shows another region than the frames before")
        if begins or self.target is None:
            self.target = self._begin(frame)
        self._check_exposure(frame)
        self._times.append(time)
        self._astray = 0
        return Admission(self.target, begins)

    def to_json(self) -> dict[str, Any]:
        """The state as plain values."""
        return {
            "cadence": self.cadence,
            "target": None if self.target is None else self.target.as_json(),
            "times": list(self._times),
            "exposures": [None if np.isnan(e) else e for e in self._exposures],
            "automatic": list(self._automatic),
            "medians": list(self._medians),
            "astray": self._astray,
        }

    @classmethod
    def from_json(cls, state: Any, region: Region | None, where: str) -> FrameGate:
        """Go on where another gate was.

        Args:
            state: Of `to_json`, perhaps from a file.
            region: See the class.
            where: How messages call it.

        Raises:
            ValueError: if it is no such state.
        """
        try:
            gate = cls(float(state["cadence"]), region)
            if not gate.cadence > 0:
                raise ValueError(f"cadence {gate.cadence}")
            if state["target"] is not None:
                gate.target = FrameWCS.from_json(state["target"], where)
            gate._times.extend(map(float, state["times"]))
            gate._exposures.extend(np.nan if e is None else float(e) for e in state["exposures"])
            gate._automatic.extend(map(bool, state["automatic"]))
            gate._medians.extend(map(float, state["medians"]))
            gate._astray = int(state["astray"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"{where}: no state of a watch: {error!r}") from error
        return gate

    @property
    def _longest_pause(self) -> float:
        return (MOST_HELD + 1.25) * self.cadence

    def _check_time(self, frame: AIAFrame, time: float) -> None:
        if any(abs(time - other) < SAME_TIME for other in self._times):
            raise FrameError("duplicate", frame.source, "a frame of the same time came before")
        if not self._times:
            return
        latest = datetime.fromtimestamp(self._times[-1], frame.time.tzinfo)
        if time < self._times[-1]:
            message = f"came too late: {frame.time:%FT%T}, after a frame of {latest:%FT%T}"
            raise FrameError("time", frame.source, message)
        if time - self._times[-1] < 0.75 * self.cadence:
            message = f"{frame.time:%FT%T} is nearer to {latest:%FT%T} than {self.cadence:g} s"
            raise FrameError("off_grid", frame.source, message)

    def _is_astray(self, frame: AIAFrame) -> bool:
        if self.target is None or coverage(frame.wcs, self.target) >= LEAST_COVERED:
            return False
        self._astray += 1
        return True

    def _check_exposure(self, frame: AIAFrame) -> None:
        self._exposures.append(frame.exposure)
        self._automatic.append(frame.automatic_exposure)
        self._medians.append(float(np.nanmedian(frame.rate)))
        exposures, automatic = np.array(self._exposures), np.array(self._automatic)
        if odd_exposures(exposures, automatic)[-1]:
            message = f"exposed for {frame.exposure:g} s, far from the frames before"
            raise FrameError("exposure", frame.source, message)
        if brightness_jumps(np.array(self._medians))[-1]:
            message = f"its median, {self._medians[-1]:.3g} DN/s, is far from the frames before"
            raise FrameError("brightness", frame.source, message)

    def _begin(self, frame: AIAFrame) -> FrameWCS:
        for memory in (self._exposures, self._automatic, self._medians):
            memory.clear()
        return common_field([frame.wcs], self._region)
