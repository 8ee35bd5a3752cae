"""Loaders of batches, the same whatever the number of worker processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler, get_worker_info

from datamodules.coco_dataset import CocoDataset
from structures import Batch, Target, collate
from structures.batch import Sample


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
        collate_fn=_collate,
        pin_memory=torch.cuda.is_available(),
        persistent_workers=persistent and num_workers > 0,
        worker_init_fn=_begin_worker,
        generator=torch.Generator().manual_seed(seed),
    )


def _collate(samples: Sequence[Sample]) -> Batch:
    batch = collate(samples)
    return batch if get_worker_info() is None else _SentBatch(**_values(batch))


class _SentBatch(Batch):
    """A batch that reaches another process as a plain one, with its targets copied there.

    Torch sends each tensor as a file of shared memory. For the small ones of targets, over a
    hundred a batch of clips, that takes several times as long as reading the frames.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        sent = [[_sent(target) for target in clip] for clip in self.targets]
        return _received, (self.clips, sent, self.skipped)


def _received(clips: list[Tensor], sent: list[list[dict[str, Any]]], skipped: list[int]) -> Batch:
    return Batch(clips, [[_target(values) for values in clip] for clip in sent], skipped)


def _sent(target: Target) -> dict[str, Any]:
    values = _values(target).items()
    return {name: v.numpy() if isinstance(v, Tensor) else v for name, v in values}


def _target(sent: dict[str, Any]) -> Target:
    values: dict[str, Any] = {
        name: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for name, v in sent.items()
    }
    return Target(**values)


def _values(structure: Batch | Target) -> dict[str, Any]:
    return {field.name: getattr(structure, field.name) for field in fields(structure)}


def _begin_worker(worker: int) -> None:
    """Keep OpenCV in a worker from starting a thread for each core; the workers are the threads.

    In a SLURM job every process gets the warning before its end. A worker that heeded it would
    break off the training, which alone decides when to leave; torch ends its workers by a message.
    """
    del worker
    cv2.setNumThreads(0)
    if "SLURM_JOB_ID" in os.environ:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
