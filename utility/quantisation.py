"""The quantisation table of a JPEG, and the quality that libjpeg made it for."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# ITU-T T.81, table K.1: what libjpeg scales.
STANDARD_LUMA = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)


def scaled(quality: int) -> NDArray[np.int64]:
    """The luma table [8, 8] that libjpeg uses for a quality of 1..100."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((STANDARD_LUMA * scale + 50) // 100, 1, 255)


def luma_table(file: bytes) -> NDArray[np.int64]:
    """The luma quantisation table of a JPEG file: [8, 8], rows from low to high frequency.

    Raises:
        ValueError: if it is none.
    """
    with Image.open(io.BytesIO(file)) as picture:
        tables = getattr(picture, "quantization", None)
    if not tables:
        raise ValueError("not a JPEG file: it has no quantisation tables")
    return np.array(tables[0], dtype=np.int64).reshape(8, 8)


def quality_of(file: bytes) -> int | None:
    """The quality that a JPEG file was saved with, None where its table is not libjpeg's."""
    found = luma_table(file)
    for quality in range(1, 101):
        if np.array_equal(scaled(quality), found):
            return quality
    return None
