"""Doors, and what is mistaken for doors and windows at street level: shops, garages, posters."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from prepare.drawing.canvas import Box, Canvas, Colour, Image, scaled
from prepare.drawing.windows import WindowStyle, glazing, head_mask

_WORDS = ("CAFE", "HOTEL", "BAKERY", "OPTIK", "BOOKS", "PIZZA", "MARKT", "FLORA", "SALON", "RADIO")


@dataclass(frozen=True)
class DoorStyle:
    """What the doors of one house have in common."""

    colour: Colour
    double: bool
    glazed: bool
    fanlight: bool
    head: str
    surround: Colour
    canopy: bool
    steps: int


def draw_door(
    canvas: Canvas,
    box: Box,
    style: DoorStyle,
    window: WindowStyle,
    rng: np.random.Generator,
    number: int,
) -> None:
    """Draw a door; `box` in metres is its opening (leaf and fanlight), opening `number`."""
    x0, y0, x1, y1 = box
    canvas.fill((x0 - 0.18, 0, x1 + 0.18, y1 + 0.18), style.surround)
    canvas.shade((x0 - 0.18, y1 + 0.12, x1 + 0.18, y1 + 0.18), 1.12)
    for step in range(style.steps):
        top = y0 - 0.16 * step
        spread = 0.15 + 0.14 * step
        canvas.fill((x0 - spread, 0, x1 + spread, top), scaled((172, 176, 178), 1 - 0.07 * step))
        canvas.shade((x0 - spread, top - 0.16, x1 + spread, top - 0.12), 0.7)
    shape = canvas.alpha[canvas.pixels(box)].shape
    if min(shape) < 4:
        return
    mask = head_mask(style.head, shape)
    canvas.paste(box, _leaf(canvas.ppm, shape, style, window, rng), mask)
    canvas.mark(box, number, mask)
    if style.canopy:
        canvas.fill((x0 - 0.45, y1 + 0.2, x1 + 0.45, y1 + 0.36), scaled(style.surround, 0.8))
        canvas.shade((x0 - 0.4, y1 - 0.25, x1 + 0.4, y1 + 0.2), 0.72)
    if rng.random() < 0.5:  # bell plate or house number, beside the door
        canvas.fill((x1 + 0.26, y0 + 1.35, x1 + 0.42, y0 + 1.6), (180, 190, 190))


def _leaf(
    ppm: float,
    shape: tuple[int, int],
    style: DoorStyle,
    window: WindowStyle,
    rng: np.random.Generator,
) -> Image:
    height, width = shape
    leaf: Image = np.empty((height, width, 3), np.uint8)
    leaf[:] = style.colour
    top = 0
    if style.fanlight:
        top = round(0.19 * height)
        leaf[:top] = glazing(ppm, (max(top, 3), width), window, rng)[:top]
        leaf[top : top + 2] = np.clip(scaled(style.colour, 0.6), 0, 255)
    leaves = 2 if style.double else 1
    for k in range(leaves):
        left, right = round(width * k / leaves), round(width * (k + 1) / leaves)
        pad = max(round(0.12 * ppm), 1)
        for low, high in ((0.06, 0.52), (0.6, 0.93)):
            y0, y1 = (top + round((height - top) * share) for share in (low, high))
            panel = leaf[y0:y1, left + pad : right - pad]
            if panel.size == 0:
                continue
            if style.glazed and low < 0.5:
                panel[:] = glazing(ppm, (panel.shape[0], panel.shape[1]), window, rng)
                continue
            panel[:] = cv2.convertScaleAbs(panel, alpha=0.87)
            panel[:2] = cv2.convertScaleAbs(panel[:2], alpha=0.6)
            panel[-1:] = cv2.convertScaleAbs(panel[-1:], alpha=1.35)
        leaf[:, left : left + 1] = 25
    knob_y, knob_x = round(top + 0.56 * (height - top)), round(0.87 * width / leaves)
    leaf[knob_y : knob_y + max(round(0.1 * ppm), 2), knob_x : knob_x + 2] = (120, 190, 210)
    leaf[: max(round(0.08 * ppm), 1)] = cv2.convertScaleAbs(
        leaf[: max(round(0.08 * ppm), 1)], alpha=0.5
    )
    leaf[-max(round(0.1 * ppm), 1) :] = np.clip(scaled(style.colour, 0.7), 0, 255)
    return leaf


def draw_shop(canvas: Canvas, box: Box, rng: np.random.Generator) -> None:
    """A shop front that fills `box`: panes down to the stall riser, fascia, perhaps an awning."""
    x0, y0, x1, y1 = box
    paint = tuple(float(c) for c in rng.uniform(20, 150, 3))
    colour: Colour = (paint[0], paint[1], paint[2])
    canvas.fill(box, colour)
    panes = max(round((x1 - x0) / 1.5), 1)
    for k in range(panes):
        left = x0 + 0.1 + (x1 - x0 - 0.1) * k / panes
        right = x0 + (x1 - x0 - 0.1) * (k + 1) / panes
        pane = (left, y0 + 0.45, right, y1 - 0.65)
        area = canvas.pixels(pane)
        shape = canvas.alpha[area].shape
        if min(shape) < 4:
            continue
        plain = WindowStyle(
            scaled(colour, 0.6), 0.04, (1, 1), False, colour, 0.0, "flat", False, None, 0.05, 0.05
        )
        canvas.paste(pane, glazing(canvas.ppm, (shape[0], shape[1]), plain, rng))
        for _ in range(int(rng.integers(3, 9))):  # goods on show
            x, low = rng.uniform(left + 0.1, right - 0.1), y0 + 0.5 + rng.uniform(0, 0.5)
            size = rng.uniform(0.1, 0.35)
            tone = tuple(float(c) for c in rng.uniform(40, 210, 3))
            goods = (x - size / 2, low, min(x + size / 2, right - 0.05), low + size)
            canvas.fill(goods, (tone[0], tone[1], tone[2]))
    fascia = (x0, y1 - 0.6, x1, y1)
    canvas.fill(fascia, scaled(colour, float(rng.uniform(0.5, 1.5))))
    _letters(canvas, fascia, rng)
    if rng.random() < 0.45:
        _awning(canvas, (x0, y1 - 1.25, x1, y1 - 0.6), rng)


def _letters(canvas: Canvas, box: Box, rng: np.random.Generator) -> None:
    word = _WORDS[rng.integers(len(_WORDS))]
    area = canvas.colour[canvas.pixels(box)]
    if min(area.shape[:2]) < 8:
        return
    board = np.ascontiguousarray(area)
    scale = min(board.shape[0] / 40, board.shape[1] / (22 * len(word)))
    origin = (round(board.shape[1] / 2 - 9.5 * scale * len(word)), round(board.shape[0] * 0.75))
    tone = (235, 240, 240) if board.mean() < 120 else (30, 30, 60)
    cv2.putText(board, word, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, tone, 2, cv2.LINE_AA)
    area[:] = board


def _awning(canvas: Canvas, box: Box, rng: np.random.Generator) -> None:
    x0, y0, x1, y1 = box
    tone: Colour = [(50, 50, 170), (60, 120, 50), (140, 70, 30), (60, 150, 210)][rng.integers(4)]
    striped = rng.random() < 0.6
    for k, x in enumerate(np.arange(x0, x1, 0.3)):
        colour = (225, 230, 232) if striped and k % 2 else tone
        canvas.fill((x, y0, min(x + 0.3, x1), y1), colour)
    canvas.shade((x0, y0, x1, y0 + 0.18), 0.8)
    canvas.shade((x0, y0 - 0.5, x1, y0), 0.65)


def draw_garage(canvas: Canvas, box: Box, rng: np.random.Generator) -> None:
    """A garage door: as wide as high, sections across, and no door to go through."""
    tone = float(rng.uniform(110, 225))
    colour: Colour = (tone, tone * 1.01, tone * float(rng.uniform(0.95, 1.06)))
    x0, y0, x1, y1 = box
    canvas.fill((x0 - 0.12, y0, x1 + 0.12, y1 + 0.12), scaled(colour, 0.6))
    canvas.fill(box, colour)
    for y in np.arange(y0, y1, 0.45 if rng.random() < 0.5 else 0.12):
        canvas.shade((x0, y, x1, y + 0.035), 0.7)
    canvas.shade((x0, y1 - 0.15, x1, y1), 0.6)


def draw_poster(canvas: Canvas, box: Box, rng: np.random.Generator) -> None:
    """A bill or sign on the wall, framed and of a window's size."""
    x0, y0, x1, y1 = box
    tone = tuple(float(c) for c in rng.uniform(50, 240, 3))
    colour: Colour = (tone[0], tone[1], tone[2])
    canvas.fill((x0 - 0.05, y0 - 0.05, x1 + 0.05, y1 + 0.05), scaled(colour, 0.5))
    canvas.fill(box, colour)
    canvas.fill((x0 + 0.1, y0 + 0.1, x1 - 0.1, y0 + 0.45 * (y1 - y0)), scaled(colour, 0.7))
    _letters(canvas, (x0, y1 - 0.4, x1, y1 - 0.05), rng)


def draw_vent(canvas: Canvas, box: Box) -> None:
    """A louvred vent."""
    x0, y0, x1, y1 = box
    canvas.fill(box, (125, 128, 130))
    for y in np.arange(y0 + 0.05, y1 - 0.04, 0.11):
        canvas.fill((x0 + 0.05, y, x1 - 0.05, y + 0.05), (62, 64, 66))


def draw_blind_window(canvas: Canvas, box: Box) -> None:
    """A walled-up window: the recess is there, the glass is not."""
    x0, y0, x1, y1 = box
    canvas.shade(box, 0.93)
    canvas.shade((x0, y1 - 0.1, x1, y1), 0.6)
    canvas.shade((x0, y0, x0 + 0.06, y1), 0.75)
    canvas.fill((x0 - 0.08, y0 - 0.09, x1 + 0.08, y0), (170, 175, 178))
