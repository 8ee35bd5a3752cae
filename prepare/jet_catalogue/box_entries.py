"""Catalogue entries with one box for the whole jet: the form that later aggregations write."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prepare.jet_catalogue.catalogue import LeftOut
from prepare.jet_catalogue.entry import Entry
from prepare.jet_catalogue.jet import Jet, Subject
from prepare.jet_catalogue.subject_box import FARTHEST, NORTH_UP, NoBoxError, base_first, rectangle

KEYS = frozenset({"start_time", "box"})  # tell entries of this form
UNITS = {"length_unit": ("arcsec",), "angle_unit": ("rad", "radian", "radians")}


def read_entry(entry: Entry) -> tuple[Jet, list[LeftOut]]:
    """A jet, and its box if its numbers give none.

    The box is laid anew from centre, sides and angle: in the files that were seen, the five
    corners are all the first, and the boxes ± sigma have the main box's centre and sides. The
    angle is that of the plot, clockwise on the screen.

    Args:
        entry: Of the list; without an id it is named after its start.

    Raises:
        ValueError: if a key is missing, of another type or in another unit.
    """
    start, end = entry.time("start_time"), entry.time("end_time")
    if end < start:
        entry.fail("end_time", f"expected {start:%FT%T} or later, got {end:%FT%T}")
    key = next((key for key in ("id", "jet_id") if key in entry.values), None)
    name = entry.name(key) if key else f"jet_{start:%Y-%m-%dT%H%M%S}"
    base, box = entry.point("base_location"), entry.part("box")
    for unit, allowed in UNITS.items():
        if unit in box.values and box.text(unit) not in allowed:
            box.fail(unit, f"expected {allowed[0]!r}, got {box.text(unit)!r}")
    sigma = entry.optional_number("box_sigma")
    try:
        corners = _corners(box, base)
        subjects, left_out = [Subject(None, start, end, corners, base, sigma)], []
    except NoBoxError as error:
        corners = np.full((4, 2), np.nan)
        subjects, left_out = [], [LeftOut(name, str(error))]
    edges = np.linalg.norm(corners[1:3] - corners[:2], axis=1)
    jet = Jet(
        id=name,
        sol=entry.text("hek_event"),
        start=start,
        end=end,
        exact_ends=True,
        base=base,
        length=float(edges[1]),
        width=float(edges[0]),
        velocity=np.nan,
        sigma=sigma,
        flag="",
        subjects=tuple(subjects),
    )
    return jet, left_out


def _corners(box: Entry, base: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64 [4, 2], arcsec, the base first.

    Raises:
        NoBoxError: if the numbers give no box.
    """
    centre, angle = box.point("center"), box.number("angle")
    width, height = box.number("width"), box.number("height")
    numbers = np.array([*base, *centre, width, height, angle])
    # NaN fails every comparison.
    if not (np.abs(numbers).max() <= FARTHEST and width > 0 and height > 0):
        raise NoBoxError(f"its box measures {width:g}x{height:g} arcsec about {centre.tolist()}")
    return base_first(rectangle(width, height, angle) * NORTH_UP + centre, base)
