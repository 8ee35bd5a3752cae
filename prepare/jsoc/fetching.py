"""Brings the frames of many requests, one after the other over one connection."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NoReturn

from prepare.jsoc.backoff import Backoff, Patience
from prepare.jsoc.cutout_request import CutoutRequest
from prepare.jsoc.download import DownloadError, download
from prepare.jsoc.faults import LostError, RefusedError, StoppedError, UnreachableError
from prepare.jsoc.manifest import Manifest, Row
from prepare.jsoc.server import (
    DONE,
    EXPIRED,
    LOCKED_OUT,
    PENDING,
    TOO_LARGE,
    UNKNOWN,
    Export,
    JsocServer,
    RemoteFile,
)

LOG = logging.getLogger(__name__)
LIFETIME = timedelta(days=7)  # of an export's files
GONE = ("http_404", "http_410")
UNKNOWN_POLLS = 10  # a new request takes a moment until JSOC finds it
IN_A_ROW = 5  # failures of JSOC after which this stops

NETWORK = Backoff(first=30, ceiling=1800, attempts=7)
BAD_FILE = Backoff(first=30, ceiling=1800, attempts=3)
NEW_REQUEST = Backoff(first=30, ceiling=1800, attempts=3)
LOCK_OUT = Backoff(first=60, ceiling=1800, attempts=12)
POLL = Backoff(first=10, ceiling=120, attempts=200, factor=1.5)  # six hours

# JSOC lets a user have one pending request: those that are there come first. What failed before
# comes last, lest it keep the rest from being fetched.
_ORDER = ("pending", "planned", "done", "incomplete", "failed")


class Fetching:
    """Goes through requests; everything it reaches is in the manifest.

    Args:
        server: JSOC.
        manifest: Of the folder to fill.
        patience: How to wait.
    """

    def __init__(self, server: JsocServer, manifest: Manifest, patience: Patience) -> None:
        self._server = server
        self._manifest = manifest
        self._patience = patience
        self._refused = 0  # requests in a row
        self._bad = 0  # files in a row

    def run(self, requests: Sequence[CutoutRequest]) -> None:
        """Fetch what is not there yet.

        Args:
            requests: With rows in the manifest, which tell how each ended.

        Raises:
            UnreachableError: if JSOC does not answer for half an hour.
            StoppedError: if JSOC refuses one request after the other, or keeps the user locked out.
            DiskError: if there is no room.
        """
        rows = zip(requests, self._manifest.plan(requests), strict=True)
        waiting = [(request, row) for request, row in rows if not self._manifest.is_finished(row)]
        waiting.sort(key=lambda pair: _ORDER.index(pair[1].state))
        self._manifest.save()
        for number, (request, row) in enumerate(waiting, start=1):
            self._bring(request, row)
            LOG.info(
                "%d/%d %s: %s, %d files, %.1f MB%s",
                number,
                len(waiting),
                row.jet,
                row.state,
                len(row.files),
                sum(stored.bytes for stored in row.files.values()) / 1e6,
                f" ({row.reason})" if row.reason else "",
            )

    def _bring(self, request: CutoutRequest, row: Row) -> None:
        for pause in self._patience.pauses(NEW_REQUEST):
            try:
                if row.request_id is None:
                    self._submit(request, row)
                self._download(request, row, self._finished_export(row))
                return
            except (RefusedError, LostError) as fault:
                useless = isinstance(fault, RefusedError) and not fault.again
                again_in = None if useless else pause
                row.lose("failed" if again_in is None else "planned", str(fault))
                self._manifest.save()
                self._count_refused(fault)
                if again_in is None:
                    return
                self._patience.wait(again_in, f"{row.jet}: {fault}")

    def _count_refused(self, fault: RefusedError | LostError) -> None:
        self._refused += isinstance(fault, RefusedError)
        if self._refused >= IN_A_ROW:
            raise StoppedError(
                f"JSOC refused {IN_A_ROW} requests in a row, the last because: {fault}. See "
                "whether JSOC is in order, then run this again"
            )

    def _submit(self, request: CutoutRequest, row: Row) -> None:
        for pause in self._patience.pauses(LOCK_OUT):
            export = self._patience.retry(
                lambda: self._server.submit(request), NETWORK, UnreachableError
            )
            if export.status != LOCKED_OUT:
                break
            if pause is None:
                raise StoppedError(
                    f"{export.message}: JSOC takes no new request of this address while another "
                    "is pending; wait until it is done, or for a day, and run this again"
                )
            self._patience.wait(pause, export.message)
        if export.status not in (DONE, *PENDING) or export.id is None:
            raise RefusedError(
                export.message or f"no id [status={export.status}]", export.status != TOO_LARGE
            )
        row.state, row.reason = "pending", ""
        row.request_id, row.submitted = export.id, self._now().isoformat()
        self._manifest.save()
        self._patience.wait(POLL.first, f"{row.jet}: JSOC has it as {export.id}")

    def _finished_export(self, row: Row) -> Export:
        if row.request_id is None or row.submitted is None:
            raise LostError("no request at JSOC")
        if self._now() - datetime.fromisoformat(row.submitted) > LIFETIME:
            raise LostError(f"{row.request_id} is more than {LIFETIME.days} days old")
        number, unknown = row.request_id, 0
        for pause in self._patience.pauses(POLL):
            export = self._patience.retry(
                lambda: self._server.state_of(number), NETWORK, UnreachableError
            )
            if export.status == DONE:
                return export
            unknown = unknown + 1 if export.status == UNKNOWN else 0
            if export.status == EXPIRED or unknown > UNKNOWN_POLLS:
                raise LostError(export.message or f"JSOC does not know {number}")
            if export.status not in PENDING:
                raise RefusedError(export.message, export.status != TOO_LARGE)
            if pause is None:
                break
            self._patience.wait(pause, f"{row.jet}: {number} is pending")
        raise StoppedError(f"{row.jet}: {number} is still pending; run this again later")

    def _download(self, request: CutoutRequest, row: Row, export: Export) -> None:
        self._refused = 0
        if not export.files:
            raise RefusedError("JSOC has no frames of this time", again=False)
        row.missing = {}
        try:
            for remote in export.files:
                if not self._manifest.is_there(row, remote.name):
                    self._download_one(request, row, remote)
            row.state = "incomplete" if row.missing else "done"
            row.reason = ", ".join(sorted(set(row.missing.values())))
        finally:
            self._manifest.save()

    def _download_one(self, request: CutoutRequest, row: Row, remote: RemoteFile) -> None:
        folder = self._manifest.folder / row.jet
        try:
            row.files[remote.name] = self._patience.retry(
                lambda: self._patience.retry(
                    lambda: download(remote, request, folder), NETWORK, UnreachableError
                ),
                BAD_FILE,
                DownloadError,
            )
            self._bad = 0
        except DownloadError as fault:
            row.missing[remote.name] = fault.reason
            row.files.pop(remote.name, None)
            self._bad += 1
            if self._bad >= IN_A_ROW:
                self._give_up(row, fault)

    def _give_up(self, row: Row, fault: DownloadError) -> NoReturn:
        self._bad = 0
        if fault.reason in GONE:
            raise LostError(f"JSOC no longer has the files of {row.request_id}") from fault
        row.state, row.reason = "incomplete", fault.reason
        raise StoppedError(
            f"{IN_A_ROW} files in a row did not arrive, the last: {fault}. JSOC may have closed "
            "its doors to this machine: run this again some hours later"
        ) from fault

    def _now(self) -> datetime:
        return self._patience.clock.now()
