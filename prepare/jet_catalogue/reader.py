"""Reads a catalogue of any form that is known, told by its keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prepare.inputs import read_text
from prepare.jet_catalogue import box_entries, subject_entries
from prepare.jet_catalogue.catalogue import Catalogue, LeftOut, checked
from prepare.jet_catalogue.entry import Entry
from prepare.jet_catalogue.jet import Jet
from prepare.jet_catalogue.table_rows import read_table

FORMS: tuple[tuple[frozenset[str], Callable[[Entry], tuple[Jet, list[LeftOut]]]], ...] = (
    (subject_entries.KEYS, subject_entries.read_entry),
    (box_entries.KEYS, box_entries.read_entry),
)
SHOWN = 5  # faults in one message


def read_catalogue(path: Path) -> Catalogue:
    """Read a catalogue of coronal jets.

    Args:
        path: JSON of Solar Jet Hunter, in the published or the later form, or its CSV, which has
            no boxes.

    Returns:
        Jets with the corners of their boxes in arcsec, and the boxes that could not be rebuilt.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is of no known form, or entries of it are faulty; the message names file,
            entry, key, what was expected and the mend.
    """
    path = Path(path)
    text = read_text(path)
    if text.lstrip().startswith("#"):
        return read_table(path, text)
    jets, left_out, faults = [], [], []
    for number, values in enumerate(_entries(path, text), start=1):
        try:
            jet, without_box = _read_entry(path, number, values)
        except ValueError as error:
            faults.append(str(error))
        else:
            jets.append(jet)
            left_out += without_box
    if faults:
        more = f"\n… and {len(faults) - SHOWN} more entries" if len(faults) > SHOWN else ""
        raise ValueError("\n".join(faults[:SHOWN]) + more)
    return checked(path, jets, left_out)


def _entries(path: Path, text: str) -> list[Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path}: neither a CSV whose header begins with '#' nor JSON ({error}); fetch the "
            "catalogue again"
        ) from error
    if not isinstance(document, list):
        raise ValueError(
            f"{path}: expected a list of jets, got {type(document).__name__}; is it the catalogue?"
        )
    return document


def _read_entry(path: Path, number: int, values: Any) -> tuple[Jet, list[LeftOut]]:
    where = f"{path}, entry {number}"
    if not isinstance(values, dict):
        raise ValueError(f"{where}: expected an object, got {type(values).__name__}")
    name = values.get("id", values.get("jet_id"))
    if isinstance(name, str):
        where += f" ({name[:80]})"
    for keys, read_entry in FORMS:
        if keys <= values.keys():
            return read_entry(Entry(values, where))
    known = " or ".join(f"{', '.join(sorted(keys))}" for keys, _ in FORMS)
    raise ValueError(
        f"{where}: of no known form: expected the keys {known}, "
        f"got {', '.join(map(str, values)) or 'none'}; is it the catalogue of jets?"
    )
