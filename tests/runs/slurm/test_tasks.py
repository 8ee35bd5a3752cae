"""Tasks that SLURM started, processes that the trainer expects, and each way they can disagree."""

from __future__ import annotations

from typing import Any

import pytest

from runs.slurm.tasks import Processes, check_slurm_tasks


def environment(tasks: int = 0, nodes: int = 1, name: str = "train", **more: str) -> dict[str, str]:
    """What SLURM sets in a job, and, from one task on, srun in them."""
    step = {
        "SLURM_STEP_ID": "0",
        "SLURM_STEP_NUM_TASKS": str(tasks),
        "SLURM_STEP_NUM_NODES": str(nodes),
    }
    per_node = {"SLURM_NTASKS_PER_NODE": str(tasks // nodes)} if tasks else {}
    job = {"SLURM_JOB_ID": "12", "SLURM_JOB_NAME": name}
    return {**job, **per_node, **(step if tasks else {}), **more}


def trainer(devices: Any = 1, num_nodes: int = 1) -> dict[str, Any]:
    return {"devices": devices, "num_nodes": num_nodes}


@pytest.mark.parametrize(
    ("asked", "started"),
    [
        (trainer(), {}),  # no SLURM
        (trainer(8), {}),
        (trainer(), environment()),  # a batch script without srun
        (trainer(), environment(1)),
        (trainer(2), environment(2)),
        (trainer([0, 1]), environment(2)),
        (trainer("0,1"), environment(2)),
        (trainer(1, 2), environment(2, nodes=2)),
        (trainer(2, 2), environment(4, nodes=2)),
        (trainer(2), environment(name="interactive", SLURM_NTASKS="2")),  # salloc's shell
        (trainer(2), environment(1, name="bash")),  # srun --pty bash
    ],
)
def test_what_agrees_passes(asked: dict[str, Any], started: dict[str, str]):
    check_slurm_tasks(asked, started)


@pytest.mark.parametrize(
    ("asked", "started", "message"),
    [
        (trainer(2), environment(1), "1 tasks on 1 nodes.*expect 2 on 1.*--ntasks-per-node=2"),
        (trainer(), environment(2, nodes=2), "2 tasks on 2 nodes.*expect 1 on 1"),
        (trainer(2), environment(2, nodes=2), "2 tasks on 2 nodes.*expect 2 on 1.*--nodes=1"),
        (trainer(), environment(2, name="bash"), r"job 12 \(bash\).*--job-name=train"),
        (trainer(2), environment(2, name="interactive"), "each would train by itself"),
        (trainer(2), environment(SLURM_NTASKS="2"), "write srun before python"),
        (trainer(), environment(SLURM_NTASKS="2"), "write srun before python"),
        (trainer("auto"), environment(2), "trainer.devices=auto: on SLURM it must be the number"),
        (trainer(-1), environment(2), "trainer.devices=-1"),
    ],
)
def test_what_does_not_is_refused_with_the_mend(
    asked: dict[str, Any], started: dict[str, str], message: str
):
    with pytest.raises(ValueError, match=message):
        check_slurm_tasks(asked, started)


def test_tasks_must_be_asked_for_by_the_node():
    started = environment(2)
    del started["SLURM_NTASKS_PER_NODE"]
    with pytest.raises(ValueError, match="instead of --ntasks=2 write --nodes=1"):
        check_slurm_tasks(trainer(2), started)


def test_processes_read_as_the_keys_that_set_them():
    assert str(Processes.of(trainer(4, 2))) == "trainer.devices=4 and trainer.num_nodes=2"
    assert Processes.of({"devices": "3", "num_nodes": None}) == (3, 1)
