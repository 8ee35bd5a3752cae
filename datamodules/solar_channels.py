"""Three channels made of a grey picture of the sun, in place of the same one three times.

All of them are causal: they need no later frame, and serve a stream as well as an archive.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datamodules.annotations.coco_annotations import CocoAnnotations
from datamodules.annotations.solar_rows import SolarRows

Grey = NDArray[np.float32]
LOG, DIFFERENCE, FLATTENED = "log", "running_difference", "limb_flattened"
CHANNELS = (LOG, DIFFERENCE, FLATTENED)
MIDDLE = 128  # stands for no difference
CONTRAST = 2.0  # of differences, which are small beside the pictures
LEVELS = 256


class SolarPictures:
    """Pictures by index, with other channels than those on disk.

    Args:
        data: The pictures; videos of grey frames of 8 or 16 bits.
        channels: Three of `CHANNELS`, for red, green and blue.
        rows: Of the same pictures; their `wcs` places the limb.
    """

    def __init__(self, data: CocoAnnotations, channels: Sequence[str], rows: SolarRows) -> None:
        self._data = data
        self._channels = tuple(channels)
        self._rows = rows
        self._before = np.arange(len(data))
        for frames in data.frames_by_video():
            self._before[frames[1:]] = frames[:-1]

    def __call__(self, index: int) -> NDArray[np.uint8]:
        """Picture `index`: uint8 [H, W, 3].

        Raises:
            FileNotFoundError: if it or the frame before it is missing.
            ValueError: if one of them cannot be decoded, or has no `wcs` and needs one.
        """
        path, before = self._data.path(index), self._data.path(int(self._before[index]))
        grey = read_grey(path)
        return in_channels(
            self._channels,
            grey,
            lambda: grey if before == path else read_grey(before),
            lambda: rings(self._rows.image(path).get("wcs"), grey, path),
        )


def in_channels(
    channels: Sequence[str],
    grey: Grey,
    before: Callable[[], Grey],
    ring: Callable[[], NDArray[np.int64]],
) -> NDArray[np.uint8]:
    """A grey picture as a detector sees it.

    Args:
        channels: Three of `CHANNELS`, for red, green and blue.
        grey: float32 [H, W], 0..255.
        before: Gives the frame before, asked only where it is needed; see `running_difference`.
        ring: Gives the rings, likewise; see `limb_flattened`.

    Returns:
        uint8 [H, W, 3].
    """
    made: dict[str, Grey] = {LOG: grey}
    if DIFFERENCE in channels:
        made[DIFFERENCE] = running_difference(grey, before())
    if FLATTENED in channels:
        made[FLATTENED] = limb_flattened(grey, ring())
    planes = [np.clip(np.rint(made[name]), 0, LEVELS - 1) for name in channels]
    return np.stack(planes, axis=2).astype(np.uint8)


def read_grey(path: Path) -> Grey:
    """A picture as float32 [H, W], 0..255; of 16 bits the fractions are kept.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be decoded.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such picture")
    flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        pixels = cv2.imdecode(np.fromfile(path, dtype=np.uint8), flags)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise ValueError(f"{path}: not a picture that can be decoded, or damaged")
    return pixels.astype(np.float32) / np.float32(257 if pixels.dtype == np.uint16 else 1)


def running_difference(grey: Grey, before: Grey) -> Grey:
    """What has become brighter or darker since the frame before; 128 where nothing has.

    Args:
        grey: float32 [H, W], 0..255, logarithms of the intensities.
        before: Of the frame before, the same size; a video's first frame stands for it itself.
    """
    difference: Grey = grey - before
    return MIDDLE + np.float32(CONTRAST) * difference


def limb_flattened(grey: Grey, ring: NDArray[np.int64]) -> Grey:
    """The picture less the median of its ring around the sun's centre; 128 where they are equal.

    Disk and corona become alike, and what stands out from either is as bright.

    Args:
        grey: float32 [H, W], 0..255.
        ring: int64 [H, W], 0..R-1, from `rings`.
    """
    counts = np.bincount((ring * LEVELS + grey.astype(np.int64)).ravel())
    counts.resize((ring.max() + 1, LEVELS))
    below = np.cumsum(counts, axis=1)
    median = (2 * below >= below[:, -1:]).argmax(axis=1)
    return np.asarray(MIDDLE + grey - median[ring], dtype=np.float32)


def rings(wcs: Any, grey: Grey, path: Path) -> NDArray[np.int64]:
    """Which ring around the sun's centre each pixel lies in; rings are a pixel wide.

    Args:
        wcs: Of the picture, as `solar.frame_wcs` writes it.
        grey: The picture, [H, W].
        path: The picture, named in messages.

    Returns:
        int64 [H, W], from 0.

    Raises:
        ValueError: if there is no such `wcs`, or it is that of a picture of another size.
    """
    try:
        size = int(wcs["width"]), int(wcs["height"])
        if size != grey.shape[::-1]:
            raise ValueError(f"it is of {size[0]}x{size[1]} pixels")
        linear = np.reshape(wcs["pc"], (2, 2)) * np.reshape(wcs["cdelt"], (2, 1))
        place = (*map(float, wcs["crpix"]), *map(float, wcs["crval"]))
        return _rings(size, tuple(linear.ravel().tolist()), place)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: its image entry has no usable 'wcs' ({error!r}), which the channel "
            f"{FLATTENED!r} needs; prepare the data with `python -m prepare.solar_catalogue`, or "
            "choose other datamodule.channels"
        ) from error


@lru_cache(maxsize=64)
def _rings(
    size: tuple[int, int], linear: tuple[float, ...], place: tuple[float, ...]
) -> NDArray[np.int64]:
    """One for each video, since its frames share their pixels."""
    width, height = size
    x, y = np.meshgrid(np.arange(1, width + 1), np.arange(height, 0, -1))  # FITS pixels
    u, v = x - place[0], y - place[1]
    a, b, c, d = linear
    radius = np.hypot(place[2] + a * u + b * v, place[3] + c * u + d * v)
    ring = np.rint(radius / np.sqrt(abs(a * d - b * c))).astype(np.int64)
    ring -= ring.min()
    ring.flags.writeable = False
    return ring


def check_channels(channels: Sequence[str]) -> tuple[str, ...]:
    """The channels as they are.

    Raises:
        ValueError: unless they are three of `CHANNELS`.
    """
    if isinstance(channels, str | Mapping) or len(channels) != 3 or set(channels) - set(CHANNELS):
        raise ValueError(
            f"datamodule.channels must be three of {', '.join(CHANNELS)}, got {channels!r}"
        )
    return tuple(channels)
