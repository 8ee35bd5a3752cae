"""Every command of docs/cluster.md is taken by a real SLURM; long ones up to their submission."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cluster.conftest import Cluster

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", PAGE, re.S)
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]

pytestmark = pytest.mark.cluster


def test_the_page_has_commands():
    assert len(COMMANDS) >= 8
    assert {command.split()[0] for command in COMMANDS} == {"python", "sbatch", "squeue", "sacct"}


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("python train.py")])
def test_the_launcher_takes_it(cluster: Cluster, tmp_path: Path, command: str):
    """SLURM itself refuses, as its last word, nodes with a feature that none has."""
    words = [sys.executable, *shlex.split(command)[1:]]
    words = [re.sub(r"multirun/", f"{tmp_path}/", word) for word in words]
    if not any(word.startswith("hydra.sweep.dir") for word in words):
        words.append(f"hydra.sweep.dir={tmp_path}")
    done = cluster.run(*words, "hydra.launcher.constraint=nowhere")
    assert "SLURM refused the jobs" in done.stderr
    assert "Invalid feature specification" in done.stderr


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("sbatch")])
def test_sbatch_takes_it(cluster: Cluster, command: str):
    small = ("--test-only", "--cpus-per-task=1")  # the nodes of the test have four in all
    done = cluster.run("sbatch", *small, *shlex.split(command)[1:])
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if c.startswith("s") and "sbatch" not in c]
)
def test_it_answers(cluster: Cluster, command: str):
    assert "JOB" in cluster.ask(*shlex.split(command)).upper()


@pytest.mark.parametrize("command", [c for c in COMMANDS if "prepare." in c])
def test_data_are_drawn(cluster: Cluster, tmp_path: Path, command: str):
    words = shlex.split(command.replace("600", "6").replace("data/mine", str(tmp_path / "mine")))
    done = cluster.run(sys.executable, *words[1:])
    assert done.returncode == 0, done.stderr
