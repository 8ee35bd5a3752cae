"""Batches that worker processes send are those that the training process would have made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from datamodules.detection_datamodule import DetectionDataModule
from structures import Batch


def batches(root: Path, workers: int) -> list[Batch]:
    return list(DetectionDataModule(str(root), 2, workers).val_dataloader())


def test_batches_come_through_unchanged(
    make_root: Callable[..., Path], document: dict[str, Any]
) -> None:
    document["annotations"][0]["iscrowd"] = 1
    document["videos"] = [{"id": 1, "name": "street", "fps": 5}]
    for image in document["images"][:4]:
        image["video_id"] = 1
    root = make_root(train=document, val=renamed(document))
    for sent, made in zip(batches(root, 1), batches(root, 0), strict=True):
        assert type(sent) is Batch
        assert sent.skipped == made.skipped
        assert all(torch.equal(a, b) for a, b in zip(sent.clips, made.clips, strict=True))
        for one, other in zip(sent.frame_targets(), made.frame_targets(), strict=True):
            for field in fields(one):
                a, b = getattr(one, field.name), getattr(other, field.name)
                assert type(a) is type(b)
                if isinstance(a, Tensor):
                    assert a.dtype == b.dtype
                    assert torch.equal(a, b)
                    a += 1  # as a tensor that one owns
                else:
                    assert a == b


def renamed(document: dict[str, Any]) -> dict[str, Any]:
    images = [row | {"file_name": f"val/{row['id']}.png"} for row in document["images"]]
    return document | {"images": images, "videos": [{"id": 1, "name": "park", "fps": 5}]}
