"""The front of a house, drawn flat: wall, cornice, windows, doors, shops and what looks alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prepare.drawing.canvas import Box, Canvas, scaled
from prepare.drawing.ground_floor import (
    draw_blind_window,
    draw_door,
    draw_garage,
    draw_poster,
    draw_shop,
    draw_vent,
)
from prepare.drawing.house_style import HouseStyle
from prepare.drawing.materials import wall
from prepare.drawing.windows import draw_balcony, draw_window

PPM = 40.0  # pixels per metre of a front
WINDOW, DOOR = 2, 3


@dataclass(frozen=True)
class Opening:
    """A window or door (its label) and its box on the front in metres."""

    label: int
    box: Box


def draw_front(rng: np.random.Generator, style: HouseStyle) -> tuple[Canvas, list[Opening]]:
    """Draw a front; its `openings` pixels k belong to the k-th opening of the list."""
    width, height = style.width, style.wall_height
    gable = 0.42 * width if style.roof == "gable" else 0.0
    canvas = Canvas(width, height + max(gable, 0.5), PPM, style.colour)
    canvas.alpha[canvas.pixels((0, 0, width, height))] = 255
    ridge = width / 2, height + gable
    if gable:
        canvas.polygon([(0, height), (width, height), ridge], style.colour)
    canvas.colour[:] = wall(rng, style.wall, canvas.shape, PPM, style.colour)
    if gable:
        for eave in ((0.0, height), (width, height)):
            canvas.line(eave, ridge, scaled(style.roof_colour, 0.8), 0.22)
    _dress(canvas, style, rng)
    openings: list[Opening] = []
    _upper_floors(canvas, style, rng, openings)
    _ground_floor(canvas, style, rng, openings)
    _weather(canvas, style, rng)
    return canvas, openings


def _dress(canvas: Canvas, style: HouseStyle, rng: np.random.Generator) -> None:
    """Plinth, bands between floors, corner stones and cornice."""
    width, height = style.width, style.wall_height
    if rng.random() < 0.6:
        canvas.fill((0, 0, width, rng.uniform(0.3, 0.6)), scaled(style.base_colour, 0.75))
    if style.bands:
        for floor in range(style.floors):
            y = style.ground_height + floor * style.floor_height
            canvas.fill((0, y - 0.1, width, y + 0.1), style.window.trim)
            canvas.shade((0, y - 0.17, width, y - 0.1), 0.72)
    if style.quoins:
        for k, y in enumerate(np.arange(0.5, height - 0.5, 0.45)):
            deep = 0.5 if k % 2 else 0.32
            for box in ((0, y, deep, y + 0.4), (width - deep, y, width, y + 0.4)):
                canvas.fill(box, style.window.trim)
    if style.roof == "gable":
        return
    trim = scaled(style.window.trim, float(rng.uniform(0.75, 1.05)))
    canvas.fill((0, height - 0.3, width, height), trim)
    canvas.shade((0, height - 0.4, width, height - 0.3), 0.6)
    canvas.shade((0, height - 0.1, width, height - 0.04), 0.8)
    if style.roof == "flat":
        canvas.fill((0, height, width, height + 0.45), scaled(style.colour, 0.92))
        canvas.fill((0, height + 0.38, width, height + 0.47), scaled(trim, 0.9))
    if style.roof != "flat" or rng.random() < 0.4:
        for x in np.arange(0.15, width, 0.5):
            canvas.shade((x, height - 0.42, x + 0.16, height - 0.3), 0.7)


def _upper_floors(
    canvas: Canvas, style: HouseStyle, rng: np.random.Generator, openings: list[Opening]
) -> None:
    window_width, window_height = style.window_size
    blind = int(rng.integers(style.bays)) if rng.random() < 0.12 else -1
    for floor in range(style.floors):
        y = style.ground_height + floor * style.floor_height + style.window_lift
        balcony = style.balconies == "all" or (style.balconies == "some" and floor == 0)
        for bay in range(style.bays):
            middle = style.margin + (bay + 0.5) * style.bay_width
            low = y - 0.55 if balcony else y
            box = (middle - window_width / 2, low, middle + window_width / 2, y + window_height)
            if bay == blind and style.bays > 2:
                draw_blind_window(canvas, box)
                continue
            openings.append(Opening(WINDOW, box))
            draw_window(canvas, box, style.window, rng, len(openings))
            if balcony:
                draw_balcony(canvas, box, rng, style.colour)


def _ground_floor(
    canvas: Canvas, style: HouseStyle, rng: np.random.Generator, openings: list[Opening]
) -> None:
    door_bay = int(rng.integers(style.bays))
    base = 0.12 + 0.16 * style.door.steps
    door_width = 1.5 if style.door.double else float(rng.uniform(1.1, 1.3))
    high = base + (2.75 if style.door.fanlight else 2.3)
    middle = style.margin + (door_bay + 0.5) * style.bay_width
    box = (middle - door_width / 2, base, middle + door_width / 2, min(high, 3.15))
    wide: list[int] = []
    for bay in range(style.bays):
        if bay == door_bay:
            continue
        left = style.margin + bay * style.bay_width
        if style.ground == "shop":
            wide.append(bay)
        elif style.ground == "garage" and not wide and abs(bay - door_bay) == 1:
            wide.append(bay)
            draw_garage(canvas, (left + 0.1, 0.05, left + style.bay_width - 0.1, 2.4), rng)
        else:
            _ground_bay(canvas, style, rng, openings, left)
    if style.ground == "shop":
        for first, last in _runs(wide):
            left = style.margin + first * style.bay_width + 0.08
            right = style.margin + (last + 1) * style.bay_width - 0.08
            draw_shop(canvas, (left, 0.05, right, style.ground_height - 0.15), rng)
    openings.append(Opening(DOOR, box))
    draw_door(canvas, box, style.door, style.window, rng, len(openings))


def _ground_bay(
    canvas: Canvas,
    style: HouseStyle,
    rng: np.random.Generator,
    openings: list[Opening],
    left: float,
) -> None:
    """A window, or now and then a poster or vent that looks like one."""
    middle = left + 0.5 * style.bay_width
    width, height = style.window_size
    high = min(1.05 + height, style.ground_height - 0.35)
    box = (middle - width / 2, 1.05, middle + width / 2, high)
    if rng.random() < 0.14:
        draw_poster(canvas, (middle - 0.5, 1.2, middle + 0.5, 2.6), rng)
    else:
        openings.append(Opening(WINDOW, box))
        draw_window(canvas, box, style.window, rng, len(openings))
        if rng.random() < 0.25:
            draw_vent(canvas, (middle - 0.35, 0.25, middle + 0.35, 0.6))


def _runs(bays: list[int]) -> list[tuple[int, int]]:
    """First and last of each run of neighbouring numbers."""
    runs: list[tuple[int, int]] = []
    for bay in bays:
        if runs and runs[-1][1] == bay - 1:
            runs[-1] = (runs[-1][0], bay)
        else:
            runs.append((bay, bay))
    return runs


def _weather(canvas: Canvas, style: HouseStyle, rng: np.random.Generator) -> None:
    """Shade below the eaves, dirt above the ground, a drain pipe."""
    width, height = style.width, style.wall_height
    for k in range(6):
        canvas.shade((0, height - 0.45 - 0.1 * (k + 1), width, height - 0.45), 0.97)
        canvas.shade((0, 0, width, 0.12 * (k + 1)), 0.96)
    if rng.random() < 0.5:
        x = 0.1 if rng.random() < 0.5 else width - 0.1
        tone = scaled(style.colour, 0.6)
        canvas.line((x, 0.1), (x, height - 0.2), tone, 0.09)
        canvas.shade((x + 0.04, 0.1, x + 0.1, height - 0.3), 0.75)
