"""Whether the cluster has what jobs would ask of it, known before anything is submitted."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

from runs.nearest import did_you_mean
from runs.slurm.tasks import Processes

_GPUS = re.compile(r"(?:^|,)gpu(?::[^:,()]+)?:(\d+)")


def check_processes(trainer: Mapping[str, Any], request: Mapping[str, Any]) -> None:
    """Refuse a job in which srun would start another number of processes than the trainer expects.

    Args:
        trainer: the `trainer` node of the job.
        request: the settings of the launcher.

    Raises:
        ValueError: naming the keys that must agree.
    """
    wanted = Processes.of(trainer)
    asked = Processes(request["tasks_per_node"], request["nodes"])
    if asked != wanted:
        raise ValueError(
            f"hydra.launcher.tasks_per_node={asked.per_node} and "
            f"hydra.launcher.nodes={asked.nodes} would start {asked.per_node * asked.nodes} "
            f"processes, {wanted} expect "
            f"{wanted.per_node * wanted.nodes}; the launcher takes both from the trainer if they "
            "are left alone, and a sweep cannot change them from job to job"
        )
    gpus = gpus_asked(request)
    if trainer.get("accelerator") == "gpu" and gpus < wanted.per_node:
        raise ValueError(
            f"trainer.accelerator=gpu and trainer.devices={wanted.per_node} need as many GPUs a "
            f"node, the launcher asks for {gpus}: hydra.launcher.gpus_per_node={wanted.per_node}"
        )


def gpus_asked(request: Mapping[str, Any]) -> int:
    """How many GPUs a node the settings of the launcher ask for."""
    if request.get("gpus_per_node"):
        return int(request["gpus_per_node"])
    if request.get("gpus_per_task"):
        return int(request["gpus_per_task"]) * int(request["tasks_per_node"])
    return _gpus_in(str(request.get("gres") or ""))


def check_cluster(request: Mapping[str, Any]) -> None:
    """Refuse a partition that does not exist, and more GPUs than any of its nodes has.

    All else SLURM judges itself when the jobs are submitted.

    Args:
        request: the settings of the launcher.

    Raises:
        ValueError: if there is no SLURM here, if it does not answer, or for such a request.
    """
    if shutil.which("sbatch") is None or shutil.which("sinfo") is None:
        raise ValueError(
            "hydra/launcher=slurm: there is no SLURM on this machine (no sbatch on PATH); submit "
            "from a login node of the cluster, or leave hydra/launcher=slurm out to train here"
        )
    partitions = _gpus_of_partitions()
    asked = request.get("partition")
    if asked is None:
        names = [name for name in partitions if name.endswith("*")]  # the default one
    else:
        names = str(asked).split(",")
    for name in names:
        if name not in partitions:
            known = [found for found in partitions if not found.endswith("*")]
            raise ValueError(
                f"hydra.launcher.partition={asked}: there is no partition '{name}'; "
                + did_you_mean(name, known)
            )
    most = max((partitions[name] for name in names), default=0)
    if gpus_asked(request) > most:
        raise ValueError(
            f"hydra.launcher asks for {gpus_asked(request)} GPUs a node, but no node of partition "
            f"{','.join(names).rstrip('*') or '(none is the default)'} has more than {most}; for "
            "more processes take more nodes (trainer.num_nodes), or another partition: `sinfo -o "
            "'%P %G'` shows who has GPUs"
        )


def _gpus_of_partitions() -> dict[str, int]:
    """Name of a partition -> most GPUs on one of its nodes; the default is there twice, once as *.

    Raises:
        ValueError: if SLURM does not answer.
    """
    asked = subprocess.run(
        ["sinfo", "--all", "--noheader", "--format=%P|%G"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if asked.returncode != 0:
        raise ValueError(
            f"hydra/launcher=slurm: SLURM does not answer: {asked.stderr.strip()}; does `sinfo` "
            "work on this machine?"
        )
    most: dict[str, int] = {}
    for line in asked.stdout.splitlines():
        partition, _, gres = line.strip().partition("|")
        for name in {partition, partition.rstrip("*")}:
            most[name] = max(most.get(name, 0), _gpus_in(gres))
    return most


def _gpus_in(gres: str) -> int:
    """Of generic resources as SLURM writes them, such as `gpu:a100:4(S:0-1),shard:8`."""
    return sum(int(count) for count in _GPUS.findall(gres))
