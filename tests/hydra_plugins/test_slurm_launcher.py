"""The script that `hydra/launcher=slurm` gives to sbatch."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

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


def submitted(sbatch: Path, *words: str) -> list[str]:
    """The lines of the script for settings of the command line."""
    folder = sbatch.parent / "submitit"
    overrides = ["hydra/launcher=slurm", f"hydra.launcher.submitit_folder={folder}", *words]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("train", overrides=overrides, return_hydra_config=True)
    config.hydra.job.name = "train"
    instantiate(config.hydra.launcher)._executor().submit(len, "")
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
