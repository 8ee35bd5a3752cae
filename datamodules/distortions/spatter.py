"""Spatter on the lens: drops of water, or of mud."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.distortions.blur import smooth
from datamodules.distortions.random_words import RandomWords, normal_quantiles

Picture = NDArray[Any]

_WATER = (175, 238, 238)
_MUD = (63, 42, 20)
_EDGE = 20  # pixels within which the rim of a drop is shaded
_LEVELS = 8  # of height a pixel
_EMBOSS = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]], dtype=np.float32)


def water_spatter(
    picture: Picture,
    words: RandomWords,
    mean: float,
    sigma: float,
    smoothing: float,
    threshold: float,
    strength: float,
) -> Picture:
    """Add pale drops, shaded from their rims.

    Args:
        picture: uint8 [H, W, 3].
        words: where randomness comes from.
        mean: of the normal noise of which drops are made.
        sigma: of that noise.
        smoothing: sigma of the Gaussian over that noise, in pixels.
        threshold: where the smoothed noise is above it there is a drop.
        strength: of the brightest spot.
    """
    drops = _drops(picture.shape[:2], words, mean, sigma, smoothing, threshold)
    shade = np.where(drops, _relief(drops), np.uint8(0))
    brightest = int(shade.max()) or 1
    shares = np.rint(np.arange(256)[:, None] * strength / brightest * np.array(_WATER))
    return cv2.add(picture, np.clip(shares, 0, 255).astype(np.uint8)[shade])


def mud_spatter(
    picture: Picture,
    words: RandomWords,
    mean: float,
    sigma: float,
    smoothing: float,
    threshold: float,
    rim: float,
) -> Picture:
    """Cover spots with mud.

    Args:
        picture: uint8 [H, W, 3].
        words: where randomness comes from.
        mean: see `water_spatter`.
        sigma: see `water_spatter`.
        smoothing: see `water_spatter`.
        threshold: see `water_spatter`.
        rim: sigma of the Gaussian that softens a spot, in pixels; its outer fifth is cut off.
    """
    spots = _drops(picture.shape[:2], words, mean, sigma, smoothing, threshold)
    cover = smooth(spots, rim)
    cover[cover < 204] = 0
    cover16 = cover[..., None].astype(np.uint16)
    mixed = picture * (255 - cover16) + cover16 * np.array(_MUD, dtype=np.uint16)
    mixed += 127
    mixed //= 255
    return mixed.astype(np.uint8)


def _drops(
    shape: tuple[int, ...],
    words: RandomWords,
    mean: float,
    sigma: float,
    smoothing: float,
    threshold: float,
) -> Picture:
    """255 where smoothed noise is above the threshold, else 0: uint8 [H, W]."""
    quantiles = normal_quantiles()
    # The noise fills 16 bits, so that its small differences survive the smoothing.
    scale = 65535 / (quantiles[-1] - quantiles[0])
    steps = np.rint((quantiles - quantiles[0]) * scale).astype(np.uint16)
    side = 2 * math.ceil(4 * smoothing) + 1
    noise = cv2.GaussianBlur(
        steps[words.draw(*shape)], (side, side), smoothing, borderType=cv2.BORDER_REPLICATE
    )
    limit = round(((threshold - mean) / sigma - quantiles[0]) * scale)
    return np.where(noise > limit, np.uint8(255), np.uint8(0))


def _relief(drops: Picture) -> Picture:
    """Light from one side on the slopes at the rims: uint8 [H, W]."""
    inside = cv2.erode(drops, np.ones((3, 3), dtype=np.uint8))
    height = cv2.distanceTransform(255 - drops + inside, cv2.DIST_L2, cv2.DIST_MASK_5)
    height = (np.minimum(height, _EDGE) * np.float32(_LEVELS)).astype(np.uint8)
    equal = cv2.equalizeHist(cv2.blur(height, (3, 3)) // _LEVELS)
    return cv2.blur(cv2.filter2D(equal, cv2.CV_8U, _EMBOSS), (3, 3))
