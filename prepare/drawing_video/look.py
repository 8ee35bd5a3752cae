"""What a body looks like: form, colours and pattern, drawn without regard to how it moves."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from prepare.drawing.canvas import Image

RADIUS = 20.0  # pixels of a body of radius 1 in its look's picture
_SIDE = 56  # pixels of that picture
ASPECT = (0.8, 1.25)  # width to height


@dataclass(frozen=True)
class Look:
    """`layers` is uint8 [S, S, 4]: blue, green, red, and opacity."""

    layers: Image


def draw_look(rng: np.random.Generator) -> Look:
    """Draw the look of one body."""
    y, x = (np.mgrid[:_SIDE, :_SIDE] - (_SIDE - 1) / 2) / RADIUS
    aspect = np.sqrt(np.exp(rng.uniform(*np.log(ASPECT))))
    roundness = rng.choice([1.6, 2.0, 4.0])  # a lozenge, an ellipse, a rounded box
    reach = (np.abs(x / aspect) ** roundness + np.abs(y * aspect) ** roundness) ** (1 / roundness)
    colours = _two_colours(rng)
    picture = np.where(_pattern(x, y, rng)[..., None], colours[0], colours[1])
    picture[reach > 0.86] = colours[0] * 0.35  # the outline
    picture = cv2.GaussianBlur(picture.astype(np.uint8), (0, 0), 0.7)
    # One pixel of soft border, as a lens would give it.
    alpha = np.clip((1 - reach) * RADIUS + 0.5, 0, 1) * 255
    return Look(np.dstack([picture, alpha.astype(np.uint8)]))


def _two_colours(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    hue = int(rng.integers(180))
    strong = (hue, int(rng.integers(170, 256)), int(rng.integers(170, 256)))
    pale = ((hue + int(rng.integers(40, 140))) % 180, int(rng.integers(60, 200)), 235)
    hsv = np.array([[strong, pale]], np.uint8)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)[0], np.float64)


def _pattern(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Which pixels have the first colour: stripes, a chequerboard, a ring or a half."""
    angle, shift = rng.uniform(0, 2 * np.pi, 2)
    u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    stripes = np.sin(6 * u + shift) > 0
    patterns = (
        stripes,
        stripes ^ (np.sin(6 * v + shift) > 0),
        np.hypot(x, y) > 0.55,
        u > 0,
    )
    return np.asarray(patterns[int(rng.integers(len(patterns)))])


def stamp(
    picture: Image, codes: Image, look: Look, centre: tuple[float, float], radius: float, code: int
) -> int:
    """Paint a body over a picture.

    Args:
        picture: uint8 [H, W, 3], changed.
        codes: uint8 [H, W], which body a pixel shows; changed.
        look: of the body.
        centre: x and y in pixels; the body must lie wholly in the picture.
        radius: pixels.
        code: of the body.

    Returns:
        How many pixels show it, as long as nothing covers it.
    """
    scale = radius / RADIUS
    reach = int(np.ceil(scale * _SIDE / 2)) + 1
    left, top = (max(int(value) - reach, 0) for value in centre)
    under = picture[top : int(centre[1]) + reach + 1, left : int(centre[0]) + reach + 1]
    # The centre of a pixel is half a pixel from its corner, in either picture.
    shift = [
        value - first - 0.5 - scale * (_SIDE - 1) / 2
        for value, first in zip(centre, (left, top), strict=True)
    ]
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    size = under.shape[1], under.shape[0]
    layers: Image = np.asarray(cv2.warpAffine(look.layers, matrix, size), np.uint8)
    alpha = layers[..., 3]
    blend(under, layers[..., :3], alpha)
    solid = alpha > 127
    codes[top : top + under.shape[0], left : left + under.shape[1]][solid] = code
    return int(np.count_nonzero(solid))


def blend(under: Image, colour: Image, alpha: Image) -> None:
    """Lay colour uint8 [H, W, 3] of opacity alpha uint8 [H, W] over a picture."""
    weight = alpha.astype(np.float32)[..., None] / 255
    under[:] = np.rint(under + weight * (colour.astype(np.float32) - under))
