"""A folder of results has one process that writes there."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from runs.folder_lock import sole_process


def fork_with_lock(folder: Path) -> tuple[int, int]:
    """A process that has the folder, and one forked from it, as a loader's worker is."""
    ready, write = os.pipe()
    holder = os.fork()
    if holder == 0:
        with sole_process(folder):
            worker = os.fork()
            if worker:
                os.write(write, f"{worker}\n".encode())
            time.sleep(60)
            os._exit(1)
    os.close(write)
    with os.fdopen(ready) as stream:
        return holder, int(stream.readline())


def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    run = tmp_path / "run"
    holder, worker = fork_with_lock(run)
    try:
        message = rf"{re.escape(str(run))}: process {holder} on \S+ is writing there; wait for"
        with pytest.raises(ValueError, match=message), sole_process(run):
            pass
    finally:
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)
    try:
        with sole_process(run):  # although what was forked still lives
            os.kill(worker, 0)
    finally:
        os.kill(worker, signal.SIGKILL)


@pytest.mark.parametrize(
    ("job", "restarts", "let_in"), [("7", 1, True), ("7", 0, False), ("8", 1, False)]
)
def test_a_requeued_job_goes_on_though_a_lost_machine_seems_to_hold_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: str, restarts: int, let_in: bool
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with sole_process(tmp_path):
        monkeypatch.setenv("SLURM_JOB_ID", job)
        monkeypatch.setenv("SLURM_RESTART_COUNT", str(restarts))
        if let_in:
            with sole_process(tmp_path):
                return
        with pytest.raises(ValueError, match=r", job 7 is writing"), sole_process(tmp_path):
            pass


def test_a_file_system_without_locks_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def flock(*_: Any) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", flock)
    with sole_process(tmp_path):
        assert "no locks on this file system" in caplog.text
