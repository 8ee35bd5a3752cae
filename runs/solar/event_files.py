"""Events on disk: a table, JSON and one VOEvent packet each."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection
from dataclasses import fields
from pathlib import Path

from evaluation.results_json import write_json
from runs.solar.event import SolarEvent
from runs.solar.voevent import hek_record, voevent
from structures.atomic_file import write_atomically

COLUMNS = tuple(field.name for field in fields(SolarEvent))


def write_events(
    folder: Path, events: Collection[SolarEvent], changed: Collection[str], detector: str
) -> None:
    """Write events.csv, events.json and voevents/<id>.xml, each at once or not at all.

    Written again and again as events go on; what is there says of each event all that is known.

    Args:
        folder: Made if need be.
        events: All of them.
        changed: Ids of those whose VOEvent is to be written.
        detector: What found them.
    """
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(event.as_json() for event in events)
    for event in events:
        if event.id in changed:
            # Class names are anybody's: none may lead out of the folder.
            name = re.sub(r"[^\w.-]", "_", event.id)
            write_atomically(folder / "voevents" / f"{name}.xml", voevent(event, detector))
    rows = [event.as_json() | {"hek": hek_record(event, detector)} for event in events]
    write_json(folder / "events.json", {"detector": detector, "events": rows})
    write_atomically(folder / "events.csv", table.getvalue().encode())
