"""An Optuna study over jobs of SLURM, killed and gone on with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from optuna.trial import TrialState

from callbacks.trial_journal import open_study
from tests.cluster.conftest import ROOT, until

if TYPE_CHECKING:
    from tests.cluster.conftest import Cluster

pytestmark = pytest.mark.cluster


def jobs(sweep: Path) -> dict[str, Path]:
    """Trial -> where its job of SLURM logs to, which names the job."""
    return {link.parent.name: link.readlink() for link in sweep.glob("*/slurm.out")}


def test_a_killed_search_waits_for_its_jobs_and_goes_on(
    cluster: Cluster, drawn_root: Path, tmp_path: Path
) -> None:
    words = [
        "-m", "hydra/launcher=slurm", "hydra.launcher.cpus_per_task=1", "sweep=ssd300_light",
        f"hydra.sweep.dir={tmp_path}", "hydra.sweeper.n_trials=3", "hydra.sweeper.n_jobs=2",
        f"datamodule.root={drawn_root}", "datamodule.batch_size=2", "trainer=debug",
        "trainer.limit_train_batches=1", "logger=csv",
    ]  # fmt: skip
    command = [sys.executable, "train.py", *words]
    first = subprocess.Popen(command, cwd=ROOT, env=cluster.environment, start_new_session=True)
    until(lambda: set(jobs(tmp_path)) == {"0", "1"}, "the first batch to be submitted")
    until(lambda: "RUNNING" in cluster.ask("squeue", "-h", "-o", "%T"), "a trial to run")
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    submitted = jobs(tmp_path)
    begun = {trial.number: trial.params for trial in open_study(tmp_path / "study.journal").trials}
    assert set(begun) == {0, 1}
    again = cluster.run(*command, timeout=600)
    assert again.returncode == 0, again.stderr
    trials = open_study(tmp_path / "study.journal").trials
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 3
    assert {number: trials[number].params for number in begun} == begun
    # Jobs outlive the process that submitted them, so none of the two was trained a second time.
    assert {trial: jobs(tmp_path)[trial] for trial in submitted} == submitted
    assert set(jobs(tmp_path)) == {"0", "1", "2"}
    assert len((tmp_path / "comparison.csv").read_text().splitlines()) == 4
    assert (tmp_path / "experiment" / "best.yaml").is_file()
