"""All jobs of a multirun share one group, a single run has none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runs.sweep.group import sweep_group

ROOT = Path(__file__).resolve().parents[3]
JOB = """
import os
from pathlib import Path
import hydra
from hydra.core.config_store import ConfigStore

node = {"x": 0, "hydra": {"callbacks": {"group": {"_target_": "runs.sweep.group.GroupJobs"}}}}
ConfigStore.instance().store("grouped", node)

@hydra.main(config_path=None, config_name="grouped", version_base="1.3")
def main(cfg):
    with Path("groups").open("a") as file:
        print(os.environ.get("WANDB_RUN_GROUP"), file=file)

main()
"""


def groups_of(tmp_path: Path, *words: str, **variables: str) -> list[str]:
    (tmp_path / "grouped.py").write_text(JOB)
    known = {key: value for key, value in os.environ.items() if key != "WANDB_RUN_GROUP"}
    subprocess.run(
        [sys.executable, "grouped.py", *words],
        cwd=tmp_path,
        env={**known, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        check=True,
    )
    return (tmp_path / "groups").read_text().splitlines()


def test_the_jobs_of_a_sweep_are_one_group(tmp_path: Path) -> None:
    words = ["-m", "x=1,2", "hydra.sweep.dir=multirun/2026-11-20/18-00-00"]
    assert groups_of(tmp_path, *words) == ["2026-11-20_18-00-00"] * 2


def test_a_group_that_the_user_names_stays(tmp_path: Path) -> None:
    found = groups_of(tmp_path, "-m", "x=1", WANDB_RUN_GROUP="mine")
    assert found == ["mine"]


def test_a_single_run_has_no_group(tmp_path: Path) -> None:
    assert groups_of(tmp_path, "x=1") == ["None"]


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("multirun/2026-11-20/18-00-00", "2026-11-20_18-00-00"),
        ("multirun/three models", "three models"),
        ("/data/sweeps/heads", "sweeps_heads"),
    ],
)
def test_a_group_is_called_after_the_sweeps_folder(folder: str, name: str) -> None:
    assert sweep_group(Path(folder)) == name
