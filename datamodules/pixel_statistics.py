"""Mean and spread of the pixels of a training set, measured once and kept in a file."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from structures.atomic_file import write_atomically

logger = logging.getLogger(__name__)

MOST_PICTURES = 4000  # more change no digit that matters
LEAST_STD = 1 / 255  # of a channel that is the same all over


class PixelStatistics(NamedTuple):
    """Of red, green and blue in [0, 1].

    Attributes:
        mean: Three numbers.
        std: Three numbers, above 0.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]


def measure(read: Callable[[int], NDArray[np.uint8]], count: int) -> PixelStatistics:
    """Look at pictures, evenly spread over all of them.

    Args:
        read: What picture an index has, uint8 [H, W, 3].
        count: How many there are, at least one.
    """
    indices = np.unique(np.linspace(0, count - 1, min(count, MOST_PICTURES)).astype(np.int64))
    levels = np.zeros((3, 256), dtype=np.int64)
    for index in track(indices.tolist(), "Measuring pixels", console=Console(stderr=True)):
        planes = read(index).reshape(-1, 3).T
        levels += np.stack([np.bincount(plane, minlength=256) for plane in planes])
    share = levels / levels.sum(axis=1, keepdims=True)
    value = np.arange(256) / 255
    mean = share @ value
    std = np.sqrt(np.maximum(share @ value**2 - mean**2, 0))
    return PixelStatistics(tuple(mean.tolist()), tuple(np.maximum(std, LEAST_STD).tolist()))


def measured_once(file: Path, measured: Callable[[], PixelStatistics]) -> PixelStatistics:
    """What a file holds; it is written first where it is not there.

    Args:
        file: JSON with `mean` and `std`; its name tells which data they are of.
        measured: Gives what to write.

    Raises:
        ValueError: if the file holds anything else.
    """
    if not file.is_file():
        write_atomically(file, json.dumps(measured()._asdict()).encode())
        logger.info("Pixel statistics of the training set are kept in %s", file)
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        mean, std = (tuple(float(v) for v in found[key]) for key in ("mean", "std"))
        fine = len(mean) == len(std) == 3 and all(map(math.isfinite, mean)) and min(std) > 0
    except (ValueError, KeyError, TypeError):
        fine = False
    if not fine:
        raise ValueError(f"{file}: expected three numbers each as 'mean' and 'std'; delete it")
    return PixelStatistics(mean, std)
