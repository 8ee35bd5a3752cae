"""The catalogue as a table: times and base points of events, without any box."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np

from prepare.jet_catalogue.catalogue import Catalogue, checked
from prepare.jet_catalogue.entry import Entry
from prepare.jet_catalogue.jet import Jet
from prepare.jet_catalogue.subject_entries import checked_flag

# By position: the names in the header differ between exports.
COLUMNS = (
    *("id", "date", "SOL", "duration", "basepoint_X", "std_X", "basepoint_Y", "std_Y"),
    *("longitude", "latitude", "max_height", "upper_H", "lower_H", "avg_width", "std_width"),
    *("velocity", "sigma", "flag"),
)
NUMBERS = frozenset(COLUMNS) - {"id", "date", "SOL", "flag"}


def read_table(path: Path, text: str) -> Catalogue:
    """Read the CSV form.

    Args:
        path: The file, named in messages.
        text: Its content; the first line begins with `#`.

    Raises:
        ValueError: if a line has another number of columns, or a value is not as it should be.
    """
    jets = []
    for line, row in enumerate(csv.reader(text.splitlines(), skipinitialspace=True), start=1):
        if row and not row[0].startswith("#"):
            jets.append(_jet(f"{path}, line {line}", row))
    return checked(path, jets, [])


def _jet(where: str, row: Sequence[str]) -> Jet:
    if len(row) != len(COLUMNS):
        raise ValueError(
            f"{where}: expected the {len(COLUMNS)} columns {', '.join(COLUMNS)}, got {len(row)}; "
            "take the line out, or fetch the catalogue again"
        )
    texts = dict(zip(COLUMNS, (value.strip() for value in row), strict=True))
    entry = Entry({**texts, **{key: _number(texts[key]) for key in NUMBERS}}, where)
    start, minutes = entry.time("date"), entry.number("duration")
    if not 0 < minutes < 24 * 60:
        entry.fail("duration", f"expected minutes, more than 0 and less than a day, got {minutes}")
    return Jet(
        id=entry.name("id"),
        sol=entry.text("SOL"),
        start=start,
        end=start + timedelta(minutes=minutes),
        exact_ends=False,
        base=np.array([entry.number("basepoint_X"), entry.number("basepoint_Y")]),
        length=entry.number("max_height"),
        width=entry.number("avg_width"),
        velocity=entry.number("velocity"),
        sigma=entry.number("sigma"),
        flag=checked_flag(entry),
        subjects=(),
    )


def _number(text: str) -> float | str:
    """The number, or the text as it is, which `Entry.number` then refuses by name."""
    try:
        return float(text)
    except ValueError:
        return text
