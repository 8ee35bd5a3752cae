"""Frosted glass: pixels are replaced by near ones, between two blurs."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.distortions.blur import smooth
from datamodules.distortions.random_words import RandomWords

Picture = NDArray[Any]


def glass_blur(
    picture: Picture, words: RandomWords, sigma: float, reach: int, rounds: int
) -> Picture:
    """Blur, replace each pixel by a random near one, from the last to the first, and blur again.

    Published as a swap of pixels. But imagecorruptions 1.1.2, with which the figures of COCO-C are
    made, swaps views of one array, and the second half of the swap finds the first done: both
    pixels get the partner's colour. We do as it does, for figures to be comparable.

    Args:
        picture: uint8 [H, W, 3].
        words: where randomness comes from.
        sigma: of both Gaussians, in pixels.
        reach: a pixel's partner lies from `reach` before it to `reach` - 1 behind it, in x and y.
        rounds: how often every pixel is replaced.
    """
    height, width, _ = picture.shape
    # Four bytes a pixel, so that one number is moved.
    packed = cv2.cvtColor(smooth(picture, sigma), cv2.COLOR_RGB2RGBA).view(np.uint32).reshape(-1)
    here, ends = replacement_order(height, width, reach, rounds)
    steps = words.draw(2, len(here)).astype(np.int32)
    steps *= 2 * reach
    steps >>= 16
    steps -= reach
    there = here + steps[0] * width + steps[1]
    start = 0
    for end in ends:
        packed[here[start:end]] = packed[there[start:end]]
        start = end
    shuffled = packed.view(np.uint8).reshape(height, width, 4)
    return smooth(cv2.cvtColor(shuffled, cv2.COLOR_RGBA2RGB), sigma)


@lru_cache(maxsize=4)
def replacement_order(
    height: int, width: int, reach: int, rounds: int
) -> tuple[NDArray[np.int32], list[int]]:
    """Sort the replacements into groups in which none touches a pixel that another writes.

    Each depends on those before it, in reading order from the last pixel, so they cannot simply
    run at once. But one touches a square of 2 * `reach` pixels only. Give the pixel that is i rows
    and j columns from the end the time j + 2 * `reach` * i: replacements whose squares overlap then
    keep their order, and those of one time have squares that do not overlap. The result is that of
    the double loop over pixels, in about width + 2 * `reach` * height steps.

    Args:
        height: of the picture.
        width: of the picture.
        reach: see `glass_blur`.
        rounds: see `glass_blur`.

    Returns:
        The pixels in the order of their replacement, as indices into the flattened picture,
        and where each group ends.
    """
    size = 2 * reach
    rows, columns = max(0, height - size), max(0, width - size)
    # A later round comes to a pixel when the earlier one is through with all near it.
    behind = (size - 1) * (size + 1) + 1
    last = columns - 1 + size * (rows - 1) + behind * (rounds - 1)
    times = np.arange(last + 1)[:, None] - behind * np.arange(rounds)
    first_row = np.maximum(-((columns - 1 - times) // size), 0)
    counts = np.maximum(np.minimum(times // size, rows - 1) - first_row + 1, 0).reshape(-1)
    starts = np.cumsum(counts) - counts
    i = np.arange(counts.sum()) + np.repeat(first_row.reshape(-1) - starts, counts)
    j = np.repeat(times.reshape(-1), counts) - size * i
    pixels = (height - reach - i) * width + (width - reach - j)
    ends = np.cumsum(counts.reshape(-1, rounds).sum(axis=1))
    return pixels.astype(np.int32), np.unique(ends).tolist()
