"""Panes of frosted glass, drawn: fern-like ice crystals over hoar."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.distortions.random_words import RandomWords

Picture = NDArray[Any]
Lines = NDArray[np.float64]

HEIGHT, WIDTH = 704, 880
_SHIFT = 4  # fractional bits of the ends of lines


class Pane(NamedTuple):
    """How a pane looks.

    Args:
        ferns: how many crystals grow on it.
        length: of the longest crystal in pixels.
        hoar: share of the grain between crystals in the drawing, 0..1.
        colour: mean RGB.
        contrast: standard deviation of the grey value.
    """

    ferns: int
    length: float
    hoar: float
    colour: tuple[int, int, int]
    contrast: float


# Mean colours and contrasts are those of the photographs that COCO-C was made with, one pane each,
# so that frost is as strong here as there. The drawing has nothing of them.
PANES = (
    Pane(60, 320, 0.35, (78, 149, 166), 20),
    Pane(200, 200, 0.55, (201, 205, 214), 23),
    Pane(110, 260, 0.45, (138, 153, 165), 31),
    Pane(110, 240, 0.25, (112, 123, 135), 44),
)


@lru_cache(maxsize=len(PANES))
def draw_pane(index: int) -> Picture:
    """Draw one of `PANES`, once a process: uint8 [704, 880, 3] RGB."""
    pane = PANES[index]
    words = RandomWords(0xF2057, index)
    ice: Picture = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    for number in range(pane.ferns):
        # Long crystals first; later ones grow into the gaps.
        length = pane.length * (1 - 0.75 * number / pane.ferns)
        _draw_fern(ice, words, length, 0.35 + 0.65 * words.number(0, 1))
    ice = cv2.GaussianBlur(ice, (3, 3), 0.6)
    glow = cv2.GaussianBlur(ice, (31, 31), 7)
    relief = ice.astype(np.int32) + glow - np.roll(cv2.GaussianBlur(ice, (5, 5), 1), 2, axis=1) // 2
    grain = _grain(words)
    height = (1 - pane.hoar) * relief + pane.hoar * grain
    height -= height.mean()
    height *= pane.contrast / height.std()
    colour = np.array(pane.colour)
    return np.clip(np.rint(height[..., None] + colour), 0, 255).astype(np.uint8)


def _draw_fern(ice: Picture, words: RandomWords, length: float, brightness: float) -> None:
    start = np.array([words.number(0, WIDTH), words.number(0, HEIGHT)])
    angle = words.number(0, 2 * math.pi)
    stem = _grow(words, start[None], np.array([angle]), np.array([length]), 24)
    twigs = _branch(words, stem, 0.38)
    leaves = _branch(words, twigs, 0.30)
    for lines, share in ((leaves, 0.5), (twigs, 0.75), (stem, 1.0)):
        ends = np.rint(lines[:, :, :2] * (1 << _SHIFT)).astype(np.int32)
        grey = int(255 * share * brightness)
        cv2.polylines(ice, list(ends), False, grey, 1, cv2.LINE_AA, _SHIFT)


def _grow(words: RandomWords, starts: Lines, angles: Lines, lengths: Lines, points: int) -> Lines:
    """Curved lines: [lines, points, 4] of x, y, direction and the length that is left."""
    bend = (words.draw(len(starts)) / 65536 - 0.5)[:, None] * 0.8
    along = np.linspace(0, 1, points)
    directions = angles[:, None] + bend * along
    step = lengths[:, None] / points
    x = starts[:, :1] + np.cumsum(np.cos(directions) * step, axis=1)
    y = starts[:, 1:] + np.cumsum(np.sin(directions) * step, axis=1)
    left = lengths[:, None] * (1 - along)
    return np.stack([x, y, directions, left], axis=2)


def _branch(words: RandomWords, lines: Lines, share: float) -> Lines:
    """Side lines at 60 degrees on both sides, the shorter the nearer to the tip."""
    nodes = lines[:, 1:-1].reshape(-1, 4)
    nodes = nodes[nodes[:, 3] > 4]
    both = np.concatenate([nodes, nodes])
    side = np.repeat([math.pi / 3, -math.pi / 3], len(nodes))
    vary = 0.5 + words.draw(len(both)) / 65536
    return _grow(words, both[:, :2], both[:, 2] + side, share * both[:, 3] * vary, 8)


def _grain(words: RandomWords) -> NDArray[np.float64]:
    """Cloudy noise of several sizes: float64 [HEIGHT, WIDTH] of 0..255."""
    total = np.zeros((HEIGHT, WIDTH))
    for cell, weight in ((128, 0.3), (32, 0.25), (8, 0.2), (2, 0.25)):
        coarse = (words.draw(HEIGHT // cell + 1, WIDTH // cell + 1) >> 8).astype(np.uint8)
        size = (WIDTH, HEIGHT)
        total += weight * cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR_EXACT)
    return total
