"""The pictures that were read last, so that overlapping clips decode no frame twice."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_MB = 2**20


class RecentPictures:
    """Reads pictures by index and keeps the most recent ones; each loader process has its own.

    Args:
        read: what picture an index has, uint8 [H, W, 3] RGB.
        budget_mb: room for them in MiB; 0 keeps none.
    """

    def __init__(self, read: Callable[[int], NDArray[np.uint8]], budget_mb: int) -> None:
        self._read = read
        self._room = budget_mb * _MB
        self._kept: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()

    def __call__(self, index: int) -> NDArray[np.uint8]:
        """Picture `index`: uint8 [H, W, 3] RGB, which must not be written to.

        Raises:
            FileNotFoundError: if it must be read and is not there.
            ValueError: if it must be read and cannot be decoded.
        """
        picture = self._kept.get(index)
        if picture is not None:
            self._kept.move_to_end(index)
            return picture
        picture = self._read(index)
        picture.flags.writeable = False
        self._kept[index] = picture
        self._room -= picture.nbytes
        while self._room < 0:
            _, oldest = self._kept.popitem(last=False)
            self._room += oldest.nbytes
        return picture
