"""What `hydra/launcher=slurm` gives to sbatch, and when; with a real SLURM in tests/cluster/."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from hydra_plugins.zoo_launcher.slurm import _script_before_environment
from runs.slurm import request as slurm_request
from runs.slurm import surviving_jobs
from runs.slurm.queue import JobState

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def sbatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for sbatch that keeps the script; returns the file."""
    for name in ("sbatch", "srun"):
        script = tmp_path / "bin" / name
        script.parent.mkdir(exist_ok=True)
        script.write_text(f'#!/bin/sh\ncp "$1" {tmp_path}/script\necho Submitted batch job 12\n')
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/bin:/usr/bin")
    return tmp_path / "script"


def launcher_of(*words: str) -> Any:
    """The launcher with settings of the command line."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose(
            "train", overrides=["hydra/launcher=slurm", *words], return_hydra_config=True
        )
    config.hydra.job.name = "train"
    launcher = instantiate(config.hydra.launcher)
    launcher.config = config
    return launcher


def submitted(sbatch: Path, *words: str) -> list[str]:
    """The lines of the script for settings of the command line."""
    folder = f"hydra.launcher.submitit_folder={sbatch.parent}/submitit"
    launcher_of(folder, *words)._executor().submit(len, "")
    return sbatch.read_text().splitlines()


@pytest.mark.parametrize("words", [[], ["hydra.launcher.setup=[module load cuda]"]])
def test_own_lines_of_shell_follow_those_that_every_job_needs(sbatch: Path, words: list[str]):
    lines = submitted(sbatch, *words)
    needed = [
        "export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-1}",
        "export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$SRUN_CPUS_PER_TASK}",
        "export SLURM_KILL_BAD_EXIT=1",
    ]
    first = lines.index(needed[0])
    assert lines[first : first + 3] == needed
    assert ("module load cuda" in lines[first + 3 :]) == bool(words)


@pytest.mark.parametrize("words", [[], ["+hydra.launcher.additional_parameters.nice=5"]])
def test_a_job_may_be_requeued_whatever_the_cluster_does_by_default(sbatch: Path, words: list[str]):
    lines = submitted(sbatch, *words)
    assert "#SBATCH --requeue" in lines
    assert ("#SBATCH --nice=5" in lines) == bool(words)


@pytest.mark.parametrize("inside", [False, True])
def test_jobs_submitted_from_within_a_job_have_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, inside: bool
):
    of_job = {"SLURM_CPU_BIND": "cores", "SLURM_RESTART_COUNT": "1", "SRUN_CPUS_PER_TASK": "8"}
    kept = {"SLURM_CONF": "/etc/slurm.conf", "SBATCH_RESERVATION": "course"}
    for name, value in {**of_job, **kept}.items():
        monkeypatch.setenv(name, value)
    if inside:
        monkeypatch.setenv("SLURM_JOB_ID", "7")
    else:
        monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    before = dict(os.environ)
    with _script_before_environment({}):
        assert (set(of_job) & set(os.environ) == set()) == inside
        assert set(kept) <= set(os.environ)
    assert dict(os.environ) == before


def test_a_repeated_sweep_waits_for_its_jobs_that_still_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = tmp_path / "sweep" / "0"
    run.mkdir(parents=True)
    (run / "slurm.out").symlink_to("../.submitit/7_0/7_0_0_log.out")
    done: list[str] = []

    def state(jobs: list[str]) -> dict[str, JobState]:
        name = "COMPLETED" if done else "RUNNING"
        done.append(f"{jobs[0]} {name}")
        return {jobs[0]: JobState(name)}

    def submit(*_: object) -> None:
        done.append("submitted")
        raise KeyboardInterrupt

    launcher = launcher_of(f"hydra.sweep.dir={run.parent}")
    monkeypatch.setattr(slurm_request, "check_cluster", lambda request: None)
    monkeypatch.setattr(surviving_jobs, "job_states", state)
    monkeypatch.setattr(surviving_jobs.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(launcher, "_checked_folder", lambda number, overrides: run)
    monkeypatch.setattr(launcher, "_submit", submit)
    with pytest.raises(KeyboardInterrupt):
        launcher.launch([["seed=1"]], 0)
    assert done == ["7_0 RUNNING", "7_0 COMPLETED", "submitted"]
