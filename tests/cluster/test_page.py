"""Every command of docs/cluster.md is taken by a real SLURM; long ones up to their submission."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hydra import compose, initialize_config_dir

from callbacks.wandb_sync import main as upload

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


@pytest.mark.parametrize("command", [c for c in COMMANDS if "callbacks.wandb_sync" in c])
def test_runs_are_uploaded(command: str, trained_run: Path, capsys: pytest.CaptureFixture[str]):
    words = [re.sub(r"^multirun/.*", str(trained_run), w) for w in shlex.split(command)[3:]]
    assert upload([*words, "--dry-run"]) == 0
    assert "1 part(s)" in capsys.readouterr().out


def test_every_key_of_the_table_is_one_of_the_launcher():
    keys = re.findall(r"^\| `(\+?hydra\.launcher\.[a-z_.]+)", PAGE, re.M)
    values = {"hydra.launcher.setup": "=[true]", "+hydra.launcher.additional_parameters.": "nice=1"}
    words = [key + values.get(key, "=1") for key in keys]
    assert len(words) > 8
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        for word in words:
            compose("train", overrides=["hydra/launcher=slurm", word])
