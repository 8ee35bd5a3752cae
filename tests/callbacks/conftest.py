"""A detector that cannot be wrong, so that any loss of score is the callback's."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor, nn

from detectors.base import Detector
from structures import Batch, Prediction


class Oracle(Detector):
    """Finds exactly the boxes of its targets, with falling scores."""

    def __init__(self, class_names: list[str], category_ids: list[int] | None = None) -> None:
        super().__init__(class_names, category_ids, partial(torch.optim.SGD, lr=0.0))
        self.network = nn.Linear(1, 1)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        return {"nothing": sum(p.sum() for p in self.parameters()) * torch.zeros(())}

    def predict(self, batch: Batch) -> list[Prediction]:
        return [
            Prediction(t.boxes, torch.linspace(0.9, 0.6, len(t.labels)), t.labels, t.image_id)
            for t in batch.frame_targets()
        ]

    def coverage(self, boxes: Tensor, labels: Tensor, frame_sizes: Tensor) -> dict[str, float]:
        return {"boxes_seen": float(len(boxes))}


@pytest.fixture
def oracle() -> Callable[..., Oracle]:
    """Builds an oracle for drawn facades; other classes or category ids where given."""
    return partial(Oracle, ["building", "window", "door"])


@pytest.fixture
def trainer_with(tmp_path: Path) -> Callable[..., Trainer]:
    """A quiet trainer of one epoch on the CPU with some callbacks."""

    def make(*callbacks: Callback, **options: Any) -> Trainer:
        return Trainer(
            accelerator="cpu",
            devices=1,
            max_epochs=1,
            callbacks=list(callbacks),
            default_root_dir=tmp_path,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            **options,
        )

    return make


@pytest.fixture
def make_root(drawn_root: Path, tmp_path: Path) -> Callable[..., Path]:
    """Drawn facades in a folder of their own, with annotations that the caller has changed."""

    def make(change: Callable[[dict[str, Any]], dict[str, dict[str, Any]]]) -> Path:
        root = tmp_path / "drawn_changed"
        root.mkdir()
        copytree(drawn_root / "images", root / "images")
        document = json.loads((drawn_root / "annotations.json").read_text())
        for name, content in change(document).items():
            (root / f"{name}.json").write_text(json.dumps(content))
        return root

    return make
