"""What a training does on SLURM's signals; with a real SLURM in tests/cluster/test_requeue.py."""

from __future__ import annotations

import itertools
import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.utils.data import DataLoader

from callbacks import preemption
from callbacks.preemption import Preemption, job_number
from callbacks.resume_points import RESUME, ResumePoints

IN_A_JOB = {"SLURM_JOB_ID": "12", "SLURM_JOB_NAME": "train"}


class Line(LightningModule):
    """The smallest training."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch: torch.Tensor) -> torch.Tensor:
        return self.layer(batch).square().mean()

    def validation_step(self, batch: torch.Tensor) -> None:
        pass

    def test_step(self, batch: torch.Tensor) -> None:
        pass

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class SignalAt(Callback):
    """Sends a signal to this process at the end of a step, or in the first validation."""

    def __init__(self, step: int | None, number: int) -> None:
        self.step, self.number = step, number

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            os.kill(os.getpid(), self.number)

    def on_validation_start(self, trainer: Trainer, *_: Any) -> None:
        if self.step is None and not trainer.sanity_checking:
            os.kill(os.getpid(), self.number)


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A job, and stand-ins for its commands that write down how they were called."""
    for name, value in IN_A_JOB.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("squeue", "scontrol"):
        script = folder / name
        script.write_text(
            f"#!/bin/sh\necho {name} $* >> {folder}/calls\ncat {folder}/{name}.says\n"
        )
        script.chmod(0o755)
        (folder / f"{name}.says").write_text("RUNNING\n")
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")

    def end_process(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(preemption, "end_process", end_process)
    return folder


def calls(folder: Path) -> str:
    file = folder / "calls"
    return file.read_text() if file.exists() else ""


def fit(folder: Path, *callbacks: Callback, patience: float = 60.0) -> Trainer:
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=2,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=[ResumePoints(str(folder), None), Preemption(patience), *callbacks],
    )
    data = DataLoader(torch.ones(6, 1))
    trainer.fit(Line(), data, data)
    return trainer


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM])
def test_a_signal_saves_requeues_and_ends(tmp_path: Path, slurm: Path, number: int):
    with pytest.raises(SystemExit) as ended:
        fit(tmp_path, SignalAt(3, number))
    assert ended.value.code == 0
    assert calls(slurm).splitlines()[-1] == "scontrol requeue 12"
    point = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert (point["global_step"], point[RESUME]["batches"]) == (3, 3)


def test_a_job_that_is_being_cancelled_stays_away(tmp_path: Path, slurm: Path):
    (slurm / "squeue.says").write_text("COMPLETING\n")
    with pytest.raises(SystemExit):
        fit(tmp_path, SignalAt(3, signal.SIGTERM))
    assert "requeue" not in calls(slurm)
    assert (tmp_path / "last.ckpt").exists()


def test_a_refused_requeue_is_a_failure(tmp_path: Path, slurm: Path):
    (slurm / "scontrol").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(SystemExit) as ended:
        fit(tmp_path, SignalAt(3, signal.SIGUSR2))
    assert ended.value.code == 1


def test_the_last_step_of_an_epoch_is_saved_before_the_next(tmp_path: Path, slurm: Path):
    with pytest.raises(SystemExit):
        fit(tmp_path, SignalAt(6, signal.SIGUSR2))
    point = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert (point["global_step"], point[RESUME]["epoch"], point[RESUME]["batches"]) == (6, 1, 0)


@pytest.mark.parametrize(("patience", "saved"), [(60.0, True), (0.0, False)])
def test_a_validation_may_go_on_for_a_while(
    tmp_path: Path, slurm: Path, patience: float, saved: bool
):
    with pytest.raises(SystemExit):
        fit(tmp_path, SignalAt(None, signal.SIGUSR2), patience=patience)
    assert (tmp_path / "last.ckpt").exists() == saved
    assert "requeue" in calls(slurm)


@pytest.mark.parametrize(("seconds", "asked"), [(0.125, [0, 1, 9, 17]), (3.0, list(range(20)))])
def test_several_processes_ask_each_other_about_once_a_second(
    slurm: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, asked: list[int]
):
    """By the slowest of them, here another one, so that all ask before the same batch."""
    batches: list[int] = []
    strategy = SimpleNamespace(
        root_device="cpu",
        reduce=lambda own, reduce_op: torch.maximum(own, torch.tensor(seconds)),
        reduce_boolean_decision=lambda due, all: batches.append(batch),
    )
    trainer: Any = SimpleNamespace(
        world_size=2, strategy=strategy, callbacks=[ResumePoints("run")],
        global_step=0, accumulate_grad_batches=1,
    )  # fmt: skip
    callback, clock = Preemption(), itertools.count(0, 0.001)
    monkeypatch.setattr(preemption.time, "monotonic", lambda: next(clock))
    for _ in ("an epoch", "the next one"):
        callback.on_train_epoch_start(trainer, Line())
        for batch in range(20):
            callback.on_train_batch_start(trainer, Line(), None, batch)
    assert batches == 2 * asked


class LoseConnection(Callback):
    """What a logger does whose service the signal has ended, too."""

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        raise ConnectionResetError("Connection lost")


def test_without_its_logger_a_training_goes_on_from_the_latest_point(tmp_path: Path, slurm: Path):
    with pytest.raises(SystemExit):
        fit(tmp_path, SignalAt(1, signal.SIGTERM), LoseConnection())
    assert "requeue" in calls(slurm)
    assert not (tmp_path / "last.ckpt").exists()


def test_an_error_without_a_signal_stays_one(tmp_path: Path, slurm: Path):
    with pytest.raises(ConnectionResetError):
        fit(tmp_path, LoseConnection())
    assert calls(slurm) == ""


def test_outside_of_slurm_signals_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    heard = []
    before = signal.signal(signal.SIGUSR2, lambda *_: heard.append(1))
    try:
        trainer = fit(tmp_path, SignalAt(3, signal.SIGUSR2))
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert heard
    assert trainer.global_step == 12


def test_a_signal_between_training_and_test_is_heard(tmp_path: Path, slurm: Path):
    trainer = fit(tmp_path)
    os.kill(os.getpid(), signal.SIGUSR2)
    with pytest.raises(SystemExit) as ended:
        trainer.test(Line(), DataLoader(torch.ones(2, 1)), verbose=False)
    assert ended.value.code == 0
    assert calls(slurm).splitlines()[-1] == "scontrol requeue 12"


def test_handlers_are_put_back(tmp_path: Path, slurm: Path):
    before = {number: signal.getsignal(number) for number in preemption.SIGNALS}
    fit(tmp_path).test(Line(), DataLoader(torch.ones(2, 1)), verbose=False)
    assert {number: signal.getsignal(number) for number in preemption.SIGNALS} == before


def test_jobs_are_named_as_slurm_takes_them():
    array = {"SLURM_ARRAY_JOB_ID": "12", "SLURM_ARRAY_TASK_ID": "3"}
    assert job_number(IN_A_JOB) == "12"
    assert job_number({**IN_A_JOB, **array, "SLURM_JOB_ID": "15"}) == "12_3"
    assert job_number({**IN_A_JOB, "SLURM_JOB_NAME": "bash"}) is None
    assert job_number({}) is None
