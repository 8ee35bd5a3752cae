"""Sky, skyline, pavement and road: what lies behind and below the houses."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from prepare.drawing.camera import Camera
from prepare.drawing.canvas import Colour, Image
from prepare.drawing.materials import blocks, fractal_noise

Singles = npt.NDArray[np.float32]
TILE = 256  # pixels of the wrapped ground textures
TILE_PPM = 40.0
KERB = 3.2  # metres from the fronts to the road


@dataclass(frozen=True)
class Weather:
    """Light of one picture: colour of the sun's light, haze and clouds.

    `sun` in 0..1 is how hard shadows are, `warmth` multiplies (blue, green, red), `haze` is the
    share of haze at 50 m, `clouds` in 0..1 their cover, `side` the sun's side, -1 left or 1.
    """

    sun: float
    warmth: Colour
    haze: float
    clouds: float
    side: int


def sample_weather(rng: np.random.Generator) -> Weather:
    """Draw a time of day and a sky."""
    sun = float(rng.choice([0.0, 0.0, 0.5, 0.8, 1.0]))
    warm = float(rng.normal(0.0, 0.05) + 0.04 * sun)
    return Weather(
        sun=sun,
        warmth=(1 - warm, 1.0, 1 + warm),
        haze=float(rng.choice([0.02, 0.05, 0.1, 0.2])),
        clouds=float(rng.uniform(0.55, 1.0) if sun == 0 else rng.uniform(0, 0.6)),
        side=int(rng.choice([-1, 1])),
    )


def draw_backdrop(camera: Camera, weather: Weather, rng: np.random.Generator) -> Image:
    """The empty street as the camera sees it, uint8 [H, W, 3]."""
    picture = _sky(camera, weather, rng)
    rays, horizon = _rays(camera)
    _skyline(picture, horizon, weather, rng)
    _ground(picture, camera, rays, rng)
    return picture


def _sky(camera: Camera, weather: Weather, rng: np.random.Generator) -> Image:
    shape = camera.height // 2, camera.width // 2
    down = np.linspace(0, 1, shape[0], dtype=np.float32)[:, None, None]
    blue = np.array((215, 165, 110), np.float32) * rng.uniform(0.8, 1.1)
    sky = blue * (1 - down) + np.array((240, 225, 205), np.float32) * down
    cloud = fractal_noise(rng, shape, shape[1] // 3, 5)[..., None]
    cover = np.clip(0.5 + cloud * 0.6 + (weather.clouds - 0.5) * 1.6, 0, 1)
    grey = rng.uniform(195, 240) + 8 * cloud
    sky = np.clip(sky * (1 - cover) + grey * cover, 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(sky, (camera.width, camera.height)), np.uint8)


def _rays(camera: Camera) -> tuple[Singles, Singles]:
    """World directions [H, W, 3] of all pixels, and the row of the horizon in each column."""
    across, down, ahead = np.linalg.inv(camera.matrix[:, :3]).T.astype(np.float32)
    x = (np.arange(camera.width, dtype=np.float32) + 0.5)[None, :, None]
    y = (np.arange(camera.height, dtype=np.float32) + 0.5)[:, None, None]
    rays = x * across + (y * down + ahead)
    return rays, np.argmax(rays[..., 1] < 0, axis=0).astype(np.float32)


def _skyline(picture: Image, horizon: Singles, weather: Weather, rng: np.random.Generator) -> None:
    """Far trees and roofs in haze, too far for windows."""
    width = picture.shape[1]
    bumps = np.abs(fractal_noise(rng, (1, width), width // 6, 5)[0]) * picture.shape[0] * 0.03
    top = horizon - bumps - picture.shape[0] * rng.uniform(0.01, 0.06)
    rows = np.arange(picture.shape[0])[:, None]
    tone = np.array((95, 115, 100), np.float32) * rng.uniform(0.7, 1.2)
    tone += (np.array((215, 205, 195), np.float32) - tone) * min(0.35 + 2 * weather.haze, 0.8)
    np.copyto(picture, np.clip(tone, 0, 255).astype(np.uint8), where=(rows >= top)[..., None])


def _ground(picture: Image, camera: Camera, rays: Singles, rng: np.random.Generator) -> None:
    below = rays[..., 1] < -1e-4
    first = int(np.argmax(below.any(axis=1))) if below.any() else picture.shape[0]
    rays, below = rays[first:], below[first:]
    if not below.any():
        return
    reach = np.where(below, camera.position[1] / np.maximum(-rays[..., 1], 1e-4), 0.0)
    x = (camera.position[0] + reach * rays[..., 0]).astype(np.float32)
    z = (camera.position[2] + reach * rays[..., 2]).astype(np.float32)
    u, v = np.mod(x * TILE_PPM, TILE - 1), np.mod(z * TILE_PPM, TILE - 1)
    noise = 1 + 0.06 * fractal_noise(rng, (TILE, TILE), 64, 6)
    asphalt = np.clip(noise[..., None] * rng.uniform(85, 135), 0, 255).astype(np.uint8)
    asphalt = np.asarray(cv2.cvtColor(asphalt, cv2.COLOR_GRAY2BGR))
    slab = tuple(float(c) for c in np.array((165, 172, 178), np.float32) * rng.uniform(0.75, 1.1))
    paving = blocks(rng, "paving", (TILE, TILE), TILE_PPM, (slab[0], slab[1], slab[2]))
    ground, slabs = (cv2.remap(tile, u, v, cv2.INTER_LINEAR) for tile in (asphalt, paving))
    pavement = z < KERB
    cv2.copyTo(slabs, pavement.view(np.uint8), ground)
    if rng.random() < 0.7:  # grass behind the line of the fronts
        lawn = cv2.transform(ground, np.diag((0.45, 0.72, 0.55)))
        cv2.copyTo(lawn, (z < -0.3).view(np.uint8), ground)
    ground[(z >= KERB) & (z < KERB + 0.18)] = (190, 195, 196)
    ground[(z >= KERB + 0.18) & (z < KERB + 0.4)] = 62
    if rng.random() < 0.6:
        line = rng.uniform(6.5, 9.5)
        dashes = (np.abs(z - line) < 0.08) & (np.mod(x, 5.0) < 2.6)
        ground[dashes] = (205, 210, 212)
    if rng.random() < 0.25:  # a zebra crossing
        start = rng.uniform(-4, 14)
        ground[(z > KERB + 0.6) & (x > start) & (x < start + 3.5) & (np.mod(z, 1.0) < 0.5)] = 214
    cv2.copyTo(ground, below.view(np.uint8), picture[first:])
