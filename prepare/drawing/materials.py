"""What walls, roofs and pavements are made of, as textures drawn from a random generator."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from prepare.drawing.canvas import Colour, Image

WALLS = ("brick", "plaster", "stone", "panels", "siding")

# length, height and joint of one block in metres; spread of its tint; shade of the joint
_BLOCKS: dict[str, tuple[float, float, float, float, float]] = {
    "brick": (0.26, 0.09, 0.022, 0.13, 1.25),
    "stone": (0.85, 0.42, 0.03, 0.06, 0.8),
    "panels": (1.5, 0.95, 0.04, 0.025, 0.65),
    "siding": (50.0, 0.19, 0.03, 0.03, 0.7),
    "tiles": (0.28, 0.24, 0.05, 0.13, 0.65),
    "slate": (0.35, 0.22, 0.03, 0.1, 0.8),
    "paving": (0.6, 0.6, 0.03, 0.05, 0.78),
}


def fractal_noise(
    rng: np.random.Generator, shape: tuple[int, int], coarse: int, octaves: int = 4
) -> npt.NDArray[np.float32]:
    """Smooth noise of mean about 0 and spread about 1, float32 [H, W].

    Args:
        rng: where the noise comes from.
        shape: height and width in pixels.
        coarse: size in pixels of the largest blots; each further octave halves it.
        octaves: how many sizes are summed.
    """
    total = np.zeros(shape, np.float32)
    weight = 0.0
    for octave in range(octaves):
        step = max(coarse >> octave, 1)
        grid = rng.standard_normal((shape[0] // step + 2, shape[1] // step + 2), np.float32)
        share = 0.6**octave
        total += share * cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_LINEAR)
        weight += share**2
    return np.asarray(total / np.sqrt(weight) * 1.4, np.float32)


def blocks(
    rng: np.random.Generator, kind: str, shape: tuple[int, int], ppm: float, colour: Colour
) -> Image:
    """Courses of bricks, stones, boards, tiles or slabs, each with its own tint."""
    length, height, joint, spread, joint_shade = _BLOCKS[kind]
    y = np.arange(shape[0], dtype=np.float32)[:, None] / ppm
    row = np.floor(y / height).astype(np.int32)
    stagger = 0.0 if kind in ("panels", "paving") else 0.5 * length
    x = np.arange(shape[1], dtype=np.float32)[None, :] / ppm + (row % 2) * stagger
    column = np.floor(x / length).astype(np.int32)
    tint = 1 + spread * rng.standard_normal((row.max() + 1, column.max() + 1), np.float32)
    light = tint[row, column]
    in_joint = ((y - row * height) < joint) | ((x - column * length) < joint)
    light = np.where(in_joint, np.float32(joint_shade), light)
    light *= 1 + 0.035 * fractal_noise(rng, shape, round(2 * ppm))
    return np.clip(light[..., None] * np.array(colour, np.float32), 0, 255).astype(np.uint8)


def plaster(rng: np.random.Generator, shape: tuple[int, int], ppm: float, colour: Colour) -> Image:
    """Render with blotches and streaks that rain left."""
    light = 1 + 0.03 * fractal_noise(rng, shape, round(2.5 * ppm), 6)
    streaks = fractal_noise(rng, (8, shape[1]), 10, 2)
    light += 0.025 * np.asarray(cv2.resize(streaks, shape[::-1]), np.float32)
    return np.clip(light[..., None] * np.array(colour, np.float32), 0, 255).astype(np.uint8)


def wall(
    rng: np.random.Generator, kind: str, shape: tuple[int, int], ppm: float, colour: Colour
) -> Image:
    """The texture of a wall of the named material, uint8 [H, W, 3]."""
    if kind == "plaster":
        return plaster(rng, shape, ppm, colour)
    return blocks(rng, kind, shape, ppm, colour)
