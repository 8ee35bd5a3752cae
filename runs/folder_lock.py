"""One process at a time writes to a folder of results."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)

LOCK = ".lock"
# Said by file systems of clusters that were mounted without locks.
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


@contextmanager
def sole_process(folder: Path) -> Iterator[None]:
    """Keep other processes that ask likewise out of a folder; a lock ends with its process.

    Where the file system has no locks there is a warning instead. A job that SLURM starts again is
    let in although its former start seems to hold the folder: SLURM has ended that one, but a file
    server may take the locks of a lost machine for held.

    Args:
        folder: made if need be.

    Raises:
        ValueError: if another process has the folder; says which.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a+", encoding="utf-8") as file:
        # A fork shares the lock, and loaders outlive a killed training by seconds.
        os.register_at_fork(after_in_child=file.close)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "another process"
            if not _is_former_start(holder):
                raise ValueError(
                    f"{folder}: {holder} is writing there; wait for its end or stop it, or give "
                    "hydra.run.dir= another folder"
                ) from error
            log.warning("%s: the lock of %s was never given back", folder, holder)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            log.warning(
                "%s: no locks on this file system (%s), so nothing stops a second process from "
                "writing there", folder, error.strerror,
            )  # fmt: skip
        else:
            file.truncate(0)
            file.write(_this_process())
            file.flush()
        yield


def _this_process() -> str:
    job = os.environ.get("SLURM_JOB_ID")
    return f"process {os.getpid()} on {socket.gethostname()}" + (f", job {job}" if job else "")


def _is_former_start(holder: str) -> bool:
    """Whether a job of SLURM finds its own earlier start."""
    restarted = int(os.environ.get("SLURM_RESTART_COUNT", "0")) > 0
    return restarted and holder.endswith(f", job {os.environ.get('SLURM_JOB_ID')}")
