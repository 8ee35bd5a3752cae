"""Ways to start a training on SLURM that would end in silent twins: each ends in an error."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cluster.conftest import Cluster

pytestmark = pytest.mark.cluster

TWO = "trainer.devices=2"


@pytest.mark.parametrize(
    ("srun", "words", "message"),
    [
        (["-n2", "bash", "-c"], [TWO], "(bash): srun started 2 tasks, but in a job of that name"),
        (["-n2"], [TWO], "2 tasks were asked for without saying how many a node"),
        (["--ntasks-per-node=1"], [TWO], "srun started 1 tasks on 1 nodes"),
        (["-N2", "--ntasks-per-node=1"], [], "srun started 2 tasks on 2 nodes"),
        (["-N1", "--ntasks-per-node=2"], [TWO], "is named after the time"),
    ],
    ids=["bash", "ntasks", "too few", "two nodes with one device", "two folders"],
)
def test_srun(cluster: Cluster, tmp_path: Path, srun: list[str], words: list[str], message: str):
    folder = "outputs/${now:%S}" if "time" in message else "run"
    command = [sys.executable, "train.py", f"hydra.run.dir={tmp_path}/{folder}", *words]
    if "bash" in srun:
        command = [" ".join(command)]
    done = cluster.run("srun", *srun, *command)
    assert done.returncode == 1, done.stderr
    assert message in done.stderr
    assert not list(tmp_path.rglob("*.ckpt"))


def test_a_batch_script_without_srun(cluster: Cluster, tmp_path: Path):
    script = f"{sys.executable} train.py hydra.run.dir={tmp_path}/run {TWO}"
    out = tmp_path / "out.txt"
    job = cluster.sbatch("--ntasks-per-node=2", f"--output={out}", f"--wrap={script}")
    assert cluster.wait(job) == ["FAILED"]
    assert "write srun before python" in out.read_text()
