"""A real SLURM cluster of two nodes on this machine, for the tests marked `cluster`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Of a job: its processes import everything anew, beside others on a busy machine.
PATIENCE = 180


@dataclass(frozen=True)
class Cluster:
    """What tests ask of the cluster.

    Attributes:
        environment: of every command, and through sbatch of every job.
    """

    environment: dict[str, str]

    def run(
        self, *command: str | Path, cwd: Path = ROOT, timeout: float = PATIENCE, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; the exit code is for the caller to look at."""
        return subprocess.run(
            [str(word) for word in command],
            cwd=cwd,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def ask(self, *command: str) -> str:
        """What a command of SLURM prints; it must succeed."""
        done = self.run(*command)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout.strip()

    def train(self, *words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run train.py on this machine, as on the login node of a cluster."""
        return self.run(sys.executable, "train.py", *words, **variables)

    def sbatch(self, *words: str | Path, cwd: Path = ROOT, **variables: str) -> str:
        """Submit a job and return its number."""
        done = self.run("sbatch", "--parsable", *words, cwd=cwd, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def states(self, job: str) -> list[str]:
        """The states of a job, or of the jobs of an array, as accounting knows them."""
        return self.ask("sacct", "-XnP", "-j", job, "-o", "State").split("\n")

    def wait(self, job: str) -> list[str]:
        """The states of a job once it has left the queue."""
        until(lambda: not self.ask("squeue", "-h", "-o", "%i", "-t", "all", "-j", job) or all(
            state not in {"PENDING", "RUNNING", "COMPLETING", "REQUEUED", "CONFIGURING"}
            for state in self.ask("squeue", "-h", "-o", "%T", "-t", "all", "-j", job).split()
        ), f"job {job} to end")  # fmt: skip
        until(lambda: not {"", "PENDING", "RUNNING"} & set(self.states(job)), "sacct to follow")
        return self.states(job)


def until(holds: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait until something holds, and fail where it never does."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.3)


@pytest.fixture(scope="session")
def cluster(shared: Path) -> Iterator[Cluster]:
    """Two nodes with 4 CPUs and a pretended GPU each, started once for all tests of a process."""
    tool = shared / "tools" / "slurm-up"
    if not tool.is_file():
        pytest.skip("no ../shared/tools/slurm-up, which starts a SLURM cluster on one machine")
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    settings = {**os.environ, "SLURM_UP_GPUS": "1"}
    started = subprocess.run(
        [str(tool), "start", str(folder)], env=settings, capture_output=True, text=True, check=False
    )
    if started.returncode == 3:
        pytest.skip(f"SLURM is not installed: {started.stderr.strip()}")
    assert started.returncode == 0, started.stderr
    # 1/4 of a start of Python is reading compiled files, which the first variable forbids to write;
    # the second is of W&B in this very process, after tests that log there.
    dropped = ("PYTHONDONTWRITEBYTECODE", "WANDB_SERVICE")
    inherited = {k: v for k, v in os.environ.items() if k not in dropped}
    own = {
        "SLURM_CONF": str(folder / "etc" / "slurm.conf"),
        "OMP_NUM_THREADS": "1",
        "WANDB_MODE": "offline",
        "NO_ALBUMENTATIONS_UPDATE": "1",
    }
    try:
        yield Cluster({**inherited, **own})
    finally:
        subprocess.run([str(tool), "stop", str(folder)], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)
