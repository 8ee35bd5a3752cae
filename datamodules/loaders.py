"""Loaders of batches, the same whatever the number of worker processes."""

from __future__ import annotations

from typing import Any

import cv2
import torch
from torch.utils.data import DataLoader, Sampler

from datamodules.coco_dataset import CocoDataset
from structures import Batch, collate


def clip_loader(
    dataset: CocoDataset, batches: Sampler[Any], num_workers: int, seed: int, persistent: bool
) -> DataLoader[Batch]:
    """A loader of batches of clips.

    Args:
        dataset: of samples.
        batches: which items, (index, epoch), stand in which batch.
        num_workers: loader processes; 0 loads in this process.
        seed: of what the loader draws for its workers; the global random state stays as it is.
        persistent: whether the workers live on after a pass, for the next one.
    """
    return DataLoader(
        dataset,  # type: ignore[arg-type]  # of samples, which `collate` makes batches
        batch_sampler=batches,
        num_workers=num_workers,
        collate_fn=collate,
        pin_memory=torch.cuda.is_available(),
        persistent_workers=persistent and num_workers > 0,
        worker_init_fn=_one_thread,
        generator=torch.Generator().manual_seed(seed),
    )


def _one_thread(worker: int) -> None:
    """Keep OpenCV in a worker from starting a thread for each core; the workers are the threads."""
    del worker
    cv2.setNumThreads(0)
