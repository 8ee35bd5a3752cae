"""Windows: glass with what it mirrors and hides, frame, lintel, sill, shutters, balcony."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from prepare.drawing.canvas import Box, Canvas, Colour, Image, scaled
from prepare.drawing.materials import fractal_noise

_GLASS: tuple[Colour, ...] = (
    (70, 60, 50), (95, 80, 62), (52, 50, 48), (110, 96, 80), (80, 78, 66), (140, 120, 100),
)  # fmt: skip
_CURTAINS: tuple[Colour, ...] = (
    (225, 230, 232), (200, 212, 220), (170, 190, 210), (150, 140, 175), (190, 200, 180),
)  # fmt: skip


@dataclass(frozen=True)
class WindowStyle:
    """What all windows of one house have in common; lengths in metres."""

    frame: Colour
    frame_width: float
    panes: tuple[int, int]
    transom: bool
    trim: Colour
    trim_width: float
    head: str
    sill: bool
    shutters: Colour | None
    blinds: float
    curtains: float


def head_mask(head: str, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Which pixels of an opening's box lie in the opening, bool [H, W]; `arch` rounds its top."""
    mask = np.ones(shape, bool)
    height, width = shape
    if head != "arch" or width < 3:
        return mask
    rise = min(0.42 * width, height)
    y, x = np.ogrid[:height, :width]
    across = ((x + 0.5) / width - 0.5) * 2
    top = rise * (1 - np.sqrt(np.maximum(1 - across**2, 0)))
    return np.asarray(mask & (y + 0.5 >= top), np.bool_)


def draw_window(
    canvas: Canvas, box: Box, style: WindowStyle, rng: np.random.Generator, number: int
) -> None:
    """Draw one window; `box` in metres is its opening, which becomes opening `number`."""
    x0, y0, x1, _ = box
    _surround(canvas, box, style)
    area = canvas.pixels(box)
    shape = canvas.alpha[area].shape
    if min(shape) < 3:
        return
    mask = head_mask(style.head, shape)
    canvas.paste(box, glazing(canvas.ppm, shape, style, rng), mask)
    canvas.mark(box, number, mask)
    if style.sill:
        canvas.shade((x0 - 0.1, y0 - 0.24, x1 + 0.1, y0 - 0.09), 0.72)
        canvas.fill((x0 - 0.1, y0 - 0.1, x1 + 0.1, y0), style.trim)
    if style.shutters is not None:
        _shutters(canvas, box, style.shutters)


