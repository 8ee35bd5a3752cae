"""JPEG compression, and the ladders of qualities that studies here use."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.distortions.random_words import RandomWords

Picture = NDArray[Any]

# libjpeg scales its tables by 5000 / Q below 50 and by 200 - 2Q above. Both ladders are uniform in
# the logarithm of that scale, one between the steps of the other.
TRAIN_LADDER = (5, 7, 10, 14, 20, 28, 40, 60, 80)
UNSEEN_LADDER = (6, 8, 12, 17, 24, 34, 50, 70, 90)


def encode_jpeg(picture: Picture, quality: int) -> bytes:
    """Encode as baseline JPEG, chroma 4:2:0, with the standard Huffman tables.

    Args:
        picture: uint8 [H, W, 3] RGB.
        quality: libjpeg's, 1 to 100.

    Returns:
        The file: the same bytes as Pillow's with `subsampling=2, optimize=False,
        progressive=False` where both are built on the same libjpeg-turbo.
    """
    return _encode(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), quality).tobytes()


def decode_jpeg(file: bytes) -> Picture:
    """Decode what `encode_jpeg` made: uint8 [H, W, 3] RGB."""
    return _decode(np.frombuffer(file, np.uint8))


def jpeg(picture: Picture, _: RandomWords, quality: int) -> Picture:
    """Encode and decode.

    Args:
        picture: uint8 [H, W, 3] RGB.
        quality: libjpeg's, 1 to 100.
    """
    return _decode(_encode(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), quality))


def _decode(data: Picture) -> Picture:
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if decoded is None:
        raise ValueError("OpenCV cannot decode the JPEG that it has just encoded")
    # In place OpenCV would make a copy of its own.
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)


def _encode(bgr: Picture, quality: int) -> Picture:
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420]
    _, data = cv2.imencode(".jpg", bgr, options)
    return data
