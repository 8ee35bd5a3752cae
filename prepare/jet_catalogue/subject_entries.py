"""Catalogue entries with a list of subjects: the JSON of Musset et al. 2024 (A&A 688, A127)."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from prepare.jet_catalogue.catalogue import LeftOut
from prepare.jet_catalogue.entry import Entry
from prepare.jet_catalogue.jet import SUBJECT, Jet, Subject
from prepare.jet_catalogue.subject_box import Landmarks, NoBoxError, PlotBox, subject_corners

KEYS = frozenset({"obs_time", "jets"})  # tell entries of this form
FLAG = re.compile("[01]{3}|")
_UNKNOWN = np.array([np.nan, np.nan])


def read_entry(entry: Entry) -> tuple[Jet, list[LeftOut]]:
    """A jet, and those of its subjects whose numbers give no box.

    Not used: `solar_cluster_values`, whose corner, sides and angle follow three conventions, and
    what is averaged over subjects, angles among it.

    Args:
        entry: Of the list.

    Raises:
        ValueError: if a key is missing or of another type, or two subjects begin at once.
    """
    name = entry.name("id")
    parts = sorted(entry.parts("jets"), key=lambda part: part.time("time"))
    times = [part.time("time") for part in parts]
    if len(set(times)) < len(times):
        entry.fail("jets", "two subjects begin at the same time")
    subjects, left_out = [], []
    for part in parts:
        try:
            subjects.append(read_subject(part))
        except NoBoxError as error:
            left_out.append(LeftOut(name, f"subject {part.get('subject')}: {error}"))
    jet = Jet(
        id=name,
        sol=entry.text("SOL"),
        start=times[0],
        end=times[-1] + SUBJECT,
        exact_ends=False,
        base=np.array([entry.part(key).number("mean") for key in ("Bx", "By")]),
        length=entry.part("max_height").number("mean"),
        width=entry.part("width").number("mean"),
        velocity=entry.optional_number("velocity"),
        sigma=entry.optional_number("sigma"),
        flag=checked_flag(entry),
        subjects=tuple(subjects),
    )
    return jet, left_out


def checked_flag(entry: Entry) -> str:
    """Three characters 0 or 1, with the leading zeros that a table program may have cut.

    Args:
        entry: With the key `flag`, or without: the flag is empty then.

    Raises:
        ValueError: if it is anything else.
    """
    value = str(entry.values.get("flag", "")).strip()
    flag = value.rjust(3, "0") if value else ""
    if not FLAG.fullmatch(flag):
        entry.fail("flag", f"expected three characters 0 or 1, got {value!r}")
    return flag


def read_subject(part: Entry) -> Subject:
    """A subject with its corners.

    Args:
        part: Of the list `jets` of an entry.

    Raises:
        NoBoxError: if its numbers give none.
        ValueError: if a key is missing or of another type.
    """
    number, start = part.number("subject"), part.time("time")
    if not number.is_integer():
        part.fail("subject", f"expected a whole number, got {number}")
    box = part.part("cluster_values")
    landmarks = Landmarks(
        part.point("start"), _point(part, "end"),
        part.point("solar_start"), _point(part, "solar_end"),
    )  # fmt: skip
    plot_box = PlotBox(*(box.number(key) for key in "xywha"))
    corners = subject_corners(plot_box, landmarks, part.number("solar_H"), part.number("solar_W"))
    return Subject(
        number=int(number),
        start=start,
        end=start + SUBJECT,
        corners=corners,
        base=landmarks.solar_start,
        sigma=part.optional_number("sigma"),
    )


def _point(part: Entry, key: str) -> NDArray[np.float64]:
    """A point; NaN where the key is missing or null."""
    return _UNKNOWN if part.values.get(key) is None else part.point(key)
