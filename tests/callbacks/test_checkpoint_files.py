"""What a run leaves to go on from, whenever it is killed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from lightning.pytorch import Callback, LightningModule, Trainer
from typing_extensions import override

from callbacks.checkpoint_files import AtomicCheckpointIO
from datamodules.facades import FacadesDataModule

CONF = Path(__file__).resolve().parents[2] / "conf"


class FallingScore(Callback):
    """The first epoch is the best one; the process dies within the given one."""

    def __init__(self, dies_in: int | None = None) -> None:
        self.dies_in = dies_in

    @override
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        pl_module.log("val/map", 1.0 / (1 + trainer.current_epoch))

    @override
    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.current_epoch == self.dies_in:
            raise KeyboardInterrupt


def trainer_of_the_yaml(folder: Path, *callbacks: Callback, epochs: int) -> Trainer:
    """With the trainer and the two checkpoint callbacks of a training's config."""
    paths = [f"paths.root={folder}", f"paths.run={folder}", "trainer=cpu"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=[*paths, f"trainer.max_epochs={epochs}"])
    # Points to resume from come first, as in the YAML.
    saving = [instantiate(config.callbacks[k]) for k in ("resume_points", "checkpoint")]
    trainer: Trainer = instantiate(
        config.trainer,
        callbacks=[*saving[:1], *callbacks, *saving[1:]],
        logger=False,
        enable_progress_bar=False,
        limit_train_batches=2,
        limit_val_batches=1,
    )
    return trainer


def content(file: Path) -> Any:
    return torch.load(file, weights_only=True)


def test_a_killed_run_goes_on_from_its_latest_epoch_though_the_best_is_older(
    drawn_root: Path, oracle: Any, tmp_path: Path
) -> None:
    data = FacadesDataModule(str(drawn_root), batch_size=2)
    killed = trainer_of_the_yaml(tmp_path, FallingScore(dies_in=3), epochs=9)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        killed.fit(oracle(), datamodule=data)
    best, last = content(tmp_path / "best.ckpt"), content(tmp_path / "last.ckpt")
    assert (best["epoch"], last["epoch"]) == (0, 2)
    assert (best["global_step"], last["global_step"]) == (2, 6)
    files = sorted(path.name for path in tmp_path.glob("*.ckpt"))
    assert files == ["before_last.ckpt", "best.ckpt", "last.ckpt"]

    resumed = trainer_of_the_yaml(tmp_path, FallingScore(), epochs=5)
    resumed.fit(oracle(), datamodule=data, ckpt_path=tmp_path / "last.ckpt", weights_only=True)
    assert (resumed.current_epoch, resumed.global_step) == (5, 10)
    assert content(tmp_path / "last.ckpt")["epoch"] == 4
    assert content(tmp_path / "best.ckpt")["epoch"] == 0
    assert Path(resumed.checkpoint_callback.best_model_path).name == "best.ckpt"  # type: ignore[union-attr]


def test_a_write_that_breaks_off_leaves_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, files = tmp_path / "last.ckpt", AtomicCheckpointIO()
    files.save_checkpoint({"epoch": 1}, path)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as context:
        context.setattr(os, "replace", full)
        context.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="No space left"):
            files.save_checkpoint({"epoch": 2}, path)
    assert content(path) == {"epoch": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_checkpoint_is_written_beside_its_place_and_never_into_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.ckpt"
    moves: list[tuple[Path, Path]] = []
    replace = Path.replace

    def noted(self: Path, target: Path) -> Path:
        assert content(self) == {"epoch": 3}
        moves.append((self.parent, target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", noted)
    AtomicCheckpointIO().save_checkpoint({"epoch": 3}, path)
    assert moves == [(tmp_path, path)]
