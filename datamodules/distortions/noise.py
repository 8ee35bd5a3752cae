"""Noise of the sensor: Gaussian, Poisson, impulses and speckle, independent in every value."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.distortions.random_words import WORDS, RandomWords, normal_quantiles

Picture = NDArray[Any]

# Poisson quantiles are stored for words of 14 bits: 4 MB a severity, and tails of four sigma.
_POISSON_BITS = 14
_SPECKLE_ONE = 1 << 12


def gaussian_noise(picture: Picture, words: RandomWords, sigma: float) -> Picture:
    """Add normal noise.

    Args:
        picture: uint8 [H, W, 3].
        words: where randomness comes from.
        sigma: the standard deviation; 1 is the distance from black to white.
    """
    return cv2.add(picture, _normal_steps(255 * sigma)[words.draw(*picture.shape)], dtype=cv2.CV_8U)


def speckle_noise(picture: Picture, words: RandomWords, sigma: float) -> Picture:
    """Add normal noise in proportion to the value.

    Args:
        picture: uint8 [H, W, 3].
        words: where randomness comes from.
        sigma: the standard deviation in shares of the value.
    """
    noise = _normal_steps(_SPECKLE_ONE * sigma)[words.draw(*picture.shape)].astype(np.int32)
    noise *= picture
    noise += _SPECKLE_ONE // 2
    noise >>= int(math.log2(_SPECKLE_ONE))
    return cv2.add(picture, noise.astype(np.int16), dtype=cv2.CV_8U)


def shot_noise(picture: Picture, words: RandomWords, photons: float) -> Picture:
    """Replace every value by a Poisson count with that mean.

    Args:
        picture: uint8 [H, W, 3].
        words: where randomness comes from.
        photons: the mean count at white; fewer give more noise.
    """
    row = picture.astype(np.intp) << _POISSON_BITS
    row += words.draw(*picture.shape) >> (16 - _POISSON_BITS)
    return _poisson_values(photons).take(row)


def impulse_noise(picture: Picture, words: RandomWords, share: float) -> Picture:
    """Set a share of the values to black or white, with equal chances.

    Args:
        picture: uint8 [H, W, 3].
        words: where randomness comes from.
        share: of values that are replaced; the three colours of a pixel are hit independently.
    """
    drawn = words.draw(*picture.shape)
    each = round(share / 2 * WORDS)
    result = picture.copy()
    result[drawn < each] = 0
    result[drawn >= WORDS - each] = 255
    return result


@lru_cache(maxsize=16)
def _normal_steps(sigma: float) -> NDArray[np.int16]:
    return np.rint(sigma * normal_quantiles()).astype(np.int16)


@lru_cache(maxsize=8)
def _poisson_values(photons: float) -> Picture:
    """The grey value of every (mean grey value, word of 14 bits): uint8 [256 * 16384]."""
    size = 1 << _POISSON_BITS
    counts = np.arange(math.ceil(photons + 8 * math.sqrt(photons) + 8))
    greys = np.clip(np.rint(255 * counts / photons), 0, 255).astype(np.uint8)
    table = np.empty((256, size), dtype=np.uint8)
    for value in range(256):
        mean = value / 255 * photons
        chance = total = math.exp(-mean)
        below = []  # how many quantiles lie at or below each count
        for count in counts:
            below.append(round(total * size))
            chance *= mean / (int(count) + 1)
            total += chance
        below[-1] = size
        table[value] = np.repeat(greys, np.diff(below, prepend=0))
    return table.reshape(-1)
