"""Pictures decoded once, to be shown in many conditions."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from datamodules.annotations.coco_annotations import CocoAnnotations
from datamodules.picture import read_picture

logger = logging.getLogger(__name__)

_MB = 2**20
# Where Linux keeps shared memory. Containers often have little, and writing past it kills.
_SHARED_MEMORY = Path("/dev/shm")


class DecodedPictures:
    """Pictures in one memory, which forked and spawned loader processes share without copies.

    What the memory has no room for, or cannot be read, is read from disk whenever it is asked for.

    Args:
        annotations: the pictures.
        indices: those to keep, the first ones first.
        budget_mb: room for them in MiB; 0 keeps none.
        shared: whether other processes will read them.
    """

    def __init__(
        self,
        annotations: CocoAnnotations,
        indices: Sequence[int] | range,
        budget_mb: int,
        shared: bool,
    ) -> None:
        self._annotations = annotations
        budget = budget_mb * _MB
        if shared and budget and _SHARED_MEMORY.is_dir():
            budget = min(budget, shutil.disk_usage(_SHARED_MEMORY).free // 2)
        index = np.asarray(indices, dtype=np.int64)
        ends = np.cumsum(3 * annotations.widths[index] * annotations.heights[index])
        fitting = int(np.searchsorted(ends, budget, side="right"))
        starts = [0, *ends[:fitting].tolist()]
        memory = torch.empty(starts[-1], dtype=torch.uint8)
        self._memory = memory.share_memory_() if shared and fitting else memory
        self._starts = dict(zip(index[:fitting].tolist(), starts, strict=False))
        self._decode()
        if budget_mb:
            logger.info(
                "%d of %d pictures are kept decoded (%d MiB)%s",
                len(self._starts), len(index), starts[-1] // _MB,
                "" if fitting == len(index) else
                f"; the others are decoded anew for each condition: there is room for "
                f"{budget // _MB} MiB (datamodule.decoded_mb, {_SHARED_MEMORY})",
            )  # fmt: skip

    def __call__(self, index: int) -> NDArray[np.uint8]:
        """Picture `index`: uint8 [H, W, 3] RGB, which must not be written to.

        Raises:
            FileNotFoundError: if it must be read and is not there.
            ValueError: if it must be read and cannot be decoded.
        """
        if index not in self._starts:
            return read_picture(self._annotations.path(index))
        view = self._view(index)
        view.flags.writeable = False
        return view

    def _view(self, index: int) -> NDArray[np.uint8]:
        shape = (int(self._annotations.heights[index]), int(self._annotations.widths[index]), 3)
        start = self._starts[index]
        return self._memory.numpy()[start : start + int(np.prod(shape))].reshape(shape)

    def _decode(self) -> None:
        kept = list(self._starts)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for index, decoded in zip(kept, pool.map(self._decode_one, kept), strict=True):
                if not decoded:
                    del self._starts[index]

    def _decode_one(self, index: int) -> bool:
        try:
            self._view(index)[:] = read_picture(self._annotations.path(index))
        except (OSError, ValueError):  # told by whoever asks for this picture
            return False
        return True
