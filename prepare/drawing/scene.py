"""A row of houses, and pictures of it from different places, in different light."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from prepare.drawing.backdrop import KERB, Weather, draw_backdrop, sample_weather
from prepare.drawing.camera import Camera, Patch, Picture, aim
from prepare.drawing.canvas import Canvas
from prepare.drawing.house import House, build_house
from prepare.drawing.house_style import sample_house
from prepare.drawing.materials import fractal_noise
from prepare.drawing.photograph import expose
from prepare.drawing.street import (
    bare_tree,
    car,
    lamp_post,
    leafy_tree,
    person,
    shadow_on_ground,
    traffic_sign,
)


@dataclass(frozen=True)
class Row:
    """Houses wall to wall along x; those in `labelled` (counted from 1) are the annotated ones."""

    houses: tuple[House, ...]
    labelled: frozenset[int]

    def extent(self) -> tuple[float, float, float]:
        """Left end, right end and height in metres of the labelled houses."""
        shown = [self.houses[number - 1] for number in sorted(self.labelled)]
        top = max(house.top for house in shown)
        return shown[0].x, shown[-1].x + shown[-1].style.width, top


def build_row(rng: np.random.Generator) -> Row:
    """Draw one or two houses to be labelled, with up to two unlabelled neighbours a side."""
    shown = int(rng.choice([1, 2], p=[0.6, 0.4]))
    left, right = (int(rng.choice([0, 1, 2], p=[0.45, 0.35, 0.2])) for _ in range(2))
    styles = [sample_house(rng) for _ in range(left + shown + right)]
    x = -sum(style.width for style in styles[:left])
    houses = []
    for style in styles:
        houses.append(build_house(rng, style, x))
        x += style.width
    return Row(tuple(houses), frozenset(range(left + 1, left + shown + 1)))


def take_picture(row: Row, rng: np.random.Generator) -> Picture:
    """Photograph a row from a random place; the result's codes know every pixel's house."""
    camera = _place_camera(row, rng)
    weather = sample_weather(rng)
    picture = Picture(camera, draw_backdrop(camera, weather, rng))
    _paint_garden(picture, row, rng)
    _paint_houses(picture, row, weather)
    if weather.sun > 0:
        picture.darken(_cast_shadow(row, weather, rng))
    _paint_street(picture, row, rng)
    picture.colour = expose(picture.colour, weather, rng)
    return picture


def _place_camera(row: Row, rng: np.random.Generator) -> Camera:
    left, right, top = row.extent()
    middle = (left + right) / 2
    yaw = float(np.clip(rng.normal(0, 0.32), -0.62, 0.62))
    distance = float(rng.uniform(11, 17)) + 0.35 * (right - left)
    eye = float(rng.uniform(1.5, 1.9) if rng.random() < 0.7 else rng.uniform(3, 6))
    position = (middle + distance * np.sin(yaw), eye, distance * np.cos(yaw))
    aimed = middle + float(rng.normal(0, 1.0))
    # Half the cameras shift the lens (upright walls), half tilt (walls that lean).
    height = eye if rng.random() < 0.5 else eye + 0.7 * (top / 2 - eye)
    framed = np.array([[x, y, 0.0] for x in (left, right) for y in (0.0, top)])
    foreground = (middle, 0.0, float(rng.uniform(0.5, 5.5)))
    framed = np.concatenate([framed, [foreground]])
    seen_width = (right - left) * np.cos(yaw)
    aspect = float(np.clip(seen_width / top * rng.uniform(0.9, 1.3), 0.7, 1.5))
    long_side = int(rng.integers(520, 641))
    short_side = round(long_side * min(aspect, 1 / aspect))
    frame = (long_side, short_side) if aspect >= 1 else (short_side, long_side)
    fill = float(rng.uniform(0.84, 0.99) if rng.random() < 0.78 else rng.uniform(1.05, 1.25))
    return aim(
        position,
        (aimed, height, 0.0),
        float(rng.normal(0, 0.012)),
        np.asarray(framed, np.float64),
        frame,
        fill,
        (float(rng.uniform(-0.03, 0.03)), float(rng.uniform(-0.02, 0.02))),
    )


def _paint_garden(picture: Picture, row: Row, rng: np.random.Generator) -> None:
    """Trees behind and beside the row; the houses are painted over them."""
    start, end = row.houses[0].x, row.houses[-1].x + row.houses[-1].style.width
    for _ in range(int(rng.integers(0, 6))):
        z = -float(rng.uniform(2, 14))
        x = start - rng.uniform(1, 9) if rng.random() < 0.5 else end + rng.uniform(1, 9)
        for patch in leafy_tree(rng, float(x), z):
            picture.paint(patch)


def _paint_houses(picture: Picture, row: Row, weather: Weather) -> None:
    eye = picture.camera.position[0]
    numbers = range(1, len(row.houses) + 1)

    def far(number: int) -> float:
        house = row.houses[number - 1]
        return -abs(house.x + house.style.width / 2 - eye)

    for number in sorted(numbers, key=far):
        house = row.houses[number - 1]
        for patch in house.chimneys:
            picture.paint(patch, number)
        side = None
        if eye < house.x:
            side = house.left_side
        elif eye > house.x + house.style.width:
            side = house.right_side
        if side is not None:
            picture.paint(side, number)
            if (eye < house.x) == (weather.side > 0):  # this wall is away from the sun
                picture.darken(_dimmer(side, weather))
        for patch in house.roof:
            picture.paint(patch, number)
        picture.paint(house.front, number)


def _dimmer(patch: Patch, weather: Weather) -> Patch:
    height, width = (side / patch.canvas.ppm for side in patch.canvas.shape)
    shade = 255 * (1 - 0.4 * weather.sun)
    canvas = Canvas(width, height, 4, (shade, shade, shade), 255)
    return Patch(canvas, patch.origin, patch.right, patch.up)


def _cast_shadow(row: Row, weather: Weather, rng: np.random.Generator) -> Patch:
    """The shadow on the fronts of what stands behind the camera: roofs, and sometimes trees."""
    first, last = row.houses[0], row.houses[-1]
    start, ppm = first.x - 1, 8
    width, height = last.x + last.style.width + 1 - start, 16.0
    canvas = Canvas(width, height, ppm, (255, 255, 255))
    x = 0.0
    while x < width:
        broad, top = rng.uniform(5, 12), rng.uniform(-2.5, 5)
        lean = -2.5 * weather.side
        canvas.polygon(
            [(x, 0), (x + broad, 0), (x + broad + lean, top), (x + lean, top)], (0, 0, 0)
        )
        x += broad
    if rng.random() < 0.5:
        height_px, width_px = canvas.shape
        blots = fractal_noise(rng, (height_px, width_px), 40, 5) > 1.0
        canvas.alpha[blots] = 255
    canvas.colour[:] = np.clip(255 - weather.sun * np.array([115, 130, 138]), 0, 255)
    canvas.alpha[:] = np.asarray(cv2.GaussianBlur(canvas.alpha, (0, 0), 1.2))
    return Patch(canvas, (start, 0.0, 0.0))


def _paint_street(picture: Picture, row: Row, rng: np.random.Generator) -> None:
    left, right, _ = row.extent()
    things: list[tuple[float, tuple[Patch, ...]]] = []

    def place(
        x: float, z: float, patches: tuple[Patch, ...], footprint: tuple[float, float]
    ) -> None:
        picture.darken(shadow_on_ground(x, z, *footprint), house_only=False)
        things.append((z, patches))

    def along() -> float:
        return float(rng.uniform(left - 2.5, right + 2.5))

    small, car_print = (0.9, 0.5), (4.9, 2.1)
    for _ in range(int(rng.choice([0, 1, 2], p=[0.45, 0.4, 0.15]))):
        x, z = along(), float(rng.uniform(1.8, 2.8))
        tree = leafy_tree if rng.random() < 0.72 else bare_tree
        place(x, z, tree(rng, x, z), (2.4, 1.0))
    x = left - 4 + float(rng.uniform(0, 6))
    for _ in range(int(rng.choice([0, 1, 2], p=[0.45, 0.4, 0.15]))):
        z = KERB + float(rng.uniform(1.1, 1.5))
        place(x + 2.2, z, car(rng, x, z), car_print)
        x += 4.9 + float(rng.exponential(3.0))
    for thing, most in ((lamp_post, 1), (traffic_sign, 1), (person, 3)):
        for _ in range(int(rng.integers(0, most + 1))):
            x, z = along(), float(rng.uniform(1.0, 2.9))
            place(x, z, thing(rng, x, z), small)
    for _, patches in sorted(things, key=lambda thing: thing[0]):
        for patch in patches:
            picture.paint(patch)
