"""`hydra/launcher=slurm`: an array of jobs, one of which fails, and requests that cannot be met."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cluster.conftest import Cluster

pytestmark = pytest.mark.cluster

SLURM = ("-m", "hydra/launcher=slurm", "hydra.launcher.cpus_per_task=1")


@pytest.fixture(scope="module")
def sweep(cluster: Cluster, drawn_root: Path, tmp_path_factory: pytest.TempPathFactory):
    """The folder and the output of a sweep of four, the last of which fails in its job."""
    folder = tmp_path_factory.mktemp("sweep")
    done = cluster.train(
        *SLURM,
        f"hydra.sweep.dir={folder}",
        f"datamodule.root={drawn_root}",
        "datamodule.batch_size=2",
        "trainer=debug",
        "trainer.limit_train_batches=1",
        "logger=csv",
        "seed=0",
        "model.optimizer.lr=0.001,0.002,0.003,-1",
    )
    return folder, done


def jobs(folder: Path) -> list[dict[str, str]]:
    with (folder / "jobs.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_jobs_form_an_array_and_fail_alone(cluster: Cluster, sweep):
    folder, done = sweep
    assert done.returncode == 1, done.stderr
    rows = jobs(folder)
    assert [row["state"] for row in rows] == ["COMPLETED"] * 3 + ["FAILED"], done.stderr
    array = rows[0]["job"].partition("_")[0]
    assert [row["job"] for row in rows] == [f"{array}_{number}" for number in range(4)]
    # Accounting says the same, by exit codes.
    listed = cluster.ask("sacct", "-XnP", "-j", array, "-o", "State,ExitCode")
    assert listed.split() == ["COMPLETED|0:0"] * 3 + ["FAILED|1:0"]


def test_the_error_names_job_and_cause(sweep):
    folder, done = sweep
    assert "error: job 3 (" in done.stderr
    assert "Invalid learning rate: -1" in done.stderr
    assert "Invalid learning rate: -1" in (folder / "3" / "train.log").read_text()
    assert "3 of 4 jobs finished" in done.stdout


def test_every_job_has_its_folder_score_and_logs(sweep):
    folder, _ = sweep
    for row in jobs(folder)[:3]:
        run = Path(row["folder"])
        assert 0 <= float(row["score"]) <= 1
        assert (run / "report.html").is_file()
        assert "run folder" in (run / "slurm.out").read_text()


def test_the_others_are_compared(sweep):
    folder, _ = sweep
    assert len((folder / "comparison.csv").read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["hydra.launcher.partition=gpu"], "there is no partition 'gpu'; did you mean 'cpu'"),
        (["hydra.launcher.gpus_per_node=2"], "no node of partition cpu has more than 1"),
        (["trainer=gpu", "trainer.devices=2"], "asks for 2 GPUs a node"),
        (["hydra.launcher.mem_gb=900"], "Memory specification can not be satisfied"),
        (["trainer.devices=2", "hydra.launcher.tasks_per_node=1"], "expect 2"),
        (["seed=0,-1"], "seed=-1: must be a whole number"),
    ],
)
def test_nothing_is_submitted_that_cannot_run(
    cluster: Cluster, tmp_path: Path, words: list[str], message: str
):
    done = cluster.train(*SLURM, f"hydra.sweep.dir={tmp_path}", *words)
    assert done.returncode == 1, done.stdout
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_variable_of_sbatch_gives_way_to_the_command_line(cluster: Cluster, tmp_path: Path):
    words = (*SLURM, f"hydra.sweep.dir={tmp_path}", "hydra.launcher.mem_gb=900")
    done = cluster.train(*words, SBATCH_PARTITION="nowhere")
    assert "no partition 'nowhere'" in done.stderr
    done = cluster.train(*words, "hydra.launcher.partition=cpu", SBATCH_PARTITION="nowhere")
    assert "Memory specification can not be satisfied" in done.stderr
