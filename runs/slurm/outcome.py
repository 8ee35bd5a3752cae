"""Waiting for submitted jobs, and what each of them left."""

from __future__ import annotations

import logging
import os
import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.utils import JobReturn, JobStatus, filter_overrides
from hydra.errors import HydraException

from runs.slurm.queue import GONE, JobState, job_states
from runs.sweep.jobs import SweepJob

log = logging.getLogger(__name__)

_SLOW_DISK = 15.0  # seconds in which a file that a node wrote is seen here


class JobFailed(HydraException):
    """A job of a sweep failed; the message says why."""


class Submitted(NamedTuple):
    """A job that SLURM has taken.

    Attributes:
        number: within the sweep.
        overrides: its own part of the command line.
        folder: of its run.
        job: submitit's handle.
    """

    number: int
    overrides: Sequence[str]
    folder: Path
    job: Any

    @property
    def id(self) -> str:
        """SLURM's number, of one of an array as `12_3`."""
        return str(self.job.job_id)

    @property
    def tasks(self) -> list[Any]:
        """Submitit's handles of the processes."""
        return [self.job.task(number) for number in range(self.job.num_tasks)]

    def link_logs(self) -> None:
        """Let what the processes print be found in the run folder, also if they never run."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for rank, task in enumerate(self.tasks):
            for file in (task.paths.stdout, task.paths.stderr):
                link = self.folder / f"slurm{rank or ''}{file.suffix}"
                link.unlink(missing_ok=True)
                # Relative, so that a sweep can be moved as a whole.
                link.symlink_to(os.path.relpath(file, self.folder))


def wait_for(jobs: Sequence[Submitted]) -> dict[str, str]:
    """Wait until no job runs or waits to run any more, and tell what those wait for.

    Returns:
        SLURM's number -> the state in which it ended.
    """
    ended: dict[str, str] = {}
    gone: set[str] = set()
    begun, told = time.monotonic(), ""
    try:
        while True:
            running = [job.id for job in jobs if job.id not in ended]
            if not running:
                return ended
            states = job_states(running)
            lost = {job for job, state in states.items() if state.name == GONE}
            for job, state in states.items():
                # Between the queue and accounting a job may be nowhere for a moment.
                if state.ended and job not in lost - gone:
                    ended[job] = state.name
                    log.info("job %s: %s (%d of %d)", job, state.name, len(ended), len(jobs))
            gone = lost
            waiting = _waiting(states.values())
            if waiting and waiting != told:
                log.info("in the queue: %s", waiting)
                told = waiting
            # Often at first, and later as rarely as suits a queue that many ask.
            time.sleep(min(30.0, 1 + (time.monotonic() - begun) / 30))
    except KeyboardInterrupt:
        log.warning("no longer waiting for the jobs, which go on: %s", " ".join(running))
        raise


def _waiting(states: Iterable[JobState]) -> str:
    """How many jobs wait for what, the most frequent reason first."""
    reasons = Counter(state.reason for state in states if state.reason)
    return ", ".join(f"{count} waiting ({reason})" for reason, count in reasons.most_common())


def outcome(submitted: Submitted, state: str) -> tuple[SweepJob, JobReturn]:
    """What a job left that ended in a state: a line for the user, and a return for Hydra."""
    shown = " ".join(filter_overrides(submitted.overrides))
    returned, error = _result(submitted, state)
    if returned is None:
        returned = JobReturn(overrides=list(submitted.overrides), status=JobStatus.FAILED)
        # Also a sweeper that goes on after failures shows the message.
        returned.return_value = JobFailed(f"job {submitted.number} ({shown}): {error}")
    score = None if error else returned.return_value
    ended = SweepJob(
        submitted.number,
        submitted.id,
        state,
        float(score) if isinstance(score, int | float) else None,
        shown,
        submitted.folder,
        error,
    )
    return ended, returned


def _result(submitted: Submitted, state: str) -> tuple[JobReturn | None, str]:
    """What the first process returned, or else what went wrong."""
    log_file = submitted.folder / "slurm.err"
    tasks = submitted.tasks
    deadline = time.monotonic() + (_SLOW_DISK if state in ("COMPLETED", GONE) else 0)
    while not all(map(_has_ended, tasks)) and time.monotonic() < deadline:
        time.sleep(0.5)
    # Where a file is there, submitit does not wait.
    errors = [task.exception() for task in tasks if _has_ended(task)]
    for error in errors:
        if error is not None:
            return None, f"{_last_words(str(error))} (log: {log_file})"
    if len(errors) < len(tasks):
        return None, f"ended by SLURM or killed, without a result: {state} (log: {log_file})"
    return tasks[0].result(), ""


def _has_ended(task: Any) -> bool:
    return bool(task.paths.result_pickle.exists())


def _last_words(text: str) -> str:
    """The message at the end of a traceback in which submitit packs an exception."""
    trace = re.split(r"^-{10,}\n", text, flags=re.MULTILINE)
    lines = (trace[1] if len(trace) > 1 else text).strip()
    named = re.findall(r"^\S*\bJobFailed: (.*)\Z", lines, re.MULTILINE | re.DOTALL)
    return named[-1] if named else lines.splitlines()[-1]
