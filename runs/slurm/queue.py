"""What SLURM says of jobs that were submitted."""

from __future__ import annotations

import re
import subprocess
from typing import NamedTuple

# In these a job may yet run, or run again.
UNFINISHED = frozenset(
    {
        "PENDING",
        "RUNNING",
        "COMPLETING",
        "CONFIGURING",
        "REQUEUED",
        "REQUEUE_FED",
        "REQUEUE_HOLD",
        "RESIZING",
        "SIGNALING",
        "SPECIAL_EXIT",
        "STAGE_OUT",
        "STOPPED",
        "SUSPENDED",
    }
)
GONE = "GONE"


class JobState(NamedTuple):
    """How a job stands.

    Attributes:
        name: as SLURM says it: RUNNING, COMPLETED, FAILED, TIMEOUT, OUT_OF_MEMORY and so on.
        reason: why it waits, such as Priority or Resources; empty where it does not.
    """

    name: str
    reason: str = ""

    @property
    def ended(self) -> bool:
        """Whether it can no longer run."""
        return self.name not in UNFINISHED


def job_states(jobs: list[str]) -> dict[str, JobState]:
    """The state of each job.

    The queue is asked first: it is there without accounting, and knows at once. It forgets ended
    jobs after minutes, and then accounting is asked; where neither knows a job it is GONE.

    Args:
        jobs: numbers as `12` or, of an array, `12_3`.

    Returns:
        Job -> state; empty while SLURM does not answer.
    """
    mains = ",".join(sorted({job.partition("_")[0] for job in jobs}))
    queue = _ask(
        "squeue", "--noheader", "--array", "--states=all", f"--jobs={mains}", "--format=%i|%T|%r"
    )
    if queue is None:
        return {}
    states = dict(map(_in_queue, queue.splitlines()))
    if not set(jobs) <= set(states):
        ended = _ask("sacct", "-XnP", f"--jobs={mains}", "--format=JobID,State") or ""
        known = dict(line.split("|")[:2] for line in ended.splitlines() if "|" in line)
        # CANCELLED by 1000
        states = {job: JobState(state.split()[0]) for job, state in known.items()} | states
    return {job: states.get(job, JobState(GONE)) for job in jobs}


def _in_queue(line: str) -> tuple[str, JobState]:
    job, name, reason = line.split("|", 2)
    waits = name == "PENDING" and reason != "None"  # it says None until it has looked at the job
    return job, JobState(name, reason if waits else "")


def _ask(*command: str) -> str | None:
    """What a command of SLURM prints; None where it cannot answer."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (subprocess.TimeoutExpired, FileNotFoundError):
        return None
    if done.returncode != 0:
        # The only job that it was asked for has been forgotten.
        return "" if re.search("Invalid job id", done.stderr) else None
    return done.stdout
