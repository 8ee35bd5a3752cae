"""What has been asked for and fetched, so that a run that stops is gone on with."""

from __future__ import annotations

import errno
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

from prepare.inputs import read_text
from prepare.jsoc.cutout_request import CutoutRequest
from prepare.jsoc.faults import DiskError
from structures.atomic_file import write_atomically

NAME = "manifest.json"
VERSION = 1
State = Literal["planned", "pending", "done", "incomplete", "failed"]


@dataclass(frozen=True)
class StoredFile:
    """A fetched file.

    Attributes:
        bytes: Its size.
        sha256: Of its content.
        fault: Why it gives no frame although it is as JSOC has it, e.g. 'quality'; else empty.
    """

    bytes: int
    sha256: str
    fault: str = ""


@dataclass
class Row:
    """One request.

    Attributes:
        jet: Its id.
        record_set: As asked for.
        im_patch: As asked for.
        state: 'planned': not asked for, or to be asked for again; 'pending': JSOC has it;
            'incomplete': some files could not be fetched.
        request_id: At JSOC, as long as that is worth asking for.
        submitted: When, ISO 8601, UTC.
        reason: Of the last failure.
        files: By name.
        missing: Why files were given up, by name.
    """

    jet: str
    record_set: str
    im_patch: dict[str, Any]
    state: State = "planned"
    request_id: str | None = None
    submitted: str | None = None
    reason: str = ""
    files: dict[str, StoredFile] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def lose(self, state: State, reason: str) -> None:
        """Forget the request at JSOC; files that are there stay."""
        self.state, self.reason = state, reason
        self.request_id = self.submitted = None


class Manifest:
    """The rows of a folder of frames, kept in `manifest.json`.

    Args:
        folder: Of the frames; a new one is made by the first `save`.

    Raises:
        ValueError: if its manifest is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / NAME
        self.rows = {row.jet: row for row in _read(self.path)} if self.path.exists() else {}

    def plan(self, requests: Sequence[CutoutRequest]) -> list[Row]:
        """The rows of these requests, new ones where there are none.

        Raises:
            ValueError: if the folder holds frames of other requests for the same jet.
        """
        for request in requests:
            row = self.rows.setdefault(
                request.jet, Row(request.jet, request.record_set, dict(request.im_patch))
            )
            if (row.record_set, row.im_patch) != (request.record_set, dict(request.im_patch)):
                raise ValueError(
                    f"{self.path}: {request.jet} was asked for as {row.record_set}, now it would "
                    f"be {request.record_set}, or another field; give the same catalogue, cadence, "
                    "wavelength and margin as before, or another --out"
                )
        return [self.rows[request.jet] for request in requests]

    def is_there(self, row: Row, name: str) -> bool:
        """Whether a file of a row was fetched and still lies where it should."""
        path = self.folder / row.jet / name
        stored = row.files.get(name)
        return stored is not None and path.is_file() and path.stat().st_size == stored.bytes

    def is_finished(self, row: Row) -> bool:
        """Whether all that was asked for is on disk."""
        return row.state == "done" and all(self.is_there(row, name) for name in row.files)

    def save(self) -> None:
        """Write the file whole or not at all.

        Raises:
            DiskError: if there is no room; the manifest before stays.
        """
        rows = [asdict(row) for row in self.rows.values()]
        text = json.dumps({"version": VERSION, "requests": rows}, indent=1, allow_nan=False)
        try:
            write_atomically(self.path, text.encode())
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise DiskError(
                f"{self.path}: the disk is full; make room and run this again"
            ) from error


def _read(path: Path) -> list[Row]:
    try:
        document = json.loads(read_text(path))
        if document["version"] != VERSION:
            raise ValueError(f"version {document['version']!r}, expected {VERSION}")
        return [_row(**values) for values in document["requests"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"{path}: damaged, or not written by solar_fetch ({error}); move it away: frames that "
            "lie beside it are checked and kept, not fetched again"
        ) from error


def _row(files: dict[str, Any], **values: Any) -> Row:
    row = Row(**values, files={name: StoredFile(**stored) for name, stored in files.items()})
    for name in ("jet", "record_set", "reason"):
        _expect(name, getattr(row, name), str)
    for name in ("request_id", "submitted"):
        _expect(name, getattr(row, name), str, type(None))
    _expect("im_patch", row.im_patch, dict)
    _expect("missing", row.missing, dict)
    if row.state not in get_args(State):
        raise ValueError(f"{row.jet}: state {row.state!r}")
    if row.state == "pending" and row.request_id is None:
        raise ValueError(f"{row.jet}: pending without a request_id")
    if row.request_id is not None and datetime.fromisoformat(row.submitted or "").tzinfo is None:
        raise ValueError(f"{row.jet}: submitted {row.submitted!r} without its zone")
    for name, stored in row.files.items():
        if Path(name).name != name:
            raise ValueError(f"{row.jet}: {name!r} is no file name")
        _expect("bytes", stored.bytes, int)
    return row


def _expect(name: str, value: object, *types: type) -> None:
    if not isinstance(value, types):
        raise ValueError(f"{name} is {value!r}")
