"""Events of the truth: where something is, and from when to when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LIMB_RADIUS = 900.0  # arcsec from the centre of the disk


@dataclass(frozen=True, slots=True, eq=False)
class TrueEvent:
    """One event, boxed at K times.

    Attributes:
        event: its name, such as a catalogue id.
        video: the video's number.
        start: seconds.
        end: seconds, not before `start`.
        times: float64 [K], K >= 1, seconds, rising.
        boxes: float64 [K, 4], xyxy in arcsec.
        base: x, y in arcsec where it begins; None where that is not known.
        height: of the event in arcsec; nan where it is not known.
        ignored: need not be found, and whoever finds it is neither right nor wrong, such as another
            jet of the catalogue at the edge of the field of view.

    Raises:
        ValueError: if it has no box, or times or boxes are out of order.
    """

    event: str
    video: int
    start: float
    end: float
    times: NDArray[np.float64]
    boxes: NDArray[np.float64]
    base: tuple[float, float] | None = None
    height: float = float("nan")
    ignored: bool = False

    def __post_init__(self) -> None:
        if not (len(self.times) == len(self.boxes) > 0 and self.boxes.shape[1:] == (4,)):
            raise ValueError(
                f"event {self.event}: expected as many boxes of four numbers as times, one at "
                f"least; got {len(self.times)} times and boxes of shape {self.boxes.shape}"
            )
        rising = (np.diff(self.times) > 0).all() and self.start <= self.end
        if not (rising and (self.boxes[:, 2:] >= self.boxes[:, :2]).all()):
            raise ValueError(
                f"event {self.event}: times must rise, {self.start:g} s must not lie after "
                f"{self.end:g} s, and boxes must have x0 <= x1 and y0 <= y1"
            )

    def boxes_at(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Boxes at any times: between two of its own linearly, beyond them the nearest one.

        Args:
            times: [T], seconds.

        Returns:
            float64 [T, 4], xyxy in arcsec.
        """
        sides = [np.interp(times, self.times, side) for side in self.boxes.T]
        return np.stack(sides, axis=1)

    @property
    def at_limb(self) -> bool:
        """Its base, or else the centre of its first box, lies beyond 900″ from the disk's centre.

        The radius by which the catalogue's authors tell jets at the limb from those on the disk.
        """
        first = self.boxes[0]
        place = self.base or ((first[0] + first[2]) / 2, (first[1] + first[3]) / 2)
        return bool(np.hypot(*place) > LIMB_RADIUS)
