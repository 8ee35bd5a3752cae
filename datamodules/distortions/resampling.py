"""Pixels taken from elsewhere: a picture of few large ones, and one on a rubber sheet."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datamodules.distortions.random_words import WORDS, RandomWords

Picture = NDArray[Any]

_REACH = 0.005  # of the height: the largest raw displacement
_SMOOTHING = 0.01  # of height and width: the Gaussian's sigma
_PARTS = 32  # OpenCV's fixed-point maps are in 32ths of a pixel


def pixelate(picture: Picture, _: RandomWords, scale: float) -> Picture:
    """Shrink by box averages and enlarge by repetition.

    Args:
        picture: uint8 [H, W, 3].
        scale: of width and height in between.
    """
    height, width, _ = picture.shape
    small = (max(1, int(width * scale)), max(1, int(height * scale)))
    shrunk = Image.fromarray(picture).resize(small, Image.Resampling.BOX)
    return np.array(shrunk.resize((width, height), Image.Resampling.NEAREST))


def elastic_transform(picture: Picture, words: RandomWords, alpha: float) -> Picture:
    """Displace pixels by a smooth random field.

    Displacements in x and y are uniform in +-0.5 % of the height, smoothed by a Gaussian of 1 % of
    height and width and enlarged. At 640x480 they come to 0.9 pixels (alpha 12.5) to 2.1 pixels
    (alpha 30) in the root mean square.

    Args:
        picture: uint8 [H, W, 3].
        words: where randomness comes from.
        alpha: by which the smoothed field is enlarged.
    """
    height, width, _ = picture.shape
    scale = alpha * 2 * _REACH * height * _PARTS / WORDS
    x, y = (
        np.rint((_smooth_field(words, height, width) - WORDS / 2) * scale).astype(np.int32)
        for _ in range(2)
    )
    x += _PARTS * np.arange(width, dtype=np.int32)
    y += _PARTS * np.arange(height, dtype=np.int32)[:, None]
    # Whole pixels and 32ths go to OpenCV apart: interpolation is then exact integer arithmetic.
    whole = np.stack([x // _PARTS, y // _PARTS], axis=2).astype(np.int16)
    fraction = (y % _PARTS * _PARTS + x % _PARTS).astype(np.uint16)
    return cv2.remap(picture, whole, fraction, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def _smooth_field(words: RandomWords, height: int, width: int) -> NDArray[Any]:
    sigmas = width * _SMOOTHING, height * _SMOOTHING
    size = [2 * int(3 * sigma + 0.5) + 1 for sigma in sigmas]
    field = words.draw(height, width)
    return cv2.GaussianBlur(field, size, sigmas[0], sigmaY=sigmas[1], borderType=cv2.BORDER_REFLECT)
