"""Fog: a plasma fractal added to the picture, which loses contrast."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.distortions.random_words import WORDS, RandomWords

Picture = NDArray[Any]
Map = NDArray[np.float32]

_PARTS = 128


def fog(picture: Picture, words: RandomWords, strength: float, decay: float) -> Picture:
    """Add fog and bring the sum back to the picture's range.

    Args:
        picture: uint8 [H, W, 3].
        words: where randomness comes from.
        strength: of the thickest fog; 1 is white.
        decay: how much smoother each finer level of the fog is.
    """
    height, width, _ = picture.shape
    side = 1 << (max(height, width) - 1).bit_length()
    brightest = int(picture.max())
    share = brightest / (brightest + 255 * strength) if brightest else 0.0
    # In 128ths of a grey value; the sum is at most the brightest value of the picture.
    dimmed = np.rint(_PARTS * share * np.arange(256)).astype(np.uint16)
    clouds = plasma(words, side, decay)[:height, :width]
    clouds = np.rint(clouds * np.float32(_PARTS * share * 255 * strength)).astype(np.uint16)
    clouds += _PARTS // 2
    result: Picture = cv2.LUT(picture, dimmed)
    result += clouds[..., None]
    result //= _PARTS
    return result.astype(np.uint8)


def plasma(words: RandomWords, side: int, decay: float) -> Map:
    """Draw a fractal height map with the diamond-square algorithm, on a torus.

    Every level halves the distance of the points: first the middles of the squares, each the mean
    of its four corners and a random number, then the middles of their edges, likewise. All points
    of a level are drawn at once. Source: Fournier, Fussell, Carpenter 1982; the noise of a level is
    uniform in +-100² / decay^(2 * level), as Hendrycks and Dietterich chose.

    Args:
        words: where randomness comes from.
        side: of the map in points, a power of two.
        decay: by which the noise is divided twice from level to level.

    Returns:
        float32 [side, side] from 0 to 1. Only sums, products and quotients of single numbers are
        taken, which IEEE 754 defines to the last bit.
    """
    corners = np.zeros((1, 1), dtype=np.float32)
    wibble = 100.0
    while len(corners) < side:
        noise = _uniform(words, wibble**2, (3, *corners.shape))
        down, right = np.roll(corners, -1, axis=0), np.roll(corners, -1, axis=1)
        middles = (corners + down + right + np.roll(down, -1, axis=1)) / 4 + noise[0]
        across = (corners + right + middles + np.roll(middles, 1, axis=0)) / 4 + noise[1]
        along = (corners + down + middles + np.roll(middles, 1, axis=1)) / 4 + noise[2]
        finer = np.empty((2 * len(corners), 2 * len(corners)), dtype=np.float32)
        finer[::2, ::2], finer[1::2, 1::2] = corners, middles
        finer[::2, 1::2], finer[1::2, ::2] = across, along
        corners = finer
        wibble /= decay
    low, high = corners.min(), corners.max()
    return (corners - low) / (high - low if high > low else np.float32(1))


def _uniform(words: RandomWords, limit: float, shape: tuple[int, ...]) -> Map:
    steps = words.draw(*shape).astype(np.float32) - np.float32((WORDS - 1) / 2)
    return steps * np.float32(2 * limit / WORDS)
