"""Blur along a line, of the camera's shake and of falling snow."""

from __future__ import annotations

import itertools
import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.distortions.random_words import RandomWords

Picture = NDArray[Any]

_ONE = 256


def motion_blur(picture: Picture, words: RandomWords, radius: int, sigma: float) -> Picture:
    """Blur along a line at an angle drawn from -45 to 45 degrees.

    Args:
        picture: uint8 [H, W, 3].
        words: where randomness comes from.
        radius: the line has 2 * radius + 1 pixels.
        sigma: of the one-sided Gaussian that weights them, in pixels.
    """
    return blur_along_line(picture, radius, sigma, words.number(-45, 45))


def blur_along_line(picture: Picture, radius: int, sigma: float, angle: float) -> Picture:
    """Average each pixel with those ahead of it on a line, the border repeated.

    Args:
        picture: uint8 [H, W] or [H, W, 3].
        radius: the line has 2 * radius + 1 pixels, the first of them the pixel itself.
        sigma: of the one-sided Gaussian that weights them, in pixels.
        angle: of the line in degrees, from the x axis towards the y axis.

    Returns:
        uint8 of the same shape.
    """
    height, width = picture.shape[:2]
    weights = line_weights(radius, sigma)
    sine, cosine = math.sin(math.radians(angle)), math.cos(math.radians(angle))
    down = [math.ceil(i * sine - 0.5) for i in range(len(weights))]
    right = [math.ceil(i * cosine - 0.5) for i in range(len(weights))]
    top, left = max(0, -min(down)), max(0, -min(right))
    border = (top, max(0, *down), left, max(0, *right))
    padded = cv2.copyMakeBorder(picture, *border, cv2.BORDER_REPLICATE).astype(np.uint16)
    total = np.full(picture.shape, _ONE // 2, dtype=np.uint16)  # 255 * 256 + 128 still fits
    part = np.empty_like(total)
    for dy, dx, weight in zip(down, right, weights, strict=True):
        y, x = top + dy, left + dx
        np.multiply(padded[y : y + height, x : x + width], np.uint16(weight), out=part)
        total += part
    total >>= 8
    return total.astype(np.uint8)


def line_weights(radius: int, sigma: float) -> list[int]:
    """One-sided Gaussian weights of 2 * radius + 1 pixels in 256ths, whose sum is 256."""
    gauss = [math.exp(-(i**2) / (2 * sigma**2)) for i in range(2 * radius + 1)]
    ends = [round(_ONE * sum(gauss[:i]) / sum(gauss)) for i in range(len(gauss) + 1)]
    return [end - start for start, end in itertools.pairwise(ends)]
