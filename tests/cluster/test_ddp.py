"""Trainings on two processes, on one node and on two, say what one process would say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hydra import compose, initialize_config_dir

from evaluate import evaluate

if TYPE_CHECKING:
    from tests.cluster.conftest import Cluster

ROOT = Path(__file__).resolve().parents[2]
SHAPES = {"one node": (2, 1), "two nodes": (1, 2)}  # devices a node, nodes

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def runs(cluster: Cluster, drawn_root: Path, tmp_path_factory: pytest.TempPathFactory):
    """Name -> run folder; both trainings run at once, each a SLURM job of its own launcher."""
    folder = tmp_path_factory.mktemp("ddp")
    launchers = {}
    for name, (devices, nodes) in SHAPES.items():
        words = [
            "-m",
            "hydra/launcher=slurm",
            "hydra.launcher.cpus_per_task=1",
            f"hydra.sweep.dir={folder / name}",
            f"datamodule.root={drawn_root}",
            "datamodule.batch_size=1",
            "trainer=debug",
            "++trainer.strategy=ddp",
            f"trainer.devices={devices}",
            f"++trainer.num_nodes={nodes}",
            "trainer.limit_test_batches=1.0",
            "datamodule.fractions={train: 0.5, val: 0.2, test: 0.3}",
            "logger=csv",
        ]
        launchers[name] = subprocess.Popen(
            [sys.executable, "train.py", *words],
            cwd=ROOT,
            env=cluster.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    for launcher in launchers.values():
        output, errors = launcher.communicate(timeout=300)
        assert launcher.returncode == 0, output + errors
    return {name: folder / name / "0" for name in SHAPES}


def read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def alone(runs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The figures of one process with the weights that two have trained."""
    folder = tmp_path_factory.mktemp("alone")
    words = [
        f"run={runs['one node']}",
        "trainer=cpu",
        f"paths.root={folder}",
        f"paths.run={folder}",
    ]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        evaluate(compose("evaluate", overrides=words))
    return read(folder / "metrics.json")


@pytest.mark.parametrize("name", SHAPES)
def test_metrics_are_those_of_one_process(runs: dict[str, Path], alone: Any, name: str):
    together = read(runs[name] / "metrics.json")
    assert together["images"] == alone["images"] > 3
    assert together["scalars"] == pytest.approx(alone["scalars"], abs=1e-6, nan_ok=True)


def test_one_node_or_two_train_the_same(runs: dict[str, Path]):
    one, two = ((folder / "predictions.json").read_bytes() for folder in runs.values())
    assert one == two


def test_each_process_has_its_log_and_all_share_one_folder(runs: dict[str, Path]):
    for folder in runs.values():
        assert [run.name for run in folder.parent.iterdir() if (run / "best.ckpt").exists()] == [
            "0"
        ]
        for rank in ("", "1"):
            assert "Starting" in (folder / f"slurm{rank}.out").read_text()
