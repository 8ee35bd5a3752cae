"""A house as planes in the street: front with its openings, side walls, roof, chimneys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prepare.drawing.camera import Patch
from prepare.drawing.canvas import Canvas, scaled
from prepare.drawing.facade import PPM, Opening, draw_front
from prepare.drawing.ground_floor import draw_vent
from prepare.drawing.house_style import HouseStyle
from prepare.drawing.materials import blocks, wall

DEPTH = 9.0  # metres from front to back
_RISE = {"eaves": 0.6, "mansard": 0.97}  # metres up for each metre of slope


@dataclass(frozen=True)
class House:
    """A drawn house whose left front corner stands at x; opening k is `openings[k - 1]`."""

    x: float
    style: HouseStyle
    front: Patch
    roof: tuple[Patch, ...]
    chimneys: tuple[Patch, ...]
    left_side: Patch
    right_side: Patch
    openings: tuple[Opening, ...]

    @property
    def top(self) -> float:
        """Height of the highest point but the chimneys, metres."""
        high = self.front.outline()[:, 1].max()
        return float(max([high, *(patch.outline()[:, 1].max() for patch in self.roof)]))


def build_house(rng: np.random.Generator, style: HouseStyle, x: float) -> House:
    """Draw all planes of a house with its left front corner at x metres."""
    front, openings = draw_front(rng, style)
    z = -style.setback
    right_end = x + style.width
    right_side = _draw_side(rng, style)
    return House(
        x=x,
        style=style,
        front=Patch(front, (x, 0.0, z)),
        roof=_roof(rng, style, x, z),
        chimneys=_chimneys(rng, style, x, z),
        left_side=Patch(right_side.mirrored(), (x, 0.0, z - DEPTH), (0.0, 0.0, 1.0)),
        right_side=Patch(right_side, (right_end, 0.0, z), (0.0, 0.0, -1.0)),
        openings=tuple(openings),
    )


def _draw_side(rng: np.random.Generator, style: HouseStyle) -> Canvas:
    """The right side wall up to the roof; its front corner is at the left."""
    rise = _RISE.get(style.roof, 0.0)
    peak = style.wall_height + (style.roof_height if rise else 0.0)
    canvas = Canvas(DEPTH, peak + 0.05, PPM / 2, style.colour)
    colour = scaled(style.colour, 0.8)
    if rise:
        run = style.roof_height * float(np.sqrt(1 - rise**2)) / rise
        ridge = (run, peak), (max(DEPTH - run, run), peak)
        corners = [(0.0, style.wall_height), *ridge, (DEPTH, style.wall_height)]
        canvas.polygon(corners, colour)
    canvas.alpha[canvas.pixels((0, 0, DEPTH, style.wall_height))] = 255
    canvas.colour[:] = wall(rng, style.wall, canvas.shape, PPM / 2, colour)
    return canvas


def _chimneys(rng: np.random.Generator, style: HouseStyle, x: float, z: float) -> tuple[Patch, ...]:
    patches = []
    for _ in range(int(rng.integers(0, 3))):
        tall = style.wall_height + style.roof_height * (0.4 if style.roof == "flat" else 0.9)
        left = rng.uniform(0.4, style.width - 1.2)
        stack = Canvas(0.75, tall, 12, (0, 0, 0), 255)
        stack.colour[:] = blocks(rng, "brick", stack.shape, 12, (80, 92, 135))
        stack.fill((0, tall - 0.15, 0.75, tall), (110, 115, 120))
        patches.append(Patch(stack, (x + left, 0.0, z - 3.0)))
    return tuple(patches)


def _roof(rng: np.random.Generator, style: HouseStyle, x: float, z: float) -> tuple[Patch, ...]:
    """The roof's front slope with louvred dormers, which are no windows."""
    if style.roof not in _RISE:
        return ()
    rise = _RISE[style.roof]
    canvas = Canvas(style.width, style.roof_height / rise, PPM, style.roof_colour, 255)
    kind = "slate" if style.roof == "mansard" else "tiles"
    canvas.colour[:] = blocks(rng, kind, canvas.shape, PPM, style.roof_colour)
    canvas.shade((0, 0, style.width, 0.12), 0.6)
    if style.roof == "mansard":
        for bay in range(style.bays):
            middle = style.margin + (bay + 0.5) * style.bay_width
            if rng.random() < 0.5:
                frame = (middle - 0.55, 0.3, middle + 0.55, 1.5)
                canvas.fill(frame, scaled(style.window.trim, 0.9))
                draw_vent(canvas, (middle - 0.38, 0.42, middle + 0.38, 1.35))
    up = (0.0, rise, -float(np.sqrt(1 - rise**2)))
    return (Patch(canvas, (x, style.wall_height, z), up=up),)
