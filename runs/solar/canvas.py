"""Solar pictures for human eyes: AIA's colours, the limb, a scale bar and the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import sunpy.visualization.colormaps  # noqa: F401 - registers the colours of AIA
import torch
from matplotlib import colormaps, get_data_path
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from evaluation.drawing import draw_boxes
from runs.prediction.video_files import Picture
from runs.solar.event import km_per_arcsec
from runs.solar.event_book import EventBook
from solar.frame_wcs import FrameWCS
from structures import Prediction

SMALLEST, LARGEST = 640, 1280  # pixels of the longer side
LENGTHS = (5, 10, 20, 50, 100, 200, 500, 1000)  # Mm of a scale bar
BAR = 0.33  # of the width that it may take
LIMB_POINTS = 2000
WHITE = (255, 255, 255)
BOX_COLOUR = (86, 200, 255)  # shows on red, gold and green alike


@dataclass(frozen=True)
class SolarCanvas:
    """Draws the frames of one field.

    Attributes:
        wcs: Of the frames.
        book: Knows the wavelength, the classes and the least scores that count.
    """

    wcs: FrameWCS
    book: EventBook

    @property
    def zoom(self) -> float:
        """Pixels of the drawing for one of the frame."""
        longest = max(self.wcs.size)
        return float(np.clip(longest, SMALLEST, LARGEST)) / longest

    def draw(
        self, pixels: NDArray[np.uint8], time: datetime, prediction: Prediction | None
    ) -> Picture:
        """A frame in AIA's colours with its time, limb, scale bar and detections.

        Args:
            pixels: uint8 [H, W], grey, row 0 at the top.
            time: Of the frame, UTC.
            prediction: In pixels of the frame; what counts for events is drawn. None where there
                is no frame at that time and `pixels` are those of the one before.

        Returns:
            uint8 [H', W', 3] RGB, `zoom` times as large.
        """
        width, height = (round(side * self.zoom) for side in self.wcs.size)
        way = cv2.INTER_AREA if self.zoom < 1 else cv2.INTER_CUBIC
        grey = cv2.resize(pixels, (width, height), interpolation=way)
        wavelength = self.book.provenance.wavelength
        told = f"SDO/AIA {wavelength} Å  {time:%Y-%m-%d %H:%M:%S} UTC"
        canvas = _colours(wavelength)[grey]
        self._add_limb(canvas)
        if prediction is None:
            told += "  (no frame)"
        else:
            canvas = self._boxed(canvas, prediction)
        image = Image.fromarray(canvas)
        pen = ImageDraw.Draw(image)
        size = max(13, round(max(image.size) / 48))
        _write(pen, (size / 2, size / 2), told, size)
        self._add_scale_bar(pen, image.size, size)
        return np.array(image)

    def _boxed(self, canvas: Picture, prediction: Prediction) -> Picture:
        thresholds = torch.tensor(self.book.thresholds)
        counts = prediction.scores >= thresholds[prediction.labels - 1]
        return draw_boxes(
            canvas,
            (prediction.boxes[counts] * self.zoom).numpy(),
            prediction.labels[counts].tolist(),
            self.book.names,
            scores=prediction.scores[counts].tolist(),
            colour=BOX_COLOUR,
        )

    def _add_limb(self, canvas: Picture) -> None:
        turn = np.linspace(0, 2 * np.pi, LIMB_POINTS)
        circle = self.wcs.solar_radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        points = self.wcs.to_pixels(circle) * self.zoom
        shift = 4  # binary places behind the point
        fixed = np.rint(np.clip(points, -1e5, 1e5) * (1 << shift)).astype(np.int32)
        drawn = canvas.copy()
        cv2.polylines(drawn, [fixed], True, WHITE, 1, cv2.LINE_AA, shift)
        cv2.addWeighted(drawn, 0.6, canvas, 0.4, 0, canvas)

    def _add_scale_bar(self, pen: ImageDraw.ImageDraw, size: tuple[int, int], font: int) -> None:
        per_mm = 1000 / km_per_arcsec(self.wcs.observer_or_earth.distance)  # arcsec in a Mm
        pixels_per_mm = per_mm / self.wcs.pixel_side * self.zoom
        fitting = [length for length in LENGTHS if length * pixels_per_mm <= BAR * size[0]]
        length = fitting[-1] if fitting else LENGTHS[0]
        x, y = font / 2, size[1] - font / 2
        end = x + length * pixels_per_mm
        pen.line((x, y, end, y), fill=(0, 0, 0), width=5)
        pen.line((x, y, end, y), fill=WHITE, width=3)
        _write(pen, (x, y - 1.6 * font), f"{length} Mm = {length * per_mm:.0f}″", font)


@lru_cache
def _colours(wavelength: int) -> NDArray[np.uint8]:
    """uint8 [256, 3] RGB: sdoaia304 and its like."""
    name = f"sdoaia{wavelength}"
    table: NDArray[np.uint8] = colormaps[name](np.arange(256), bytes=True)
    return np.ascontiguousarray(table[:, :3])


def _write(pen: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: int) -> None:
    # Pillow's own font has neither Å nor ″.
    font = ImageFont.truetype(Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)
    pen.text(place, text, fill=WHITE, font=font, stroke_width=2, stroke_fill=(0, 0, 0))
