"""What points to go on from hold, and what a write that fails leaves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer

from callbacks import checkpoint_files
from callbacks.checkpoint_files import AtomicCheckpointIO
from callbacks.point_files import PointFiles
from callbacks.resume_points import ResumePoints
from datamodules.facades import FacadesDataModule
from structures.atomic_file import write_atomically

MakeTrainer = Callable[..., Trainer]


def content(file: Path) -> Any:
    return torch.load(file, weights_only=True)


def place(file: Path) -> tuple[int, int, int]:
    point = content(file)
    return point["resume"]["epoch"], point["resume"]["batches"], point["global_step"]


@pytest.mark.parametrize(("accumulated", "batches"), [(1, 4), (2, 4)])
def test_points_lie_between_steps_and_never_amid_an_accumulated_gradient(
    accumulated: int,
    batches: int,
    drawn_root: Path,
    oracle: Any,
    trainer_with: MakeTrainer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = []

    def note(path: Path, data: bytes) -> None:
        write_atomically(path, data)
        places.append(place(path))

    monkeypatch.setattr(checkpoint_files, "write_atomically", note)
    trainer = trainer_with(
        ResumePoints(str(tmp_path), every_minutes=None, every_n_steps=1),
        plugins=AtomicCheckpointIO(),
        accumulate_grad_batches=accumulated,
        limit_train_batches=batches,
        limit_val_batches=0,
    )
    trainer.fit_loop.max_epochs = 2
    trainer.fit(oracle(), datamodule=FacadesDataModule(str(drawn_root), batch_size=2))
    steps = batches // accumulated
    within = [(e, b, e * steps + b // accumulated) for e in (0, 1) for b in range(0, batches)]
    expected = [p for p in within if p[1] % accumulated == 0 and p != (0, 0, 0)]
    assert places == [*expected, (2, 0, 2 * steps)]
    assert place(tmp_path / "before_last.ckpt") == places[-2]


@pytest.mark.parametrize(("stopped", "end"), [(False, (2, 0, 4)), (True, (1, 0, 2))])
def test_a_training_that_has_ended_goes_on_to_more_epochs_unless_it_was_stopped(
    stopped: bool,
    end: tuple[int, int, int],
    drawn_root: Path,
    oracle: Any,
    trainer_with: MakeTrainer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    point = tmp_path / "last.ckpt"

    def fit(epochs: int, *callbacks: Callback, begin: Path | None = None) -> None:
        points = ResumePoints(str(tmp_path), every_minutes=None)
        trainer = trainer_with(points, *callbacks, limit_train_batches=2, limit_val_batches=0)
        trainer.fit_loop.max_epochs = epochs
        data = FacadesDataModule(str(drawn_root), batch_size=2)
        trainer.fit(oracle(), datamodule=data, ckpt_path=begin, weights_only=True)

    fit(1, *([Stop()] if stopped else []))
    assert place(point) == (1, 0, 2)
    fit(2, begin=point)
    assert place(point) == end
    assert ("only tested once more" in caplog.text) == stopped


class Stop(Callback):
    """Ends a training early, as early stopping and pruning do."""

    def on_train_epoch_end(self, trainer: Trainer, *_: Any) -> None:
        trainer.should_stop = True


def test_a_full_disk_leaves_the_point_before(
    drawn_root: Path,
    oracle: Any,
    trainer_with: MakeTrainer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[Path] = []

    def until_full(path: Path, data: bytes) -> None:
        if len(written) == 2:
            raise OSError(28, "No space left on device", str(path))
        write_atomically(path, data)
        written.append(path)

    monkeypatch.setattr(checkpoint_files, "write_atomically", until_full)
    trainer = trainer_with(
        ResumePoints(str(tmp_path), every_n_steps=1),
        plugins=AtomicCheckpointIO(),
        limit_val_batches=0,
    )
    with pytest.raises(OSError, match=r"No space left on device: '.*last.ckpt'"):
        trainer.fit(oracle(), datamodule=FacadesDataModule(str(drawn_root), batch_size=2))
    assert place(tmp_path / "last.ckpt") == (0, 2, 2)


def test_a_better_checkpoint_from_a_future_that_was_lost_is_taken_back(tmp_path: Path) -> None:
    files, best = PointFiles(tmp_path), tmp_path / "best.ckpt"
    for step in (1, 2):
        write_atomically(best, f"best of {step}".encode())
        files.keep_the_one_before(step)
        write_atomically(files.last, f"point {step}".encode())
        files.drop_old_bests()
    write_atomically(best, b"from the future")
    PointFiles(tmp_path).begin_from(files.last, "best-2.ckpt")
    assert best.read_bytes() == b"best of 2"
    PointFiles(tmp_path).begin_from(files.before_last, "best-1.ckpt")
    assert best.read_bytes() == b"best of 1"
    assert files.last.read_bytes() == b"point 1"
    PointFiles(tmp_path).begin_from(files.last, None)
    assert not best.exists()


@pytest.mark.parametrize("name", ["every_minutes", "every_n_steps"])
def test_an_interval_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}=0: must be above 0"):
        ResumePoints("run", **{name: 0})
