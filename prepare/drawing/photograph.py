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
    haze = weather.haze * rng.uniform(0.6, 1.4, (2, 3))
    contrast = 0.92 + 0.2 * weather.sun + rng.uniform(-0.08, 0.08)
    brightness = rng.uniform(0.9, 1.22)
    y, x = np.mgrid[-1:1:9j, -1:1:9j]
    vignette = 1 - rng.uniform(0, 0.16) * (x**2 + y**2)
    # All of these change slowly: one gain and one offset for each pixel, from a coarse grid.
    haze = np.asarray(cv2.resize(haze, (9, 9)), np.float64)
    gain = vignette * contrast * (1 - haze)
    offset = vignette * (contrast * haze * 214 + 118 * (brightness - contrast))
    warmth = np.array(weather.warmth)
    for factor, operate in ((gain, cv2.multiply), (offset, cv2.add)):
        tinted = (factor[..., None] * warmth).astype(np.float32)
        operate(scene, cv2.resize(tinted, (width, height)), dst=scene)
    scene = _blur(scene, rng)
    grain = float(rng.choice([1.5, 2.5, 4.0, 6.0]))
    # The sum of two bytes is noise enough, and eight times faster than normal deviates.
    dice = rng.integers(0, 256, (2, *scene.shape), np.uint8)
    cv2.scaleAdd(dice[0].astype(np.float32) + dice[1] - 255, grain / 104.5, scene, dst=scene)
    return np.asarray(np.clip(scene, 0, 255), np.uint8)


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
