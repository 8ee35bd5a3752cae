"""What SLURM says of jobs that were submitted."""

from __future__ import annotations

import re
import subprocess

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
        "PREEMPTED",
    }
)
GONE = "GONE"


def job_states(jobs: list[str]) -> dict[str, str]:
    """The state of each job, such as RUNNING, COMPLETED, FAILED, TIMEOUT or OUT_OF_MEMORY.

    The queue is asked first: it is there without accounting, and knows at once. It forgets ended
    jobs after minutes, and then accounting is asked; where neither knows a job it is GONE.

    Args:
        jobs: numbers as `12` or, of an array, `12_3`.

    Returns:
        Job -> state; empty while SLURM does not answer.
    """
    mains = ",".join(sorted({job.partition("_")[0] for job in jobs}))
    queue = _ask(
        "squeue", "--noheader", "--array", "--states=all", f"--jobs={mains}", "--format=%i|%T"
    )
    if queue is None:
        return {}
    states = dict(line.split("|") for line in queue.split())
    if not set(jobs) <= set(states):
        ended = _ask("sacct", "-XnP", f"--jobs={mains}", "--format=JobID,State") or ""
        known = dict(line.split("|")[:2] for line in ended.splitlines() if "|" in line)
        # CANCELLED by 1000
        states = {job: state.split()[0] for job, state in known.items()} | states
    return {job: states.get(job, GONE) for job in jobs}


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
