"""Whether the tasks that SLURM has started are the processes that the trainer counts on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import OmegaConf

# By these names of a job Lightning takes it that a person types there, and starts processes itself.
_INTERACTIVE = ("bash", "interactive")
_TEMPLATE = "as examples/slurm/train.sbatch does"


class Processes(NamedTuple):
    """How many processes a trainer has: on each node, and on how many nodes."""

    per_node: int
    nodes: int

    @classmethod
    def of(cls, trainer: Mapping[str, Any]) -> Processes:
        """What a `trainer` node of a config asks for.

        Raises:
            ValueError: if it leaves the number to the machine, for SLURM must be told before.
        """
        devices = trainer.get("devices", 1)
        if isinstance(devices, str) and "," in devices:
            devices = [index for index in devices.split(",") if index]
        count = len(devices) if not isinstance(devices, str | int) else int(_number(devices))
        return cls(count, int(trainer.get("num_nodes") or 1))

    def __str__(self) -> str:
        return f"trainer.devices={self.per_node} and trainer.num_nodes={self.nodes}"


def _number(devices: str | int) -> int:
    text = str(devices)
    if not text.isdigit() or text == "0":
        raise ValueError(
            f"trainer.devices={devices}: on SLURM it must be the number of tasks a node; write it"
        )
    return int(text)


def check_slurm_tasks(trainer: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """Refuse tasks that would each train alone, or wait for others for ever.

    Lightning starts no process within a SLURM job: it believes that srun did. Some of the ways in
    which the two can disagree end in as many silent trainings as there are tasks.

    Args:
        trainer: the `trainer` node.
        environment: of this process.

    Raises:
        ValueError: saying what was started, what the trainer expects, and how to start it.
    """
    if "SLURM_JOB_ID" not in environment:
        return
    name = environment.get("SLURM_JOB_NAME", "")
    tasks = int(environment.get("SLURM_STEP_NUM_TASKS", "1"))
    if tasks == 1 and name in _INTERACTIVE:
        return
    job = f"job {environment['SLURM_JOB_ID']} ({name})"
    if name in _INTERACTIVE:
        raise ValueError(
            f"{job}: srun started {tasks} tasks, but in a job of that name each would train by "
            "itself; give it another: srun --job-name=train …, and no `bash -c` around python"
        )
    wanted = Processes.of(trainer)
    if "SLURM_STEP_ID" not in environment:
        _check_batch_script(job, wanted, environment)
        return
    nodes = int(environment.get("SLURM_STEP_NUM_NODES", "1"))
    if (tasks, nodes) != (wanted.per_node * wanted.nodes, wanted.nodes):
        raise ValueError(
            f"{job}: srun started {tasks} tasks on {nodes} nodes, {wanted} expect "
            f"{wanted.per_node * wanted.nodes} on {wanted.nodes}; make them agree: "
            f"--nodes={wanted.nodes} --ntasks-per-node={wanted.per_node}"
        )
    if tasks > 1 and "SLURM_NTASKS_PER_NODE" not in environment:
        raise ValueError(
            f"{job}: {tasks} tasks were asked for without saying how many a node; instead of "
            f"--ntasks={tasks} write --nodes={wanted.nodes} --ntasks-per-node={wanted.per_node}"
        )
    if tasks > 1:
        _check_folder(job, tasks)


def _check_batch_script(job: str, wanted: Processes, environment: Mapping[str, str]) -> None:
    """Without srun there is one process, whatever the job was given."""
    tasks = int(environment.get("SLURM_NTASKS", "1"))
    if tasks > 1 or wanted != (1, 1):
        raise ValueError(
            f"{job}: has {tasks} tasks and {wanted}, but one process was started, which would wait "
            f"for the others; write srun before python, {_TEMPLATE}"
        )


def _check_folder(job: str, tasks: int) -> None:
    """Each task makes the run folder's name itself, so that it must not hold the time."""
    if not HydraConfig.initialized() or HydraConfig.get().mode is not RunMode.RUN:
        return
    folder = OmegaConf.to_container(HydraConfig.get().run, resolve=False)["dir"]  # type: ignore
    if "${now:" in str(folder):
        raise ValueError(
            f"{job}: hydra.run.dir={folder} is named after the time, so its {tasks} tasks would "
            f"write to different folders; give hydra.run.dir=outputs/$SLURM_JOB_ID, {_TEMPLATE}"
        )
