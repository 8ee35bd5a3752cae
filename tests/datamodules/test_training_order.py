"""What order and which draws a training sees, whatever loads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer

from datamodules.augmentation import Augmentation
from datamodules.detection_datamodule import DetectionDataModule
from structures import Batch

MakeRoot = Callable[..., Path]


def test_loading_does_not_move_the_global_random_state(make_root: MakeRoot) -> None:
    data = DetectionDataModule(str(make_root()), batch_size=2)
    loader = data.train_dataloader()
    before = torch.random.get_rng_state()
    list(loader)
    assert torch.equal(before, torch.random.get_rng_state())


def test_augmentation_does_not_depend_on_the_workers(make_root: MakeRoot) -> None:
    root = str(make_root())

    def epochs(workers: int, batch_size: int) -> list[torch.Tensor]:
        data = DetectionDataModule(
            root, batch_size, workers, seed=7, augmentation=Augmentation(output_size=(30, 30))
        )
        loader = data.train_dataloader()
        clips = []
        for epoch in range(2):
            batches: Any = loader.batch_sampler
            batches.sampler.set_epoch(epoch)  # as Lightning does
            clips += [clip for batch in loader for clip in batch.clips]
        return clips

    alone, pair = epochs(0, 2), epochs(2, 2)
    assert len(alone) == 8
    assert all(torch.equal(a, b) for a, b in zip(alone, pair, strict=True))
    # Another batch size changes neither the order nor the draws.
    assert all(torch.equal(a, b) for a, b in zip(alone, epochs(0, 1), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(alone[:4], alone[4:], strict=True))


class _Recorder(LightningModule):
    """Notes which epoch's order each training batch came in."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: dict[int, list[int]] = {}
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        ids = [target.image_id for target in batch.frame_targets()]
        self.orders.setdefault(self.current_epoch, []).extend(ids)
        return self.weight * 1.0

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def test_lightning_moves_the_epoch_on(make_root: MakeRoot, tmp_path: Path) -> None:
    data = DetectionDataModule(str(make_root()), batch_size=1)
    recorder = _Recorder()
    trainer = Trainer(
        max_epochs=4, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, accelerator="cpu", use_distributed_sampler=False,
        limit_val_batches=0, default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(recorder, datamodule=data)
    assert all(sorted(order) == sorted(recorder.orders[0]) for order in recorder.orders.values())
    assert len({tuple(order) for order in recorder.orders.values()}) > 1
