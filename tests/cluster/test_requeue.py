"""A job that is told to leave goes on in the queue: same folder, same W&B id, every step once."""

from __future__ import annotations

import json
import os
import random
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cluster.conftest import until

if TYPE_CHECKING:
    from tests.cluster.conftest import Cluster

ROOT = Path(__file__).resolve().parents[2]
SIGNALS = int(os.environ.get("REQUEUE_SIGNALS", "2"))  # REQUEUE_SIGNALS=20 takes ten minutes

pytestmark = pytest.mark.cluster


def restarts(cluster: Cluster, job: str) -> int:
    (count,) = re.findall(r"Restarts=(\d+)", cluster.ask("scontrol", "show", "job", job))
    return int(count)


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def test_processes_with_short_steps_never_wait_for_each_other(cluster: Cluster, tmp_path: Path):
    """Steps take 5 ms, so that a signal arrives anywhere; Lightning's own requeue hung here."""
    epochs = 1 + SIGNALS // 3
    script = f"srun {sys.executable} tests/cluster/requeued_loop.py {tmp_path} {epochs}"
    shape = ("--job-name=loop", "--nodes=1", "--ntasks-per-node=2", "--requeue", "--mem=1G")
    steps, out = tmp_path / "steps.txt", tmp_path / "out.txt"
    job = cluster.sbatch(
        *shape, "--open-mode=append", f"--output={out}", f"--wrap={script}", PYTHONPATH=str(ROOT)
    )
    draw = random.Random(0)
    for signal in range(SIGNALS):
        wanted = len(lines(steps)) + draw.randrange(1, 60)
        until(lambda wanted=wanted: len(lines(steps)) >= wanted, f"step {wanted}")
        name = draw.choice(["USR1", "USR2", "TERM"])
        cluster.ask("scancel", f"--signal={name}", job)
        until(lambda signal=signal: restarts(cluster, job) == signal + 1, f"requeue {signal}", 120)
    assert cluster.wait(job) == ["COMPLETED"], out.read_text()
    total = json.loads((tmp_path / "end.json").read_text())["step"]
    assert total == 300 * epochs
    assert lines(steps) == [str(step) for step in range(total)]
    assert out.read_text().count("and requeued") == SIGNALS
