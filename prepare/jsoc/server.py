"""JSOC as the fetching sees it: an address checked, exports asked for, their state told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from prepare.jsoc.cutout_request import SERIES, CutoutRequest
from prepare.jsoc.faults import RefusedError, UnreachableError

if TYPE_CHECKING:
    from drms import Client, ExportRequest

REGISTRATION = "http://jsoc.stanford.edu/ajax/register_email.html"
# Answers of JSOC. Its sources (jsoc_fetch.c) name 0 to 6; 7 comes with a pending export.
DONE, PROCESSING, QUEUED, TOO_LARGE, FAILED, EXPIRED, UNKNOWN, LOCKED_OUT = range(8)
PENDING = (PROCESSING, QUEUED, UNKNOWN)
FILE_NAMES = f"{SERIES}.{{T_REC:A}}.{{WAVELNTH}}.{{segment}}"
_SAFE_NAME = re.compile(r"\w[\w.+-]*\.fits(\.gz)?", re.ASCII)


class RemoteFile(NamedTuple):
    """A file that waits to be fetched.

    Attributes:
        name: Of the file, without folders.
        url: Where it is.
    """

    name: str
    url: str


class Export(NamedTuple):
    """What JSOC tells of an export.

    Attributes:
        status: One of the names above.
        id: To ask for it later; none where it was not accepted.
        message: Of an export that failed.
        files: Of one that is done.
    """

    status: int
    id: str | None
    message: str
    files: tuple[RemoteFile, ...]


def open_client() -> Client:
    """A connection to JSOC, which is used for the first time later.

    Raises:
        ImportError: if drms is not installed.
    """
    try:
        from drms import Client
    except ImportError as error:
        raise ImportError(
            "fetching from JSOC needs drms, which is not installed; pip install "
            "'detector-zoo[solar]', or give solar_catalogue frames that you have"
        ) from error
    return Client()


class JsocServer:
    """Exports of one user.

    Args:
        client: From `open_client`.
        address: The user's, registered at JSOC.
    """

    def __init__(self, client: Client, address: str) -> None:
        self._client = client
        self._address = address

    def check_address(self) -> None:
        """See whether JSOC knows the user's address.

        Raises:
            ValueError: if it does not; the message says where to register.
            UnreachableError: if there is no answer.
        """
        with _answering("the check of the address"):
            known = self._client.check_email(self._address)
        if not known:
            raise ValueError(
                f"--email {self._address}: JSOC does not know this address; register it once at "
                f"{REGISTRATION}, answer the letter that JSOC sends, and run this again"
            )

    def submit(self, request: CutoutRequest) -> Export:
        """Ask for an export. JSOC answers the same request of one day with the same id.

        Raises:
            UnreachableError: if there is no answer.
        """
        with _answering(f"the request for {request.jet}"):
            return _export(
                self._client.export(
                    request.record_set,
                    email=self._address,
                    method="url",
                    protocol="fits",
                    filenamefmt=FILE_NAMES,
                    process={"im_patch": dict(request.im_patch)},
                )
            )

    def state_of(self, request_id: str) -> Export:
        """How an export is getting on.

        Raises:
            UnreachableError: if there is no answer.
            RefusedError: if it names files that must not be written.
        """
        with _answering(f"the state of {request_id}"):
            return _export(self._client.export_from_id(request_id))


@contextmanager
def _answering(question: str) -> Iterator[None]:
    try:
        yield
    except RefusedError:
        raise
    except json.JSONDecodeError as error:
        raise UnreachableError(f"JSOC answered {question} with a page in place of data") from error
    except (OSError, HTTPException) as error:
        raise UnreachableError(
            f"JSOC did not answer {question} ({error}); is there a network?"
        ) from error
    # drms takes answers to be what they should be.
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnreachableError(
            f"JSOC answered {question} with unexpected data ({error})"
        ) from error


def _export(export: ExportRequest) -> Export:
    from drms.exceptions import DrmsExportError

    files: tuple[RemoteFile, ...] = ()
    message = ""
    if export.status not in PENDING:
        try:
            table = export.urls
        except DrmsExportError as error:
            message = str(error)
        else:
            files = tuple(map(_file, table.filename, table.url))
    return Export(export.status, export.id, message, files)


def _file(name: str, url: str) -> RemoteFile:
    if not _SAFE_NAME.fullmatch(name) or urlsplit(url).scheme not in ("http", "https"):
        raise RefusedError(f"JSOC names a file {name!r} at {url!r}, which is no frame", again=False)
    return RemoteFile(name, url)
