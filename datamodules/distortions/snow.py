"""Falling snow: blurred flakes over a picture that is bleached towards grey."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.distortions.motion_blur import blur_along_line
from datamodules.distortions.random_words import WORDS, RandomWords, normal_quantiles

Picture = NDArray[Any]

# Flakes are made in fixed point: brightness b as (b + 2) * 8192, for normal values below 0 matter
# until they are interpolated.
_ONE, _ZERO = 8192, 2 * 8192
_PARTS = 64


def snow(
    picture: Picture,
    words: RandomWords,
    mean: float,
    sigma: float,
    zoom: float,
    threshold: float,
    radius: int,
    blur_sigma: float,
    kept: float,
) -> Picture:
    """Add two layers of flakes, the second being the first upside down, and bleach the picture.

    Args:
        picture: uint8 [H, W, 3].
        words: where randomness comes from.
        mean: of the normal noise of which flakes are made; 1 is white.
        sigma: of that noise.
        zoom: how many pixels a value of the noise is wide.
        threshold: what is darker is no flake.
        radius: of the motion blur, see `blur_along_line`.
        blur_sigma: of the motion blur.
        kept: share of the picture that is not bleached.
    """
    layer = flakes(picture.shape[:2], words, mean, sigma, zoom, threshold)
    layer = blur_along_line(layer, radius, blur_sigma, words.number(-135, -45))
    values = np.arange(256)
    own = np.rint(_PARTS * kept * values).astype(np.uint16)
    pale = np.rint(_PARTS * (1 - kept) * (1.5 * values + 127.5)).astype(np.uint16)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    # kept * p + (1 - kept) * max(p, 1.5 * grey + 0.5), in 64ths of a grey value.
    bleached: Picture = cv2.LUT(picture, own)
    pale_grey: Picture = cv2.LUT(grey, pale)
    bleached += pale_grey[..., None]
    np.maximum(bleached, picture.astype(np.uint16) * np.uint16(_PARTS), out=bleached)
    both = layer.astype(np.uint16) + layer[::-1, ::-1]
    bleached += (both * np.uint16(_PARTS) + np.uint16(_PARTS // 2))[..., None]
    bleached //= _PARTS
    return np.minimum(bleached, 255).astype(np.uint8)


def flakes(
    shape: tuple[int, ...],
    words: RandomWords,
    mean: float,
    sigma: float,
    zoom: float,
    threshold: float,
) -> Picture:
    """Enlarged normal noise, 0 where it is below the threshold: uint8 [H, W].

    Args:
        shape: (H, W) of the result.
        words: where randomness comes from.
        mean: see `snow`.
        sigma: see `snow`.
        zoom: see `snow`.
        threshold: see `snow`.
    """
    height, width = shape
    rows, columns = math.ceil(height / zoom), math.ceil(width / zoom)
    steps = np.rint((mean + sigma * normal_quantiles()) * _ONE + _ZERO).astype(np.uint16)
    # Larger than needed by almost one value of the noise, so that pixels fall on all places between
    # values, not on the same few again and again.
    size = (round((columns + 1) * zoom) - 1, round((rows + 1) * zoom) - 1)
    noise = cv2.resize(
        steps[words.draw(rows, columns)], size, interpolation=cv2.INTER_LINEAR_EXACT
    )[:height, :width]
    brightness = (np.arange(WORDS) - _ZERO) / _ONE
    greys = np.clip(np.rint(255 * brightness), 0, 255) * (brightness >= threshold)
    return greys.astype(np.uint8)[noise]
