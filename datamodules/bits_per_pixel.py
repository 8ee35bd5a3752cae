"""How much room pictures take as files: 8 · bytes / (H · W), averaged over pictures."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from datamodules.coco_annotations import CocoAnnotations
from datamodules.distortions import encode_jpeg


def file_bits_per_pixel(
    annotations: CocoAnnotations, image_ids: NDArray[np.int64] | None = None
) -> float:
    """The mean over pictures of a data set as they lie on disk.

    Args:
        annotations: of the data set.
        image_ids: int64 [I], the pictures; all where None.
    """
    return _mean(annotations, image_ids, lambda index: annotations.path(index).stat().st_size)


def jpeg_bits_per_pixel(
    annotations: CocoAnnotations,
    read: Callable[[int], NDArray[np.uint8]],
    quality: int,
    image_ids: NDArray[np.int64] | None = None,
) -> float:
    """The mean over pictures of a data set, encoded as JPEG.

    Args:
        annotations: of the data set.
        read: what picture an index has, uint8 [H, W, 3] RGB.
        quality: 1..100.
        image_ids: int64 [I], the pictures; all where None.
    """
    return _mean(annotations, image_ids, lambda index: len(encode_jpeg(read(index), quality)))


def _mean(
    annotations: CocoAnnotations, image_ids: NDArray[np.int64] | None, size: Callable[[int], int]
) -> float:
    known = annotations.image_ids
    indices = np.flatnonzero(np.isin(known, known if image_ids is None else image_ids))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        sizes = list(pool.map(size, indices.tolist()))
    areas = annotations.widths[indices] * annotations.heights[indices]
    return float(np.mean(8 * np.array(sizes) / areas))
