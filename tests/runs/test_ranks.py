"""Processes of one training: which of them is to blame."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from runs.ranks import _wait, has_folder, is_first_process, ranks_to_start


def process(words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sh", "-c", words])


def test_the_first_to_fail_is_named_and_not_those_that_lost_it(tmp_path: Path) -> None:
    started = {0: process("sleep 0.6; exit 1"), 1: process("exit 3")}
    with pytest.raises(ValueError, match=r"process 1 of 2 ended with exit code 3.*rank_1\.out"):
        _wait(started, tmp_path)
    started[0].wait()


def test_processes_that_end_well_are_waited_for(tmp_path: Path) -> None:
    started = {0: process("sleep 0.2"), 1: process("true")}
    _wait(started, tmp_path)
    assert [each.returncode for each in started.values()] == [0, 0]


@pytest.mark.parametrize("rank", ["SLURM_PROCID", "RANK", "LOCAL_RANK"])
def test_one_process_is_the_first(rank: str) -> None:
    assert is_first_process({})
    assert is_first_process({rank: "0"})
    assert not is_first_process({"LOCAL_RANK": "0", rank: "1"})


def test_of_a_training_one_process_has_the_folder() -> None:
    """What starts the others, where they did not begin together."""
    config = OmegaConf.create(
        {
            "trainer": {
                "_target_": "lightning.pytorch.Trainer",
                "accelerator": "cpu",
                "devices": 2,
                "strategy": "ddp",
            }
        }
    )
    assert has_folder({})
    assert not any(map(has_folder, ranks_to_start(config).values()))
    assert [has_folder({"SLURM_PROCID": rank}) for rank in ("0", "1")] == [True, False]
