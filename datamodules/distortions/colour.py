"""Changes of colour that touch every pixel by itself: brightness, contrast, saturation."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.distortions.random_words import RandomWords

Picture = NDArray[Any]

_ONE = 1 << 16


def brightness(picture: Picture, _: RandomWords, added: float) -> Picture:
    """Raise the value V of HSV; hue and saturation stay.

    With these two kept, all colours of a pixel grow in the ratio of the new V to the old.

    Args:
        picture: uint8 [H, W, 3].
        added: to V; 1 is the distance from black to white.
    """
    row = _extreme(picture, cv2.max).astype(np.intp) << 8
    return _brighter(added).take(row[..., None] + picture)


def contrast(picture: Picture, _: RandomWords, factor: float) -> Picture:
    """Bring every colour nearer to its mean over the picture.

    Args:
        picture: uint8 [H, W, 3].
        factor: of the distances from the mean.
    """
    means = np.array(cv2.sumElems(picture)[:3]) / (picture.shape[0] * picture.shape[1])
    tables = np.rint((np.arange(256)[:, None] - means) * factor + means)
    return cv2.LUT(picture, tables.astype(np.uint8)[:, None])


def saturate(picture: Picture, _: RandomWords, factor: float, added: float) -> Picture:
    """Change the saturation S of HSV to factor * S + added; hue and value stay.

    Then the distances of a pixel's colours from its largest change in the ratio of new S to old.
    Grey pixels have no hue; HSV's hue 0 makes them reddish where something is added.

    Args:
        picture: uint8 [H, W, 3].
        factor: of S.
        added: to S, in 0..1.
    """
    high, low = _extreme(picture, cv2.max), _extreme(picture, cv2.min)
    ratio = _saturation_ratios(factor, added).take((high.astype(np.intp) << 8) + low)
    below = (high[..., None] - picture).astype(np.int32)
    below *= ratio[..., None]
    below += _ONE // 2
    below >>= 16
    result = high[..., None] - np.minimum(below, high[..., None]).astype(np.uint8)
    if added:
        grey = high == low
        result[grey, 1:] = np.rint(high[grey] * (1 - added)).astype(np.uint8)[:, None]
    return result


def _extreme(picture: Picture, choose: Callable[[Picture, Picture], Picture]) -> Picture:
    """The largest or smallest colour of every pixel: uint8 [H, W]."""
    red, green, blue = cv2.split(picture)
    return choose(choose(red, green), blue)


@lru_cache(maxsize=8)
def _brighter(added: float) -> Picture:
    """The new colour of every (V, colour): uint8 [256 * 256]."""
    value = np.arange(256)[:, None]
    new = np.minimum(value + 255 * added, 255)
    table = np.where(value, np.arange(256) * new / np.maximum(value, 1), new)
    return np.rint(np.minimum(table, 255)).astype(np.uint8).reshape(-1)


@lru_cache(maxsize=8)
def _saturation_ratios(factor: float, added: float) -> NDArray[np.int32]:
    """New saturation by old of every (largest, smallest) colour, in 65536ths: [256 * 256]."""
    high, low = np.indices((256, 256))
    old = np.maximum(high - low, 1) / np.maximum(high, 1)
    return np.rint(_ONE * np.minimum(factor * old + added, 1) / old).astype(np.int32).reshape(-1)
