"""One file from JSOC to disk, whole and checked, or not at all."""

from __future__ import annotations

import errno
import hashlib
import shutil
from http.client import HTTPException, IncompleteRead
from io import FileIO
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from prepare.jsoc.cutout_request import CutoutRequest
from prepare.jsoc.faults import DiskError, UnreachableError
from prepare.jsoc.manifest import StoredFile
from prepare.jsoc.server import RemoteFile
from solar.aia_frame import read_aia
from solar.frame_error import FrameError

TIMEOUT = 60.0  # seconds without a byte
CHUNK = 1 << 20
RESERVE = 64 << 20  # bytes left free, for the manifest and for others
# Faults of the way here, which another attempt may mend; others are in JSOC's file itself.
OF_THE_WAY = ("empty", "html", "not_fits", "truncated", "corrupt", "no_image")
OTHER_PIXELS = 0.01  # sides differ by so much at most, and by two pixels


class DownloadError(ValueError):
    """What came is not the file.

    Args:
        reason: Short name, to count by.
        message: What is wrong.

    Attributes:
        reason: As given.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def download(remote: RemoteFile, request: CutoutRequest, folder: Path) -> StoredFile:
    """Fetch a frame, or take the one that lies there already.

    Args:
        remote: What to fetch.
        request: What it was asked for with.
        folder: Where to put it; made when missing.

    Returns:
        What is now on disk under the file's name.

    Raises:
        DownloadError: if what came is empty, truncated, a page, damaged or not cut out, or nothing
            came because JSOC has it no longer ('http_404') or gives it to nobody.
        UnreachableError: if there is no answer, or it stopped early.
        DiskError: if there is no room.
    """
    path = folder / remote.name
    if path.is_file():
        try:
            return inspect(path, request)
        except DownloadError:
            pass  # of a copy, or damaged since: fetched anew
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        _fetch(remote, part)
        stored = inspect(part, request)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return stored


def inspect(path: Path, request: CutoutRequest) -> StoredFile:
    """Look at a file on disk.

    Args:
        path: The file.
        request: What it was asked for with.

    Returns:
        Its size, its sum, and what keeps it from being used although it arrived well.

    Raises:
        DownloadError: if it did not arrive well.
    """
    fault = ""
    try:
        frame = read_aia(path, (request.wavelength,))
    except FrameError as error:
        if error.reason in OF_THE_WAY:
            raise DownloadError(error.reason, str(error)) from error
        fault = error.reason
    else:
        height, width = frame.rate.shape
        for got, expected in zip((width, height), request.size, strict=True):
            if abs(got - expected) > 2 + OTHER_PIXELS * expected:
                raise DownloadError(
                    "field",
                    f"{path}: expected about {request.size[0]} x {request.size[1]} pixels, got "
                    f"{width} x {height}: JSOC did not cut it out as asked",
                )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return StoredFile(path.stat().st_size, digest, fault)


def _fetch(remote: RemoteFile, part: Path) -> None:
    try:
        with urlopen(Request(remote.url), timeout=TIMEOUT) as response:
            length = response.headers.get("Content-Length")
            received = _copy(response, part)
    except DiskError:
        raise
    except HTTPError as error:
        raise DownloadError(f"http_{error.code}", f"{remote.url}: {error}") from error
    except IncompleteRead as error:  # from Python versions that look at the length themselves
        raise DownloadError("truncated", f"{remote.url}: {error}") from error
    except (OSError, HTTPException) as error:
        raise UnreachableError(f"{remote.url}: {error or type(error).__name__}") from error
    if length is not None and length.isdecimal() and received < int(length):
        raise DownloadError("truncated", f"{remote.url}: {received} of {length} bytes came")


def _copy(response: IO[bytes], part: Path) -> int:
    """Number of bytes written."""
    received = 0
    with _writing(part) as file:
        while chunk := response.read(CHUNK):
            require_room(part.parent, len(chunk))
            _write(file, chunk, part)
            received += len(chunk)
    return received


def _write(file: FileIO, chunk: bytes, part: Path) -> None:
    rest = memoryview(chunk)
    try:
        while rest:  # a disk that is nearly full takes some of it without an error
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise _of_disk(error, part) from error


def _writing(part: Path) -> FileIO:
    try:
        # Unbuffered: closing must not be what finds the disk full.
        return part.open("wb", buffering=0)
    except OSError as error:
        raise _of_disk(error, part) from error


def _of_disk(error: OSError, path: Path) -> OSError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskError(f"{path}: the disk is full; make room and run this again: nothing is lost")
    return DiskError(f"{path}: cannot be written ({error}); mend that and run this again")


def require_room(folder: Path, size: int) -> None:
    """See that files of so many bytes fit beside a reserve.

    Args:
        folder: On the disk in question.
        size: In bytes.

    Raises:
        DiskError: if they do not.
    """
    free = free_bytes(folder)
    if free < size + RESERVE:
        raise DiskError(
            f"{folder}: {size / 1e9:.3g} GB more are needed and {free / 1e9:.3g} GB are free; make "
            "room and run this again: nothing is lost"
        )


def free_bytes(folder: Path) -> int:
    """Free space on the disk that a folder is on, or will be on when it is made."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free
