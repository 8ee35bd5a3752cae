"""A sheet that shows every kind of distortion at every severity."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.distortions.distortion import (
    CORRUPTIONS,
    EXTRA_CORRUPTIONS,
    SEVERITIES,
    Distortion,
    distort,
)
from datamodules.distortions.jpeg import TRAIN_LADDER

Picture = NDArray[Any]

CELL = (112, 150)  # height and width
_SHOWN = 1.5  # a cell shows so many pixels of the picture a pixel of its own, on both sides
_TITLE = 17
_PAPER, _INK = (255, 255, 255), (40, 40, 40)


def draw_contact_sheet(picture: Picture, image_id: int) -> Picture:
    """Distort a picture in every way and show the middle of each result.

    Whole pictures would have to be shrunk so much that noise and blur are gone.

    Args:
        picture: uint8 [H, W, 3] RGB, at least 168 high and 225 wide.
        image_id: of the picture: other ids draw other noise, snow, frost and fog.

    Returns:
        uint8 [H, W, 3] RGB: two columns of rows, a row a kind, one cell a level.

    Raises:
        ValueError: if the picture is smaller.
    """
    rows = [
        _draw_row(picture, image_id, kind, SEVERITIES) for kind in CORRUPTIONS + EXTRA_CORRUPTIONS
    ]
    rows.append(_draw_row(picture, image_id, "jpeg", TRAIN_LADDER[4::-1]))
    half = (len(rows) + 1) // 2
    return np.hstack([np.vstack(rows[:half]), np.vstack(rows[half:])])


def _draw_row(picture: Picture, image_id: int, kind: str, levels: tuple[int, ...]) -> Picture:
    cells = [_middle(distort(picture, Distortion(kind, level), image_id)) for level in levels]
    title = np.full((_TITLE, CELL[1] * len(cells), 3), _PAPER, dtype=np.uint8)
    for index, level in enumerate(levels):
        text = Distortion(kind, level).name
        place = (index * CELL[1] + 3, _TITLE - 5)
        cv2.putText(title, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.38, _INK, 1, cv2.LINE_AA)
    return np.vstack([title, np.hstack(cells)])


def _middle(picture: Picture) -> Picture:
    height, width = (round(side * _SHOWN) for side in CELL)
    if picture.shape[0] < height or picture.shape[1] < width:
        raise ValueError(
            f"a contact sheet needs a picture of {width}x{height} pixels at least, "
            f"got {picture.shape[1]}x{picture.shape[0]}"
        )
    y, x = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    window = picture[y : y + height, x : x + width]
    return cv2.resize(window, CELL[::-1], interpolation=cv2.INTER_AREA)
