"""Reads pictures, their pixels as stored."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

# Annotations are made on the stored pixels, so an EXIF orientation must not turn the picture.
_FLAGS = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Decode a picture to uint8 [H, W, 3] RGB, its pixels as stored.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be decoded.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such picture")
    data = np.fromfile(path, dtype=np.uint8)
    try:
        picture = cv2.imdecode(data, _FLAGS)
    except cv2.error:  # an empty file, or a size beyond OpenCV's limits
        picture = None
    if picture is None:
        raise ValueError(f"{path}: not a picture that can be decoded, or damaged")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
