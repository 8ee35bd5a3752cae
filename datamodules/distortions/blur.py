"""Blur of the lens: out of focus, Gaussian, and zooming during the exposure."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.distortions.random_words import RandomWords

Picture = NDArray[Any]


def smooth(picture: Picture, sigma: float) -> Picture:
    """Blur by a Gaussian cut at four sigma, the border repeated.

    OpenCV does this on uint8 in fixed point, with the same bytes on every processor.

    Args:
        picture: uint8 [H, W] or [H, W, 3].
        sigma: in pixels.
    """
    side = 2 * math.ceil(4 * sigma) + 1
    return cv2.GaussianBlur(picture, (side, side), sigma, borderType=cv2.BORDER_REPLICATE)


def gaussian_blur(picture: Picture, _: RandomWords, sigma: float) -> Picture:
    """Blur by a Gaussian.

    Args:
        picture: uint8 [H, W, 3].
        sigma: in pixels.
    """
    return smooth(picture, sigma)


def defocus_blur(picture: Picture, _: RandomWords, radius: int, alias_sigma: float) -> Picture:
    """Blur by a disc, as a lens out of focus does.

    The disc is summed exactly in integers, row by row of its shape: a row of the disc is a run of
    pixels, and a run is the next shorter one and a pixel at either end.

    Args:
        picture: uint8 [H, W, 3].
        radius: of the disc in pixels.
        alias_sigma: of the Gaussian that softens the disc's edge, in pixels.
    """
    height, width, _ = picture.shape
    side = 3 if radius <= 8 else 5
    soft = cv2.GaussianBlur(picture, (side, side), alias_sigma, borderType=cv2.BORDER_REFLECT_101)
    border = (radius,) * 4
    padded = cv2.copyMakeBorder(soft, *border, cv2.BORDER_REFLECT_101).astype(np.uint16)
    half_widths = [math.isqrt(radius**2 - row**2) for row in range(radius + 1)]
    total = np.zeros(picture.shape, dtype=np.uint32)
    run = padded[:, radius : radius + width].copy()
    for half in range(radius + 1):
        if half:
            run += padded[:, radius - half : radius - half + width]
            run += padded[:, radius + half : radius + half + width]
        for row in (row for row, value in enumerate(half_widths) if value == half):
            for shift in {row, -row}:
                total += run[radius + shift : radius + shift + height]
    area = sum((2 if row else 1) * (2 * half + 1) for row, half in enumerate(half_widths))
    total += area // 2
    total //= area
    return total.astype(np.uint8)


def zoom_blur(picture: Picture, _: RandomWords, copies: int, step: float) -> Picture:
    """Average copies that are zoomed in step by step, and the picture itself once more.

    Args:
        picture: uint8 [H, W, 3].
        copies: how many; the first has factor 1.
        step: the growth of the factor from copy to copy.
    """
    height, width, _ = picture.shape
    total = picture.astype(np.uint16)
    total += picture
    for index in range(1, copies):
        factor = 1 + index * step
        rows, columns = math.ceil(height / factor), math.ceil(width / factor)
        top, left = (height - rows) // 2, (width - columns) // 2
        window = picture[top : top + rows, left : left + columns]
        zoomed: Picture = cv2.resize(window, (width, height), interpolation=cv2.INTER_LINEAR_EXACT)
        total += zoomed
    total += (copies + 1) // 2
    total //= copies + 1
    return total.astype(np.uint8)
