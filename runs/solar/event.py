"""One event on the sun: what solar physicists note of it, measured on its boxes."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.events.found_events import FoundEvent

ARCSEC_IN_RADIAN = 180 * 3600 / math.pi
LEAST_SHIFT = 2.0  # arcsec between two box centres, below which they give no direction
LEAST_POINTS = 3  # of a line that gives a speed
TIMES = ("t_start", "t_peak", "t_end")


@dataclass(frozen=True)
class Provenance:
    """What events come from.

    Attributes:
        wavelength: In Å.
        source: Folder of the frames.
        weights_sha256: Of the checkpoint.
    """

    wavelength: int
    source: str
    weights_sha256: str


@dataclass(frozen=True)
class SolarEvent:
    """An event; the columns of events.csv.

    Attributes:
        id: Class, UTC of the first frame, wavelength and a number.
        kind: Class.
        status: 'open' while the next frame may show it, then 'ended'.
        t_start: Of the first frame, UTC, as all times: the middle of the exposure.
        t_peak: Of the frame with the longest box.
        t_end: Of the last frame.
        hpc_x0: Western edges have larger x: the least x of all boxes, helioprojective arcsec.
        hpc_y0: The least y.
        hpc_x1: The largest x.
        hpc_y1: The largest y.
        base_x: Centre of the first box, since a jet begins at its base; arcsec.
        base_y: See `base_x`.
        length_arcsec: The longer side of the longest box. Of a box around a thin slanted jet it is
            up to 30 % less than the jet's length.
        length_mm: The same in Mm, seen from the observer, not corrected for projection.
        position_angle: From the base to the centre of the longest box, degrees from solar north
            through east; None where that shift is below 2″.
        speed_km_s: Slope of the distance between base and tip until the peak, projected; None
            where fewer than three frames or no advance tell it.
        score: Mean of the best scores, as many as confirm an event.
        score_mean: Over all its frames.
        score_max: The best.
        n_frames: In which it was detected.
        wavelength: See `Provenance`.
        source: See `Provenance`.
        weights_sha256: See `Provenance`.
    """

    id: str
    kind: str
    status: str
    t_start: datetime
    t_peak: datetime
    t_end: datetime
    hpc_x0: float
    hpc_y0: float
    hpc_x1: float
    hpc_y1: float
    base_x: float
    base_y: float
    length_arcsec: float
    length_mm: float
    position_angle: float | None
    speed_km_s: float | None
    score: float
    score_mean: float
    score_max: float
    n_frames: int
    wavelength: int
    source: str
    weights_sha256: str

    def as_json(self) -> dict[str, Any]:
        """Plain values, times in ISO 8601 that end in Z."""
        times = {name: iso_utc(getattr(self, name)) for name in TIMES}
        return asdict(self) | times

    @classmethod
    def from_json(cls, values: Any, where: str) -> SolarEvent:
        """Read what `as_json` gave.

        Args:
            values: Perhaps from a file.
            where: How messages call it.

        Raises:
            ValueError: if they are no event.
        """
        names = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or set(values) != names:
            raise ValueError(f"{where}: expected an event with the keys {sorted(names)}")
        try:
            times = {name: datetime.fromisoformat(values[name]).astimezone(UTC) for name in TIMES}
        except (TypeError, ValueError) as error:
            raise ValueError(f"{where}: a time of event {values['id']!r}: {error}") from error
        return cls(**(values | times))


def iso_utc(time: datetime) -> str:
    """ISO 8601 with milliseconds, ending in Z."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def km_per_arcsec(distance: float) -> float:
    """What an arcsec spans at the sun, in km.

    Args:
        distance: Of the observer from the sun's centre in m.
    """
    return distance / ARCSEC_IN_RADIAN / 1000


def measure(
    found: FoundEvent, event_id: str, kind: str, status: str, km: float, provenance: Provenance
) -> SolarEvent:
    """Measure an event.

    Args:
        found: Its boxes in helioprojective arcsec, its times in POSIX seconds.
        event_id: See `SolarEvent`.
        kind: See `SolarEvent`.
        status: See `SolarEvent`.
        km: Kilometres in an arcsec, see `km_per_arcsec`.
        provenance: See there.
    """
    lengths = (found.boxes[:, 2:] - found.boxes[:, :2]).max(axis=1)
    peak = int(np.argmax(lengths))
    low, high = found.boxes[:, :2].min(axis=0).tolist(), found.boxes[:, 2:].max(axis=0).tolist()
    direction = _direction(found, peak)
    speed = None if direction is None else _speed(found, peak, direction)
    start, peak_time, end = (
        datetime.fromtimestamp(float(found.times[place]), UTC) for place in (0, peak, -1)
    )
    return SolarEvent(
        id=event_id,
        kind=kind,
        status=status,
        t_start=start,
        t_peak=peak_time,
        t_end=end,
        hpc_x0=round(low[0], 3),
        hpc_y0=round(low[1], 3),
        hpc_x1=round(high[0], 3),
        hpc_y1=round(high[1], 3),
        base_x=round(float(found.base[0]), 3),
        base_y=round(float(found.base[1]), 3),
        length_arcsec=round(float(lengths[peak]), 3),
        length_mm=round(float(lengths[peak]) * km / 1000, 3),
        position_angle=None if direction is None else round(_angle(direction), 1),
        speed_km_s=None if speed is None else round(speed * km, 1),
        score=round(found.score, 4),
        score_mean=round(float(found.scores.mean()), 4),
        score_max=round(float(found.scores.max()), 4),
        n_frames=len(found.times),
        wavelength=provenance.wavelength,
        source=provenance.source,
        weights_sha256=provenance.weights_sha256,
    )


def _direction(found: FoundEvent, peak: int) -> NDArray[np.float64] | None:
    """Unit vector [2] from the base to the centre of the longest box."""
    shift = (found.boxes[peak, :2] + found.boxes[peak, 2:]) / 2 - found.base
    size = float(np.hypot(*shift))
    return None if size < LEAST_SHIFT else shift / size


def _angle(direction: NDArray[np.float64]) -> float:
    """Degrees from north through east; x grows towards west."""
    return math.degrees(math.atan2(-direction[0], direction[1])) % 360


def _speed(found: FoundEvent, peak: int, direction: NDArray[np.float64]) -> float | None:
    """Of the tip along the direction in arcsec/s: the slope of a straight line."""
    if peak + 1 < LEAST_POINTS:
        return None
    boxes, times = found.boxes[: peak + 1], found.times[: peak + 1]
    tips = np.where(direction > 0, boxes[:, 2:], boxes[:, :2])
    distance = (tips - found.base) @ direction
    slope = float(np.polyfit(times - times[0], distance, 1)[0])
    return slope if slope > 0 else None
