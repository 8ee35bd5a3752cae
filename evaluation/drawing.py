"""Boxes with label tags on pictures, and sheets of many pictures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

# Okabe & Ito, "Color Universal Design" (2008): told apart with any common colour blindness.
CLASS_COLOURS: tuple[Colour, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (213, 94, 0),
    (204, 121, 167),
    (240, 228, 66),
    (0, 114, 178),
)
FEW_BOXES = 8
PAPER: Colour = (246, 246, 244)


def class_colour(label: int) -> Colour:
    """The RGB colour of a label in 1..C; seven colours, then again from the first."""
    return CLASS_COLOURS[(label - 1) % len(CLASS_COLOURS)]


def draw_boxes(
    picture: Picture,
    boxes: ArrayLike,
    labels: ArrayLike,
    class_names: Sequence[str],
    scores: ArrayLike | None = None,
    colour: Colour | None = None,
    dashed: bool = False,
    tags: bool = True,
    below: bool = False,
) -> Picture:
    """Draw boxes with tags that say class and score. Lines and letters grow with the picture.

    With more than a few boxes, a tag that is wider than its box is shortened to the score, or
    left out: the colour tells the class.

    Args:
        picture: uint8 [H, W, 3], RGB; it is not changed.
        boxes: [N, 4], xyxy pixels.
        labels: 1..C, one a box.
        class_names: of the labels 1..C.
        scores: one a box, for predictions.
        colour: of all boxes, instead of the colours of their classes.
        dashed: draw broken lines.
        tags: write the tags.
        below: write them at the lower edges of the boxes instead of the upper.

    Returns:
        uint8 [H, W, 3], RGB.
    """
    canvas = picture.copy()
    placed = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    places: list[int] = np.asarray(labels, dtype=np.int64).ravel().tolist()
    colours = [colour or class_colour(label) for label in places]
    width = max(2, round(max(picture.shape[:2]) / 260))
    for box, box_colour in zip(placed, colours, strict=True):
        _outline(canvas, box, box_colour, width, dashed)
    if not tags or len(placed) == 0:
        return canvas
    values = [None] * len(placed) if scores is None else np.asarray(scores).ravel().tolist()
    texts = [_tag_texts(class_names[k - 1], v) for k, v in zip(places, values, strict=True)]
    return _with_tags(canvas, placed, texts, colours, below)


def contact_sheet(
    pictures: Sequence[Picture], columns: int, tile_size: tuple[int, int], gap: int = 8
) -> Picture:
    """Pictures side by side, each scaled to fit its tile and centred on paper white.

    Args:
        pictures: uint8 [H, W, 3], RGB, of any sizes; at least one.
        columns: tiles in a row.
        tile_size: (height, width) of a tile in pixels.
        gap: pixels between and around tiles.

    Raises:
        ValueError: if there is no picture.
    """
    if not pictures:
        raise ValueError("a contact sheet needs at least one picture")
    height, width = tile_size
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    size = (columns * (width + gap) + gap, rows * (height + gap) + gap)
    sheet = Image.new("RGB", size, PAPER)
    for i, picture in enumerate(pictures):
        tile = Image.fromarray(picture)
        scale = min(width / tile.width, height / tile.height)
        fitted = max(1, round(tile.width * scale)), max(1, round(tile.height * scale))
        tile = tile.resize(fitted, Image.Resampling.LANCZOS)
        x = gap + (i % columns) * (width + gap) + (width - fitted[0]) // 2
        y = gap + (i // columns) * (height + gap) + (height - fitted[1]) // 2
        sheet.paste(tile, (x, y))
    return np.asarray(sheet)


def _outline(
    canvas: Picture, box: NDArray[np.float64], colour: Colour, width: int, dashed: bool
) -> None:
    """Four bars inside the box with a thin dark rim, so that they show on any ground."""
    height, length = canvas.shape[:2]
    x1, y1 = (int(v) for v in np.clip(np.round(box[:2]), 0, [length - 1, height - 1]))
    x2, y2 = (int(v) for v in np.clip(np.round(box[2:]), [x1 + 1, y1 + 1], [length, height]))
    width = min(width, max(1, (x2 - x1) // 3), max(1, (y2 - y1) // 3))
    dark = (np.array(colour) * 0.25).astype(np.uint8)
    for rim, paint in ((1, dark), (0, np.array(colour, dtype=np.uint8))):
        w = width + rim
        bars = (
            (slice(y1 - rim, y1 + w), slice(x1 - rim, x2 + rim), 1),
            (slice(y2 - w, y2 + rim), slice(x1 - rim, x2 + rim), 1),
            (slice(y1 - rim, y2 + rim), slice(x1 - rim, x1 + w), 0),
            (slice(y1 - rim, y2 + rim), slice(x2 - w, x2 + rim), 0),
        )
        for rows, cols, along in bars:
            bar = canvas[max(rows.start, 0) : rows.stop, max(cols.start, 0) : cols.stop]
            drawn = np.arange(bar.shape[along]) % (width * 6) < width * (4 if dashed else 6)
            bar[(drawn[:, None], drawn[None, :])[along].repeat(bar.shape[1 - along], 1 - along)] = (
                paint
            )


def _with_tags(
    canvas: Picture,
    boxes: NDArray[np.float64],
    texts: list[list[str]],
    colours: list[Colour],
    below: bool,
) -> Picture:
    """A copy of the picture with, for each box, the first of its texts that fits."""
    image = Image.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    font = _font(max(11, round(max(canvas.shape[:2]) / 45)))
    for box, candidates, colour in zip(boxes, texts, colours, strict=True):
        room = np.inf if len(boxes) <= FEW_BOXES else box[2] - box[0]
        fitting = [text for text in candidates if draw.textlength(text, font=font) + 6 <= room]
        if fitting:
            _tag(draw, box, fitting[0], colour, font, image.size, below)
    return np.asarray(image)


def _tag_texts(name: str, score: float | None) -> list[str]:
    """What a tag may say, the fullest first."""
    if score is None:
        return [name]
    return [f"{name} {score:.2f}", f"{score:.2f}".lstrip("0")]


def _tag(
    draw: ImageDraw.ImageDraw,
    box: NDArray[np.float64],
    text: str,
    colour: Colour,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    size: tuple[int, int],
    below: bool,
) -> None:
    """A filled tag on the box's edge; inside the box where the picture ends beyond it."""
    left, _, right, _ = draw.textbbox((0, 0), text, font=font, anchor="ls")
    _, ascent, _, descent = font.getbbox("Ag", anchor="ls")
    width, height = right - left + 6, descent - ascent + 4
    x = float(np.clip(np.round(box[0]) - 1, 0, max(size[0] - width, 0)))
    top, bottom = (float(np.clip(np.round(edge), 0, size[1])) for edge in (box[1], box[3]))
    if below:
        y = bottom if bottom + height < size[1] else bottom - height - 1
    else:
        y = top - height if top >= height else top
    draw.rectangle((x, y, x + width, y + height), fill=colour)
    luminance = (0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]) / 255
    ink = (20, 20, 20) if luminance > 0.45 else (255, 255, 255)
    draw.text((x + 3 - left, y + 2 - ascent), text, fill=ink, font=font, anchor="ls")


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
