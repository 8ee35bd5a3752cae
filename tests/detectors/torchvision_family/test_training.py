"""Faster R-CNN through train.py learns as in a loop of plain torch and torchvision."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from lightning.pytorch import seed_everything
from omegaconf import DictConfig
from torchvision.models.detection import fasterrcnn_mobilenet_v3_large_320_fpn

from train import train

ROOT = Path(__file__).resolve().parents[3]
STEPS = 20
LOSSES = ("loss_classifier", "loss_box_reg", "loss_objectness", "loss_rpn_box_reg")


def settings(folder: Path, drawn_root: Path) -> DictConfig:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose(
            "train",
            overrides=[
                f"paths.root={folder}",
                f"paths.data={drawn_root.parent}",
                f"paths.run={folder}",
                "seed=11",
                "model=faster_rcnn",
                "model.architecture=fasterrcnn_mobilenet_v3_large_320_fpn",
                "model.min_size=64",
                "model.max_size=96",
                "~model.schedule",
                "datamodule.draw.pictures=24",
                "datamodule.draw.seed=3",
                "datamodule.batch_size=2",
                "trainer=cpu",
                "trainer.max_epochs=3",
                f"+trainer.max_steps={STEPS}",
                "+trainer.limit_val_batches=1",
                "+trainer.limit_test_batches=1",
                "trainer.log_every_n_steps=1",
                "logger=csv",
            ],
        )


def losses_of_train_py(cfg: DictConfig) -> list[dict[str, float]]:
    train(cfg)
    (file,) = Path(cfg.paths.run).rglob("metrics.csv")
    with file.open() as lines:
        rows = [row for row in csv.DictReader(lines) if row.get("train/loss_classifier")]
    return [{name: float(row[f"train/{name}"]) for name in LOSSES} for row in rows]


def losses_of_a_bare_loop(cfg: DictConfig) -> list[dict[str, float]]:
    """What anybody would write for torchvision; only the batches come from the project."""
    seed_everything(cfg.seed, verbose=False)
    data: Any = instantiate(cfg.datamodule, _convert_="all")
    data.prepare_data()
    data.setup("fit")
    model = fasterrcnn_mobilenet_v3_large_320_fpn(
        weights=None, weights_backbone=None, num_classes=len(data.classes) + 1,
        min_size=64, max_size=96,
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    loader = data.train_dataloader()
    model.train()
    found: list[dict[str, float]] = []
    epoch = 0
    while len(found) < STEPS:
        loader.batch_sampler.sampler.set_epoch(epoch)
        for batch in loader:
            images = [frame / 255 for frame in batch.frames()]
            targets = [{"boxes": t.boxes, "labels": t.labels} for t in batch.frame_targets()]
            losses = model(images, targets)
            optimizer.zero_grad()
            sum(losses.values()).backward()
            optimizer.step()
            found.append({name: losses[name].item() for name in LOSSES})
        epoch += 1
    return found[:STEPS]


@pytest.mark.slow
def test_twenty_steps_have_the_losses_of_a_bare_torchvision_loop(
    drawn_root: Path, tmp_path: Path
) -> None:
    cfg = settings(tmp_path, drawn_root)
    ours, theirs = losses_of_train_py(cfg), losses_of_a_bare_loop(cfg)
    assert len(ours) == len(theirs) == STEPS
    assert ours == theirs
    assert ours[0] != ours[-1]
