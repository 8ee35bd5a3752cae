"""How much room pictures take as files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from datamodules.annotations.coco_annotations import CocoAnnotations
from datamodules.distortions import encode_jpeg


def file_bytes(annotations: CocoAnnotations, indices: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sizes of pictures as they lie on disk: int64, one an index."""
    return _sizes(lambda index: annotations.path(index).stat().st_size, indices)


def jpeg_bytes(
    read: Callable[[int], NDArray[np.uint8]], quality: int, indices: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The sizes of pictures encoded as JPEG: int64, one an index.

    Args:
        read: what picture an index has, uint8 [H, W, 3] RGB.
        quality: 1..100.
        indices: of the pictures.
    """
    return _sizes(lambda index: len(encode_jpeg(read(index), quality)), indices)


def mean_bits_per_pixel(
    annotations: CocoAnnotations, indices: NDArray[np.int64], sizes: NDArray[np.int64]
) -> float:
    """The mean of 8 · bytes / (H · W) over pictures."""
    areas = annotations.widths[indices] * annotations.heights[indices]
    return float(np.mean(8 * sizes / areas))


def _sizes(size: Callable[[int], int], indices: NDArray[np.int64]) -> NDArray[np.int64]:
    places: Iterable[int] = indices.tolist()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.array(list(pool.map(size, places)), dtype=np.int64)
