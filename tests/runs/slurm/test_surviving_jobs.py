"""A sweep that is gone on with leaves run folders alone that jobs of SLURM still write to."""

from __future__ import annotations

from pathlib import Path

import pytest

from runs.slurm import surviving_jobs
from runs.slurm.queue import JobState
from runs.slurm.surviving_jobs import wait_for_survivors


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Two runs that were jobs of SLURM, one that was not, and one that was never begun."""
    runs = [tmp_path / str(number) for number in range(4)]
    for run, job in zip(runs, ("12_0", "12_1", None), strict=False):
        run.mkdir()
        if job:
            (run / "slurm.out").symlink_to(f"../.submitit/{job}/{job}_0_log.out")
    return runs


def test_it_waits_until_each_job_has_ended(
    folders: list[Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    answers = [
        {"12_0": "RUNNING", "12_1": "PENDING"},
        {},
        {"12_0": "COMPLETED", "12_1": "RUNNING"},
        {"12_1": "CANCELLED"},
    ]
    asked: list[list[str]] = []

    def answer(jobs: list[str]) -> dict[str, JobState]:
        asked.append(jobs)
        return {job: JobState(name) for job, name in answers[len(asked) - 1].items()}

    monkeypatch.setattr(surviving_jobs, "job_states", answer)
    monkeypatch.setattr(surviving_jobs.time, "sleep", lambda seconds: None)
    wait_for_survivors(folders)
    assert asked == [["12_0", "12_1"]] * 3 + [["12_1"]]
    assert caplog.text.count("outlived the sweep: 12_0 12_1") == 1


def test_a_queue_that_does_not_answer_is_no_leave_to_begin(
    folders: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surviving_jobs, "job_states", lambda jobs: {})
    monkeypatch.setattr(surviving_jobs, "_ANSWER_S", -1.0)
    with pytest.raises(ValueError, match="12_0 12_1 of this sweep may still run"):
        wait_for_survivors(folders)


def test_a_queue_that_fails_once_after_hours_is_asked_again(
    folders: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = {"12_0": JobState("RUNNING"), "12_1": JobState("RUNNING")}
    answers = [running, running, running, {}, dict.fromkeys(running, JobState("COMPLETED"))]
    clock = [0.0]
    monkeypatch.setattr(surviving_jobs, "job_states", lambda jobs: answers.pop(0))
    monkeypatch.setattr(surviving_jobs.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(surviving_jobs.time, "sleep", lambda _: clock.append(clock.pop() + 100))
    wait_for_survivors(folders)
    assert answers == []


def test_runs_of_this_machine_are_not_waited_for(
    folders: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surviving_jobs, "job_states", lambda jobs: pytest.fail("asked"))
    wait_for_survivors(folders[2:])
