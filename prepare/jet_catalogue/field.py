"""The part of the sky that a video of a jet shows."""

from __future__ import annotations

import numpy as np

from prepare.jet_catalogue.jet import Jet
from solar.aia_frame import Region

MARGIN = 0.3  # of the jet's extent, on each side
LEAST_MARGIN = 0.1  # that a random offset leaves
LEAST_SIDE = 300.0  # arcsec


def field_of(jet: Jet, available: Region) -> Region:
    """A square around all boxes of a jet that does not have the jet in its middle.

    Jets at the centre of every picture would teach a detector to look there and nowhere else.

    Args:
        jet: With boxes; its id decides the offset.
        available: What the frames show: the field is moved to lie inside, and cut where it is
            larger.

    Returns:
        At least 300″ wide and high where the frames are.
    """
    extent = jet.extent()
    sides = np.array([extent.right - extent.left, extent.top - extent.bottom])
    middle = np.array([extent.left + extent.right, extent.bottom + extent.top]) / 2
    side = max(LEAST_SIDE, float(sides.max()) * (1 + 2 * MARGIN))
    room = (side - sides) / 2 - LEAST_MARGIN * sides
    middle += np.random.default_rng(list(jet.id.encode())).uniform(-1, 1, 2) * room
    left, right = _fitted(middle[0] - side / 2, side, available.left, available.right)
    bottom, top = _fitted(middle[1] - side / 2, side, available.bottom, available.top)
    return Region(left, bottom, right, top)


def _fitted(start: float, length: float, low: float, high: float) -> tuple[float, float]:
    """A stretch of this length moved into low..high, or all of that where it is shorter."""
    if length >= high - low:
        return low, high
    start = min(max(start, low), high - length)
    return start, start + length