def glazing(
    ppm: float, shape: tuple[int, int], style: WindowStyle, rng: np.random.Generator
) -> Image:
    """The inside of an opening, uint8 [H, W, 3]: glass, what hangs behind it, blind and frame."""
    height, width = shape
    glass = _glass(shape, rng)
    if rng.random() < style.curtains:
        _curtains(glass, rng)
    _mirror(glass, rng)
    blind = rng.random()
    if blind < style.blinds:
        down = max(round(height * float(rng.choice([0.25, 0.45, 0.7, 1.0]))), 2)
        slats = np.arange(down) % max(round(0.08 * ppm), 2) == 0
        tone = np.float32(rng.choice(np.array(_CURTAINS))) * 0.85
        glass[:down] = np.where(slats[:, None, None], tone * 0.72, tone)
    bar = max(round(style.frame_width * ppm), 1)
    columns, rows = style.panes
    lines_x = [round(width * k / columns) for k in range(1, columns)]
    lines_y = [round(height * k / rows) for k in range(1, rows)]
    if style.transom:
        lines_y.append(round(height * 0.28))
    for x in lines_x:
        glass[:, max(x - bar // 2, 0) : x - bar // 2 + bar] = style.frame
    for y in lines_y:
        glass[max(y - bar // 2, 0) : y - bar // 2 + bar] = style.frame
    border = bar + 1
    glass[-border:], glass[:, :border], glass[:, -border:] = (style.frame,) * 3
    glass[:border] = scaled(style.frame, 0.8)
    reveal = max(round(0.09 * ppm), 1)
    glass[:reveal] *= 0.55
    glass[:, : max(reveal // 2, 1)] *= 0.7
    return np.clip(glass, 0, 255).astype(np.uint8)


def _glass(shape: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    height = shape[0]
    tone = np.array(_GLASS[rng.integers(len(_GLASS))], np.float32) * rng.uniform(0.6, 1.25)
    sky = np.linspace(rng.uniform(1.0, 1.9), rng.uniform(0.5, 0.9), height, dtype=np.float32)
    mottle = 1 + 0.12 * fractal_noise(rng, shape, max(shape[1] // 2, 4), 3)
    return np.asarray(sky[:, None, None] * mottle[..., None] * tone, np.float32)


def _curtains(glass: npt.NDArray[np.float32], rng: np.random.Generator) -> None:
    width = glass.shape[1]
    tone = np.float32(rng.choice(np.array(_CURTAINS))) * 0.8
    folds = 1 + 0.15 * np.sin(np.arange(width) * rng.uniform(0.8, 1.6), dtype=np.float32)
    share = float(rng.choice([0.2, 0.3, 0.5]))
    hung = np.zeros(width, bool)
    hung[: round(width * share)] = hung[width - round(width * share) :] = True
    opaque = rng.uniform(0.55, 0.9)
    cloth = folds[:, None] * tone
    glass[:, hung] = (1 - opaque) * glass[:, hung] + opaque * cloth[hung]


def _mirror(glass: npt.NDArray[np.float32], rng: np.random.Generator) -> None:
    height, width = glass.shape[:2]
    if rng.random() < 0.55:
        lean, start = rng.uniform(0.2, 0.8) * width, rng.uniform(-0.3, 0.8) * width
        broad = rng.uniform(0.2, 0.6) * width
        corners = [(start + lean, 0), (start + lean + broad, 0), (start + broad, height)]
        shine = np.zeros((height, width), np.uint8)
        cv2.fillPoly(shine, [np.array([*corners, (start, height)], np.int32)], (255,))
        glass += (shine[..., None] / np.float32(255)) * rng.uniform(12, 55)
    if rng.random() < 0.35:  # the roof line of the other side of the street
        line = round(height * rng.uniform(0.15, 0.7))
        glass[:line] += rng.uniform(15, 60)


def _surround(canvas: Canvas, box: Box, style: WindowStyle) -> None:
    x0, y0, x1, y1 = box
    t = style.trim_width
    if t > 0 and style.head != "arch":
        canvas.fill((x0 - t, y0, x1 + t, y1 + t), style.trim)
        canvas.shade((x0 - t, y1 + t - 0.05, x1 + t, y1 + t), 1.1)
    if t > 0 and style.head == "arch":
        wide, middle = 0.5 * (x1 - x0) + t, 0.5 * (x0 + x1)
        spring = y1 - 0.42 * (x1 - x0)
        angles = np.linspace(0, np.pi, 15)
        rise = y1 + t - spring
        ring = [(middle + wide * np.cos(a), spring + rise * np.sin(a)) for a in angles]
        canvas.polygon([(x1 + t, y0), *ring, (x0 - t, y0)], style.trim)
    if style.head == "lintel":
        canvas.fill((x0 - t - 0.1, y1 + t, x1 + t + 0.1, y1 + t + 0.16), scaled(style.trim, 0.94))
        canvas.shade((x0 - t - 0.1, y1 + t - 0.06, x1 + t + 0.1, y1 + t), 0.7)
    if style.head == "pediment":
        wide, middle = 0.5 * (x1 - x0) + t + 0.15, 0.5 * (x0 + x1)
        base = y1 + t
        canvas.polygon(
            [(middle - wide, base), (middle + wide, base), (middle, base + 0.38)], style.trim
        )
        canvas.shade((middle - wide, base - 0.07, middle + wide, base), 0.68)


def _shutters(canvas: Canvas, box: Box, colour: Colour) -> None:
    x0, y0, x1, y1 = box
    leaf = 0.5 * (x1 - x0)
    for left, right in ((x0 - leaf, x0 - 0.02), (x1 + 0.02, x1 + leaf)):
        canvas.fill((left, y0, right, y1), colour)
        y = y0 + 0.1
        while y < y1 - 0.1:
            canvas.shade((left + 0.06, y, right - 0.06, y + 0.045), 0.68)
            y += 0.1
        canvas.shade((left, y0 - 0.06, right + 0.05, y0), 0.7)


def draw_balcony(canvas: Canvas, box: Box, rng: np.random.Generator, wall: Colour) -> None:
    """A slab under the opening `box` with a see-through railing, or a solid parapet, before it."""
    x0, y0, x1, _ = box
    left, right, top = x0 - 0.3, x1 + 0.3, y0 + 0.95
    canvas.shade((left, y0 - 0.65, right, y0 - 0.15), 0.62)
    if rng.random() < 0.2:
        canvas.fill((left, y0 - 0.15, right, y0 + 0.6), scaled(wall, 1.06))
        canvas.fill((left - 0.05, y0 + 0.54, right + 0.05, y0 + 0.64), scaled(wall, 0.85))
        return
    canvas.fill((left, y0 - 0.15, right, y0), scaled(wall, 0.9))
    iron: Colour = (38, 40, 42) if rng.random() < 0.75 else (215, 215, 210)
    for x in np.arange(left + 0.03, right, 0.14):
        canvas.line((x, y0), (x, top), iron, 0.025)
    canvas.line((left, top), (right, top), iron, 0.05)
    canvas.line((left, y0 + 0.08), (right, y0 + 0.08), iron, 0.035)
    if rng.random() < 0.3:
        for x in np.arange(left + 0.15, right - 0.1, 0.09):
            green = (50 + 30 * rng.random(), 85 + 60 * rng.random(), 45 + 40 * rng.random())
            low, size = top - rng.uniform(0.05, 0.3), rng.uniform(0.06, 0.13)
            canvas.disc(x, low, size, green)
            if rng.random() < 0.2:
                canvas.disc(x, low + 0.06, 0.05, (90, 90, 220))
