"""What became of the jobs of a sweep: a line a job, on the console and in jobs.csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from rich.console import Console
from rich.table import Table

from structures.atomic_file import write_atomically

FILE = "jobs.csv"


@dataclass(frozen=True)
class SweepJob:
    """One job and how it ended.

    Attributes:
        number: within the sweep.
        job: SLURM's number of it.
        state: COMPLETED, FAILED, TIMEOUT and so on, as SLURM calls it.
        score: what the job returned, of a training its best `val/map`; None where it failed.
        overrides: what was set for this job.
        folder: of the run.
        error: why it failed, else empty.
    """

    number: int
    job: str
    state: str
    score: float | None
    overrides: str
    folder: Path
    error: str


def report_jobs(jobs: Sequence[SweepJob], folder: Path) -> None:
    """Print a table of the jobs, then the errors of those that failed, and write jobs.csv.

    Args:
        jobs: all jobs of the sweep so far.
        folder: of the sweep.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(SweepJob)])
    writer.writeheader()
    writer.writerows(asdict(job) for job in jobs)
    write_atomically(folder / FILE, text.getvalue().encode())
    # Overrides are no markup, and a log file has 80 columns by default.
    console = Console(markup=False, emoji=False)
    console.print(_table(jobs), crop=False)
    for job in jobs:
        if job.error:
            console.print(f"job {job.number}: {job.error}", soft_wrap=True)
    console.print(f"jobs:       {folder / FILE}", soft_wrap=True)


def _table(jobs: Sequence[SweepJob]) -> Table:
    done = sum(not job.error for job in jobs)
    of_all = set.intersection(*(set(job.overrides.split()) for job in jobs))
    table = Table(title=f"{done} of {len(jobs)} jobs finished")
    for heading in ("#", "job", "state", "best", "set", "folder"):
        right = heading in ("#", "best")
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for job in jobs:
        score = "-" if job.score is None else f"{job.score:.3f}"
        own = " ".join(word for word in job.overrides.split() if word not in of_all)
        table.add_row(str(job.number), job.job, job.state, score, own, str(job.folder))
    return table
