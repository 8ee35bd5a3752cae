"""States of jobs from the queue, from accounting, and from neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from runs.slurm.queue import GONE, job_states


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose scripts are the commands of SLURM."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    return tmp_path


def answer(folder: Path, command: str, text: str, error: str = "") -> None:
    script = folder / command
    script.write_text(
        f"#!/bin/sh\nprintf '{text}'\n" + (f"echo '{error}' >&2; exit 1" if error else "")
    )
    script.chmod(0o755)


def test_the_queue_knows_jobs_of_an_array(answers: Path):
    answer(answers, "squeue", r"12_0|RUNNING\n12_1|FAILED\n12_2|PENDING\n")
    assert job_states(["12_0", "12_1"]) == {"12_0": "RUNNING", "12_1": "FAILED"}


def test_accounting_is_asked_for_what_the_queue_forgot(answers: Path):
    answer(answers, "squeue", r"12_0|RUNNING\n")
    answer(answers, "sacct", r"12_0|PENDING\n12_1|CANCELLED by 1000\n")
    assert job_states(["12_0", "12_1"]) == {"12_0": "RUNNING", "12_1": "CANCELLED"}


def test_a_job_that_nobody_knows_is_gone(answers: Path):
    answer(answers, "squeue", "", "slurm_load_jobs error: Invalid job id specified")
    answer(answers, "sacct", "", "Slurm accounting storage is disabled")
    assert job_states(["12"]) == {"12": GONE}


def test_nothing_is_said_while_slurm_does_not_answer(answers: Path):
    answer(answers, "squeue", "", "Unable to contact slurm controller")
    assert job_states(["12"]) == {}
