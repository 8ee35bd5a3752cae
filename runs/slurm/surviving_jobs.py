"""Jobs of SLURM that outlived the process which had submitted them."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

from runs.slurm.queue import job_states

log = logging.getLogger(__name__)

_ANSWER_S, _ASK_EVERY_S = 120.0, 3.0


def wait_for_survivors(folders: Sequence[Path]) -> None:
    """Wait until no job writes to one of these run folders any more.

    Args:
        folders: of runs; those that were no jobs of SLURM are passed over.

    Raises:
        ValueError: if SLURM does not say whether they run, for a second process in a run folder
            would ruin it.
    """
    jobs = [job for job in map(_job_of, folders) if job]
    told, deadline = False, time.monotonic() + _ANSWER_S
    while jobs:
        states = job_states(jobs)
        if not states and time.monotonic() > deadline:
            raise ValueError(
                f"SLURM does not answer, and its jobs {' '.join(jobs)} of this sweep may still "
                "run; try again where squeue works"
            )
        if states:
            deadline = time.monotonic() + _ANSWER_S
        jobs = [job for job in jobs if not states or not states[job].ended]
        if jobs and states and not told:
            log.info("Waiting for jobs that outlived the sweep: %s", " ".join(jobs))
            told = True
        if jobs:
            time.sleep(_ASK_EVERY_S)


def _job_of(folder: Path) -> str | None:
    """By the log that the launcher links to: `.submitit/<job>/<job>_0_log.out`."""
    link = folder / "slurm.out"
    return link.readlink().parent.name if link.is_symlink() else None
