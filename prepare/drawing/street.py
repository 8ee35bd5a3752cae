"""What stands in the street before the houses: trees, cars, lamp posts, signs, people.

Every function returns the planes of one thing, whose foot stands at x along the fronts and z
metres before them.
"""

from __future__ import annotations

import cv2
import numpy as np

from prepare.drawing.camera import Patch
from prepare.drawing.canvas import Canvas, Colour, scaled
from prepare.drawing.materials import fractal_noise

_CARS: tuple[Colour, ...] = (
    (40, 40, 45), (205, 208, 210), (120, 120, 122), (45, 40, 150), (130, 75, 40), (170, 172, 175),
    (60, 85, 60), (60, 130, 175), (90, 60, 50),
)  # fmt: skip
_CLOTHES: tuple[Colour, ...] = (
    (50, 45, 45), (120, 70, 40), (50, 50, 140), (190, 195, 195), (90, 110, 70), (60, 130, 180),
)  # fmt: skip


def leafy_tree(rng: np.random.Generator, x: float, z: float) -> tuple[Patch, ...]:
    """A tree with a crown of leaf clusters, gaps between them, lit from above."""
    crown, height = float(rng.uniform(2.2, 4.2)), float(rng.uniform(5.0, 8.5))
    canvas = Canvas(crown, height, 32, (45, 75, 55))
    bark: Colour = (50, 62, 74)
    canvas.polygon(
        [
            (crown / 2 - 0.16, 0),
            (crown / 2 + 0.16, 0),
            (crown / 2 + 0.08, height * 0.6),
            (crown / 2 - 0.08, height * 0.6),
        ],
        bark,
    )
    low = height - min(crown * 1.15, height - 2.2)
    area = canvas.pixels((0, low, crown, height))
    shape = canvas.alpha[area].shape
    y, across = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    edge = 1 - np.hypot(y, across)
    clusters = fractal_noise(rng, (shape[0], shape[1]), 30, 3)
    leaf = rng.standard_normal((shape[0] // 3 + 1, shape[1] // 3 + 1), np.float32)
    leaf = np.asarray(cv2.resize(leaf, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)
    leaves = (edge + 0.2 * clusters + 0.13 * leaf > 0.14) & (clusters + 0.6 * leaf > -1.5)
    tone = np.array(
        ((45, 95, 60), (40, 120, 95), (50, 85, 50), (45, 120, 150))[rng.integers(4)], np.float32
    )
    light = 0.85 + 0.22 * clusters + 0.3 * leaf - 0.25 * y + 0.1 * across
    green = np.clip(light[..., None] * tone, 8, 235).astype(np.uint8)
    canvas.colour[area][leaves] = green[leaves]
    canvas.alpha[area][leaves] = 255
    return (Patch(canvas, (x - crown / 2, 0.0, z)),)


def bare_tree(rng: np.random.Generator, x: float, z: float) -> tuple[Patch, ...]:
    """A tree in winter."""
    height = float(rng.uniform(6.0, 9.0))
    canvas = Canvas(height * 0.8, height, 40, (50, 58, 66))
    tips = [(height * 0.4, 0.0, np.pi / 2, height * 0.3, 0.26)]
    while tips:
        foot_x, foot_y, angle, length, width = tips.pop()
        end = foot_x + length * np.cos(angle), foot_y + length * np.sin(angle)
        canvas.line((foot_x, foot_y), end, (50, 58, 66), width)
        if width > 0.03:
            for _ in range(3 if width < 0.2 else 4):
                turn = angle + rng.normal(0, 0.5)
                tips.append((*end, turn, length * rng.uniform(0.62, 0.8), width * 0.55))
    return (Patch(canvas, (x - height * 0.4, 0.0, z)),)


def car(rng: np.random.Generator, x: float, z: float) -> tuple[Patch, ...]:
    """A parked car seen from the side, with the end that shows in slanting views."""
    kind = int(rng.integers(3))
    length, high = [(4.2, 1.45), (4.5, 1.42), (4.7, 1.95)][kind]
    colour = scaled(_CARS[rng.integers(len(_CARS))], float(rng.uniform(0.85, 1.15)))
    side = Canvas(length, high, 48, colour)
    roofs = [
        [(0.05, 0.8), (0.35, 1.2), (0.9, 1.45), (2.4, 1.45), (3.2, 0.95), (4.15, 0.8)],
        [(0.05, 0.9), (0.8, 0.98), (1.4, 1.42), (2.7, 1.42), (3.45, 0.95), (4.45, 0.78)],
        [(0.05, 1.7), (0.2, 1.95), (3.2, 1.95), (4.0, 1.15), (4.65, 0.95)],
    ]
    roof: list[tuple[float, float]] = roofs[kind]
    side.polygon([(0.05, 0.28), *roof, (length - 0.03, 0.28)], colour)
    glass: Colour = (62, 55, 48)
    for rear, fore in _car_windows(kind):
        top, foot = high - 0.09, 0.62 * high
        lean = 0.28 if fore > 2.2 else 0.05
        rise = 0.22 if rear < 1.4 and kind < 2 else 0.0
        side.polygon([(rear, foot), (rear + rise, top), (fore - lean, top), (fore, foot)], glass)
    side.line((0.1, 0.62), (length - 0.1, 0.6), scaled(colour, 0.75), 0.03)
    side.line((0.08, 0.34), (length - 0.08, 0.34), scaled(colour, 0.45), 0.1)
    side.fill((length - 0.22, 0.62, length - 0.05, 0.75), (225, 235, 235))
    side.fill((0.05, 0.65, 0.17, 0.85), (40, 40, 190))
    for wheel in (0.85, length - 0.85):
        side.disc(wheel, 0.31, 0.33, (28, 28, 28))
        side.disc(wheel, 0.31, 0.19, (140, 142, 145))
    left, right = _car_end(colour, (0.85, 0.9, 1.85)[kind]), _car_end(colour, 0.8)
    if rng.random() < 0.5:
        side, left, right = side.mirrored(), right, left
    front, back = z + 0.85, z - 0.85
    return (
        Patch(left, (x + 0.08, 0.0, back), (0.0, 0.0, 1.0)),
        Patch(right, (x + length - 0.08, 0.0, front), (0.0, 0.0, -1.0)),
        Patch(side, (x, 0.0, front)),
    )


def _car_windows(kind: int) -> list[tuple[float, float]]:
    return [
        [(0.55, 1.55), (1.62, 2.85)],
        [(1.0, 1.95), (2.02, 3.1)],
        [(2.4, 3.65)],
    ][kind]


def _car_end(colour: Colour, high: float) -> Canvas:
    """Nose or tail up to where the body slants away, with a pane where there is room for one."""
    end = Canvas(1.7, high, 40, colour)
    end.polygon([(0, 0.28), (1.7, 0.28), (1.64, high), (0.06, high)], scaled(colour, 0.85))
    if high > 1:
        end.polygon([(0.2, 0.8), (1.5, 0.8), (1.42, high - 0.1), (0.28, high - 0.1)], (70, 62, 55))
    end.fill((0.55, 0.42, 1.15, 0.55), (225, 228, 228))
    for left in (0.06, 1.38):
        end.fill((left, 0.6, left + 0.26, 0.74), (150, 155, 215))
    for left in (0.05, 1.4):
        end.fill((left, 0.1, left + 0.25, 0.33), (25, 25, 25))
    return end


def lamp_post(rng: np.random.Generator, x: float, z: float) -> tuple[Patch, ...]:
    """A street lamp on a pole, with a lantern or an arm."""
    height = float(rng.uniform(4.0, 7.0))
    canvas = Canvas(1.8, height, 40, (60, 62, 62))
    iron: Colour = (58, 60, 60) if rng.random() < 0.7 else (130, 134, 134)
    canvas.line((0.9, 0), (0.9, height - 0.3), iron, 0.11)
    canvas.line((0.9, 0), (0.9, 0.8), iron, 0.2)
    if rng.random() < 0.5:
        canvas.line((0.9, height - 0.32), (0.2, height - 0.12), iron, 0.07)
        canvas.fill((0.05, height - 0.2, 0.55, height - 0.1), (200, 205, 205))
    else:
        top = height - 0.1
        corners = [(0.72, top - 0.55), (1.08, top - 0.55), (1.16, top - 0.1), (0.64, top - 0.1)]
        canvas.polygon(corners, (215, 225, 228))
        canvas.line((0.62, top - 0.06), (1.18, top - 0.06), iron, 0.09)
    return (Patch(canvas, (x - 0.9, 0.0, z)),)


def traffic_sign(rng: np.random.Generator, x: float, z: float) -> tuple[Patch, ...]:
    """A round or square sign on a pole."""
    canvas = Canvas(0.8, 2.9, 48, (120, 120, 120))
    canvas.line((0.4, 0), (0.4, 2.5), (135, 138, 138), 0.07)
    face: Colour = [(40, 40, 190), (180, 90, 30), (40, 170, 220)][rng.integers(3)]
    if rng.random() < 0.6:
        canvas.disc(0.4, 2.5, 0.34, face)
        canvas.disc(0.4, 2.5, 0.24, (230, 232, 232))
    else:
        canvas.fill((0.1, 2.2, 0.7, 2.8), face)
        canvas.fill((0.22, 2.32, 0.58, 2.68), (232, 234, 234))
    return (Patch(canvas, (x - 0.4, 0.0, z)),)


def person(rng: np.random.Generator, x: float, z: float) -> tuple[Patch, ...]:
    """Somebody walking by."""
    canvas = Canvas(0.9, 1.85, 60, (60, 60, 60))
    coat, trousers = (_CLOTHES[rng.integers(len(_CLOTHES))] for _ in range(2))
    stride = float(rng.uniform(0.05, 0.25))
    for foot in (0.45 - stride, 0.45 + stride):
        canvas.line((0.45, 0.9), (foot, 0.06), trousers, 0.15)
    canvas.polygon([(0.28, 0.85), (0.62, 0.85), (0.66, 1.4), (0.55, 1.5), (0.35, 1.5)], coat)
    canvas.line((0.3, 1.4), (0.24 - 0.2 * stride, 0.9), scaled(coat, 0.85), 0.11)
    canvas.line((0.62, 1.4), (0.68 + 0.2 * stride, 0.9), scaled(coat, 0.85), 0.11)
    canvas.disc(0.45, 1.66, 0.13, (125, 150, 195))
    hair: Colour = [(30, 35, 45), (60, 95, 130), (150, 155, 160)][rng.integers(3)]
    canvas.disc(0.45, 1.72, 0.125, hair)
    return (Patch(canvas, (x - 0.45, 0.0, z)),)


def shadow_on_ground(x: float, z: float, width: float, depth: float) -> Patch:
    """A soft dark blot on the ground, for `Picture.darken`."""
    canvas = Canvas(width, depth, 12, (95, 90, 88))
    height, wide = canvas.shape
    y, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : wide * 1j]
    falloff = np.clip(1.6 * (1 - np.maximum(np.abs(y), np.abs(across)) ** 2), 0, 1)
    canvas.alpha[:] = np.asarray(cv2.blur((falloff * 255).astype(np.uint8), (5, 5)))
    return Patch(canvas, (x - width / 2, 0.0, z + depth / 2), up=(0.0, 0.0, -1.0))
