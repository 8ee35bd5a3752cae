"""A training that loses its job loses nothing: one folder, one W&B id, every step logged once."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from callbacks.wandb_file import joined_history
from tests.cluster.conftest import until

if TYPE_CHECKING:
    from tests.cluster.conftest import Cluster

ROOT = Path(__file__).resolve().parents[2]
EPOCHS, BATCHES = 2, 8  # an epoch has so many batches in each process

pytestmark = pytest.mark.cluster


def training(drawn_root: Path, processes: int) -> list[str]:
    return [
        f"datamodule.root={drawn_root}",
        "datamodule.batch_size=1",
        f"++trainer.limit_train_batches={BATCHES}",
        "++trainer.limit_val_batches=1.0",
        f"trainer.max_epochs={EPOCHS}",
        "trainer.log_every_n_steps=1",
        "trainer=cpu",
        *(["++trainer.strategy=ddp"] if processes > 1 else []),
    ]


def kill_task(job: str) -> None:
    """SIGKILL of the process that trains, and SLURM then ends the others of the job.

    `scancel --signal=KILL` may reach W&B's process first, and leave the job's own a moment to tell
    of that.
    """
    number = f"SLURM_JOB_ID={job}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            command = (process / "cmdline").read_bytes().split(b"\0")
            trains = (
                command[:1] == [sys.executable.encode()] and b"submitit.core._submit" in command
            )
            if trains and number in (process / "environ").read_bytes().split(b"\0"):
                os.kill(int(process.name), signal.SIGKILL)


def logged_steps(run: Path) -> list[int]:
    """The steps whose loss is in metrics.csv."""
    file = run / "csv" / "metrics.csv"
    if not file.exists():
        return []
    with file.open(newline="") as text:
        return [int(row["step"]) for row in csv.DictReader(text) if row.get("train/total")]


def steps_in_wandb(run: Path) -> list[int]:
    rows = joined_history(sorted(run.glob("wandb/*run-*/*.wandb")))
    return [row["trainer/global_step"] for row in rows if "train/total" in row]


def require_every_step_once(run: Path) -> None:
    expected = list(range(EPOCHS * BATCHES))
    assert logged_steps(run) == expected
    assert steps_in_wandb(run) == expected
    names = {re.sub(r".*-", "", part.name) for part in run.glob("wandb/*run-*")}
    assert names == {(run / "wandb_id.txt").read_text().strip()}
    assert (run / "metrics.json").is_file()


def test_a_signalled_job_is_requeued_and_goes_on(
    cluster: Cluster, drawn_root: Path, tmp_path: Path
):
    """By the template for sbatch, on two processes."""
    for name in ("train.py", "conf"):
        (tmp_path / name).symlink_to(ROOT / name)
    job = cluster.sbatch(
        "--ntasks-per-node=2",
        "--cpus-per-task=1",
        ROOT / "examples" / "slurm" / "train.sbatch",
        "callbacks.resume_points.every_n_steps=1",
        *training(drawn_root, 2),
        cwd=tmp_path,
        PYTHON=sys.executable,
        PYTHONPATH=str(ROOT),
    )
    run = tmp_path / "outputs" / job
    out = tmp_path / f"slurm-{job}.out"
    until(lambda: (run / "last.ckpt").exists(), "a first step")
    cluster.ask("scancel", "--signal=USR2", job)
    until(lambda: "and requeued" in out.read_text(), "the job to leave")
    assert cluster.wait(job) == ["COMPLETED"], out.read_text()
    assert "Going on from" in out.read_text()
    assert [folder.name for folder in (tmp_path / "outputs").iterdir()] == [job]
    assert (run / "slurm.out").read_text() == out.read_text()
    require_every_step_once(run)


def test_a_killed_job_is_noticed_and_its_sweep_can_be_repeated(
    cluster: Cluster, drawn_root: Path, tmp_path: Path
):
    words: list[Any] = [
        "train.py",
        "-m",
        "hydra/launcher=slurm",
        "hydra.launcher.cpus_per_task=1",
        f"hydra.sweep.dir={tmp_path}",
        "resume=auto",
        "callbacks.resume_points.every_n_steps=2",
        *training(drawn_root, 1),
    ]
    launcher = subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        env=cluster.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    run = tmp_path / "0"
    until(lambda: (run / "last.ckpt").exists(), "a checkpoint")
    (job,) = cluster.ask("squeue", "-h", "-o", "%i", "--name=train").split()
    kill_task(job)
    output, errors = launcher.communicate(timeout=120)
    assert launcher.returncode == 1
    assert "0 of 1 jobs finished" in output
    assert "ended by SLURM or killed, without a result" in errors
    again = cluster.run(sys.executable, *words)
    assert again.returncode == 0, again.stderr
    assert "1 of 1 jobs finished" in again.stdout
    assert "Going on from" in (run / "train.log").read_text()
    require_every_step_once(run)
