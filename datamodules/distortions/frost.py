"""Frost: a picture seen through a frosted pane."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.distortions.frost_panes import HEIGHT, WIDTH, draw_pane
from datamodules.distortions.random_words import RandomWords

Picture = NDArray[Any]

_PARTS = 128
_ROOM = 1.1  # a pane is larger than the picture by this at least, for windows to differ
# COCO-C draws among five photographs, two of which are the same: the bright one.
_PANES = (0, 1, 1, 2, 3)


def frost(picture: Picture, words: RandomWords, own: float, ice: float) -> Picture:
    """Add a random window of a random pane.

    Args:
        picture: uint8 [H, W, 3].
        words: where randomness comes from.
        own: weight of the picture.
        ice: weight of the pane.
    """
    height, width, _ = picture.shape
    pane = draw_pane(_PANES[words.integer(len(_PANES))])
    scale = _ROOM * max(height / HEIGHT, width / WIDTH)
    if scale > 1:
        size = (math.ceil(WIDTH * scale), math.ceil(HEIGHT * scale))
        pane = cv2.resize(pane, size, interpolation=cv2.INTER_LINEAR_EXACT)
    y, x = words.integer(pane.shape[0] - height + 1), words.integer(pane.shape[1] - width + 1)
    values = np.arange(256)
    own_parts = np.rint(_PARTS * own * values).astype(np.uint16)
    ice_parts = np.rint(_PARTS * ice * values + _PARTS / 2).astype(np.uint16)
    total: Picture = cv2.LUT(picture, own_parts)
    frosted: Picture = cv2.LUT(pane[y : y + height, x : x + width], ice_parts)
    total += frosted
    total //= _PARTS
    return np.minimum(total, 255).astype(np.uint8)
