"""What no cluster can give, or this one has not, is refused before it is submitted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runs.slurm.request import check_cluster, check_processes, gpus_asked

SINFO = """\
cpu*|(null)
gpu|gpu:a100:4(S:0-1),shard:8
gpu|gpu:2
"""


def request_of(**settings: Any) -> dict[str, Any]:
    return {"tasks_per_node": 1, "nodes": 1, **settings}


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins for the commands, of which `sinfo` prints a file."""
    (tmp_path / "answer").write_text(SINFO)
    for name in ("sbatch", "sinfo"):
        script = tmp_path / name
        script.write_text(f"#!/bin/sh\n/bin/cat {tmp_path}/answer\n")
        script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    "request_",
    [
        request_of(),
        request_of(partition="cpu"),
        request_of(partition="gpu", gpus_per_node=4),
        request_of(partition="cpu,gpu", gres="gpu:a100:3"),
    ],
)
def test_what_the_cluster_has_passes(slurm: Path, request_: dict[str, Any]):
    check_cluster(request_)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (request_of(partition="gpus"), "no partition 'gpus'; did you mean 'gpu'.*cpu, gpu"),
        (request_of(partition="gpu,big"), "no partition 'big'"),
        (
            request_of(gpus_per_node=1),
            "1 GPUs a node, but no node of partition cpu has more",
        ),
        (request_of(partition="gpu", gpus_per_node=5), "has more than 4"),
        (request_of(partition="gpu", gpus_per_task=2, tasks_per_node=3), "asks for 6 GPUs"),
    ],
)
def test_what_it_has_not_is_named(slurm: Path, request_: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        check_cluster(request_)


def test_a_machine_without_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match=r"no SLURM on this machine .*login node"):
        check_cluster(request_of())


def test_a_cluster_that_does_not_answer(slurm: Path):
    (slurm / "sinfo").write_text("#!/bin/sh\necho no controller >&2\nexit 1\n")
    with pytest.raises(ValueError, match="SLURM does not answer: no controller"):
        check_cluster(request_of())


@pytest.mark.parametrize(
    ("settings", "gpus"),
    [({}, 0), ({"gpus_per_node": 2}, 2), ({"gres": "gpu:v100:3"}, 3), ({"gres": "lustre:1"}, 0)],
)
def test_gpus_are_asked_for_in_several_ways(settings: dict[str, Any], gpus: int):
    assert gpus_asked(request_of(**settings)) == gpus


@pytest.mark.parametrize(
    ("trainer", "settings", "message"),
    [
        ({"devices": 2}, {}, "would start 1 processes, trainer.devices=2 .* expect 2"),
        ({"devices": 1}, {"nodes": 2}, "nodes=2 would start 2 processes"),
        ({"devices": "auto"}, {}, "trainer.devices=auto: on SLURM it must be the number"),
        ({"devices": 1, "accelerator": "gpu"}, {}, "the launcher asks for 0.*gpus_per_node=1"),
    ],
)
def test_processes_must_agree(trainer: dict[str, Any], settings: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        check_processes(trainer, request_of(**settings))


def test_processes_that_agree():
    asked = request_of(tasks_per_node=2, nodes=3, gpus_per_node=2)
    check_processes({"devices": 2, "num_nodes": 3, "accelerator": "gpu"}, asked)
