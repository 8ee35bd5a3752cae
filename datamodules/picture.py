"""Reads pictures, and checks at the door that every picture can be read."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

from datamodules.coco_annotations import CocoAnnotations

logger = logging.getLogger(__name__)

# Annotations are made on the stored pixels, so an EXIF orientation must not turn the picture.
_FLAGS = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
_PROGRESS_FROM = 2000
# How complete files end: JPEG's EOI marker; PNG's IEND chunk with its checksum.
_LAST_BYTES = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}


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


def check_pictures(annotations: CocoAnnotations, indices: Sequence[int] | None = None) -> list[str]:
    """Look at every picture without decoding it where that is enough.

    Args:
        annotations: the data set.
        indices: pictures to look at; all where absent.

    Returns:
        For each of them what is wrong with it, file included, or an empty string. A picture must
        exist, have the size that the annotations say and be complete to its last byte.
    """
    wanted = range(len(annotations)) if indices is None else indices
    threads = min(16, 2 * (os.cpu_count() or 1))  # mostly waiting for the disk
    with ThreadPoolExecutor(threads) as pool:
        results = pool.map(partial(_fault_of, annotations), wanted, chunksize=64)
        return list(
            track(
                results,
                description="Checking pictures",
                total=len(wanted),
                transient=True,
                disable=len(wanted) < _PROGRESS_FROM,
            )
        )


def _fault_of(annotations: CocoAnnotations, index: int) -> str:
    path = annotations.path(index)
    expected = (int(annotations.widths[index]), int(annotations.heights[index]))
    name = f"{path} (image id {annotations.image_ids[index]})"
    try:
        with Image.open(path) as picture:
            if picture.size != expected:
                return (
                    f"{name}: is {picture.size[0]}x{picture.size[1]} pixels, "
                    f"its annotations say {expected[0]}x{expected[1]}"
                )
            _check_end(path, picture)
    except FileNotFoundError:
        return f"{name}: no such picture"
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        return f"{name}: damaged or cut short, or not a picture: {error}"
    return ""


def _check_end(path: Path, picture: Image.Image) -> None:
    """Raise `OSError` unless the file is complete; decode it only if its last bytes don't tell."""
    last = _LAST_BYTES.get(picture.format or "", b"")
    if last:
        with path.open("rb") as file:
            file.seek(-len(last), os.SEEK_END)
            if file.read() == last:
                return
    picture.load()
    if last not in path.read_bytes():  # bytes behind the end are harmless, a missing end is not
        raise OSError("its end is missing")
