"""States of jobs from the queue, from accounting, and from neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from runs.slurm.queue import GONE, JobState, job_states


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
    answer(
        answers, "squeue", r"12_0|RUNNING|None\n12_1|FAILED|NonZeroExitCode\n12_2|PENDING|None\n"
    )
    assert job_states(["12_0", "12_1"]) == {"12_0": ("RUNNING", ""), "12_1": ("FAILED", "")}
    assert not job_states(["12_2"])["12_2"].ended


def test_the_queue_says_why_a_job_waits(answers: Path):
    long = "Nodes required for job are DOWN, DRAINED or reserved"
    answer(answers, "squeue", rf"12_0|PENDING|{long}\n12_1|PENDING|Priority\n12_2|PENDING|None\n")
    states = job_states(["12_0", "12_1", "12_2"])
    assert [state.reason for state in states.values()] == [long, "Priority", ""]


@pytest.mark.parametrize("name", ["PREEMPTED", "NODE_FAIL", "TIMEOUT"])
def test_what_is_not_in_the_queue_again_has_ended(answers: Path, name: str):
    """Where a cluster cancels what it preempts, accounting calls the job PREEMPTED for ever."""
    answer(answers, "squeue", "")
    answer(answers, "sacct", rf"12|{name}\n")
    assert job_states(["12"])["12"].ended


def test_accounting_is_asked_for_what_the_queue_forgot(answers: Path):
    answer(answers, "squeue", r"12_0|RUNNING|None\n")
    answer(answers, "sacct", r"12_0|PENDING\n12_1|CANCELLED by 1000\n")
    assert job_states(["12_0", "12_1"]) == {"12_0": ("RUNNING", ""), "12_1": ("CANCELLED", "")}


def test_a_job_that_nobody_knows_is_gone(answers: Path):
    answer(answers, "squeue", "", "slurm_load_jobs error: Invalid job id specified")
    answer(answers, "sacct", "", "Slurm accounting storage is disabled")
    assert job_states(["12"]) == {"12": JobState(GONE)}


def test_nothing_is_said_while_slurm_does_not_answer(answers: Path):
    answer(answers, "squeue", "", "Unable to contact slurm controller")
    assert job_states(["12"]) == {}
