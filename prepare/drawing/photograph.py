"""What a camera does to the light: haze, exposure, blur, vignette, noise, JPEG."""

from __future__ import annotations

import cv2
import numpy as np

from prepare.drawing.backdrop import Weather
from prepare.drawing.canvas import Image


def expose(picture: Image, weather: Weather, rng: np.random.Generator) -> Image:
    """The scene as photographed, uint8 [H, W, 3]; geometry stays where it is."""
    height, width = picture.shape[:2]
    scene = picture.astype(np.float32)
    glow = fractal_glow(rng, (height, width))
    scene += (np.array((222, 214, 206), np.float32) - scene) * (weather.haze * glow)[..., None]
    contrast = 0.82 + 0.25 * weather.sun + rng.uniform(-0.08, 0.08)
    scene = (scene - 118) * contrast + 118 * rng.uniform(0.82, 1.18)
    scene *= np.array(weather.warmth, np.float32)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    scene *= (1 - rng.uniform(0, 0.16) * (x**2 + y**2))[..., None]
    scene = _blur(scene, rng)
    grain = float(rng.choice([1.5, 3.0, 5.0, 8.0]))
    scene += grain * rng.standard_normal(scene.shape, np.float32)
    return np.asarray(np.clip(scene, 0, 255), np.uint8)


def fractal_glow(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Where haze gathers: more at the top, uneven across, float32 [H, W] about 1."""
    coarse = rng.uniform(0.6, 1.4, (2, 3)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_LINEAR))


def _blur(scene: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    kind = rng.random()
    if kind < 0.15:  # the hand shook
        length = int(rng.integers(3, 6))
        kernel = np.zeros((length, length), np.float32)
        if rng.random() < 0.5:
            kernel[length // 2] = 1 / length
        else:
            np.fill_diagonal(kernel, 1 / length)
        return np.asarray(cv2.filter2D(scene, -1, kernel))
    sigma = float(rng.uniform(0.35, 0.8) if kind < 0.85 else rng.uniform(0.8, 1.4))
    return np.asarray(cv2.GaussianBlur(scene, (0, 0), sigma))


def encode(picture: Image, quality: int) -> bytes:
    """The picture as JPEG."""
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError(f"OpenCV could not encode a picture of shape {picture.shape} as JPEG")
    return data.tobytes()
