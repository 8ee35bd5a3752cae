"""What is told of jobs that ended: with a result, with an error, or killed."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hydra.core.utils import JobReturn, JobStatus
from submitit import SlurmJob

from runs.slurm.outcome import JobFailed, Submitted, outcome, wait_for
from runs.slurm.queue import GONE, JobState
from runs.sweep.jobs import report_jobs

TRACE = """Traceback (most recent call last):
  File "x.py", line 1, in f
ValueError: lr=-1

The above exception was the direct cause of the following exception:

runs.slurm.outcome.JobFailed: lr=-1: must be above 0
two lines
"""


def submitted(folder: Path, results: list[tuple[str, object] | None]) -> Submitted:
    """A job of which each process left a pickle, or none."""
    job: SlurmJob = SlurmJob(folder / ".submitit" / "%j", "12_0", range(len(results)))
    for rank, result in enumerate(results):
        file = job.task(rank).paths.result_pickle
        file.parent.mkdir(parents=True, exist_ok=True)
        if result is not None:
            file.write_bytes(pickle.dumps(result))
    return Submitted(3, ["lr=-1", "hydra.verbose=true"], folder / "3", job)


def success(score: float) -> tuple[str, JobReturn]:
    returned = JobReturn(status=JobStatus.COMPLETED)
    returned.return_value = score
    return "success", returned


def test_the_result_of_the_first_process_counts(tmp_path: Path):
    ended, returned = outcome(submitted(tmp_path, [success(0.5), success(0.25)]), "COMPLETED")
    assert (ended.score, ended.error, ended.overrides) == (0.5, "", "lr=-1")
    assert returned.return_value == 0.5


@pytest.mark.parametrize("others", [[], [None], [success(1.0)]])
def test_an_error_is_told_in_its_own_words(tmp_path: Path, others: list):
    ended, returned = outcome(submitted(tmp_path, [*others, ("error", TRACE)]), "FAILED")
    assert ended.error.startswith("lr=-1: must be above 0\ntwo lines (log: ")
    assert ended.score is None
    with pytest.raises(JobFailed, match=r"job 3 \(lr=-1\): lr=-1: must be above 0"):
        _ = returned.return_value


def test_a_killed_job_is_told_by_its_state(tmp_path: Path):
    ended, returned = outcome(submitted(tmp_path, [None, success(1.0)]), "OUT_OF_MEMORY")
    assert "OUT_OF_MEMORY" in ended.error
    assert returned.status is JobStatus.FAILED


def test_logs_are_found_in_the_run_folder(tmp_path: Path):
    job = submitted(tmp_path, [None, None])
    job.link_logs()
    job.tasks[1].paths.stderr.write_text("words")
    assert (tmp_path / "3" / "slurm1.err").read_text() == "words"
    assert {link.name for link in (tmp_path / "3").iterdir()} == {
        "slurm.out", "slurm.err", "slurm1.out", "slurm1.err"
    }  # fmt: skip


def test_waiting_tells_once_what_jobs_wait_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO")
    job = submitted(tmp_path, [None])
    waits, gone = JobState("PENDING", "Priority"), JobState(GONE)
    # A moment between the queue and accounting is not the end; twice in a row it is.
    answers = [waits, waits, gone, JobState("RUNNING"), gone, gone]
    monkeypatch.setattr("runs.slurm.outcome.job_states", lambda jobs: {jobs[0]: answers.pop(0)})
    monkeypatch.setattr("runs.slurm.outcome.time.sleep", lambda seconds: None)
    assert wait_for([job]) == {"12_0": GONE}
    assert answers == []
    assert caplog.text.count("1 waiting (Priority)") == 1


def test_the_report_lists_every_job(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    good, _ = outcome(submitted(tmp_path / "a", [success(0.5)]), "COMPLETED")
    bad, _ = outcome(submitted(tmp_path / "b", [("error", TRACE)]), "FAILED")
    report_jobs([good, bad], tmp_path)
    printed = capsys.readouterr().out
    assert "1 of 2 jobs finished" in printed
    assert "must be above 0" in printed
    lines = (tmp_path / "jobs.csv").read_text().splitlines()
    assert lines[0] == "number,job,state,score,overrides,folder,error"
    assert lines[1].startswith("3,12_0,COMPLETED,0.5,lr=-1,")
