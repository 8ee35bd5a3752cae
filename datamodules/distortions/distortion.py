"""The kinds of distortion, their severities, and the one function that applies them."""

from __future__ import annotations

import difflib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.distortions import (
    blur,
    colour,
    fog,
    frost,
    glass_blur,
    jpeg,
    motion_blur,
    noise,
    resampling,
    snow,
    spatter,
)
from datamodules.distortions.random_words import RandomWords

Picture = NDArray[Any]
Severity = tuple[Callable[..., Picture], tuple[float, ...]]

# Goes into the keys of caches: to be raised by every change that changes a byte of a result.
ENGINE_VERSION = 1


def _severities(
    function: Callable[..., Picture], *rows: float | tuple[float, ...]
) -> list[Severity]:
    return [(function, row if isinstance(row, tuple) else (row,)) for row in rows]


# Severities 1 to 5. Source: Hendrycks and Dietterich 2019 (ImageNet-C), in the values of
# imagecorruptions 1.1.2, which COCO-C (Michaelis et al. 2019) is made with.
_COMMON: dict[str, list[Severity]] = {
    "gaussian_noise": _severities(noise.gaussian_noise, 0.08, 0.12, 0.18, 0.26, 0.38),
    "shot_noise": _severities(noise.shot_noise, 60, 25, 12, 5, 3),
    "impulse_noise": _severities(noise.impulse_noise, 0.03, 0.06, 0.09, 0.17, 0.27),
    "defocus_blur": _severities(
        blur.defocus_blur, (3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)
    ),
    "glass_blur": _severities(
        glass_blur.glass_blur, (0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)
    ),
    "motion_blur": _severities(
        motion_blur.motion_blur, (10, 3), (15, 5), (15, 8), (15, 12), (20, 15)
    ),
    # The largest factors 1.11 1.15 1.20 1.24 1.30, in steps of .01 .01 .02 .02 .03.
    "zoom_blur": _severities(
        blur.zoom_blur, (12, 0.01), (16, 0.01), (11, 0.02), (13, 0.02), (11, 0.03)
    ),
    "snow": _severities(
        snow.snow,
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    ),
    "frost": _severities(frost.frost, (1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)),
    "fog": _severities(fog.fog, (1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)),
    "brightness": _severities(colour.brightness, 0.1, 0.2, 0.3, 0.4, 0.5),
    "contrast": _severities(colour.contrast, 0.4, 0.3, 0.2, 0.1, 0.05),
    "elastic_transform": _severities(resampling.elastic_transform, 12.5, 16.25, 21.25, 25, 30),
    "pixelate": _severities(resampling.pixelate, 0.6, 0.5, 0.4, 0.3, 0.25),
    "jpeg_compression": _severities(jpeg.jpeg, 25, 18, 15, 10, 7),
}
_EXTRA: dict[str, list[Severity]] = {
    "speckle_noise": _severities(noise.speckle_noise, 0.15, 0.2, 0.35, 0.45, 0.6),
    "gaussian_blur": _severities(blur.gaussian_blur, 1, 2, 3, 4, 6),
    "spatter": [
        *_severities(
            spatter.water_spatter,
            (0.65, 0.3, 4, 0.69, 0.6),
            (0.65, 0.3, 3, 0.68, 0.6),
            (0.65, 0.3, 2, 0.68, 0.5),
        ),
        *_severities(spatter.mud_spatter, (0.65, 0.3, 1, 0.65, 1.5), (0.67, 0.4, 1, 0.65, 1.5)),
    ],
    "saturate": _severities(colour.saturate, (0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)),
}
# JPEG once more, its levels being libjpeg's qualities: the ladders of compression studies.
_LADDER = {"jpeg": _severities(jpeg.jpeg, *range(1, 101))}
_LEVELS = _COMMON | _EXTRA | _LADDER

CORRUPTIONS = tuple(_COMMON)
EXTRA_CORRUPTIONS = tuple(_EXTRA)
SEVERITIES = (1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True)
class Distortion:
    """One kind of distortion at one level.

    Args:
        kind: 'jpeg', or one of `CORRUPTIONS` and `EXTRA_CORRUPTIONS`.
        level: the quality, 1 to 100, of 'jpeg'; the severity, 1 to 5, of the others.

    Raises:
        ValueError: if there is no such kind or level; the message says which there are.
    """

    kind: str
    level: int

    def __post_init__(self) -> None:
        if self.kind not in _LEVELS:
            near = difflib.get_close_matches(str(self.kind), _LEVELS, n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'? Known" if near else "known"
            raise ValueError(
                f"there is no distortion '{self.kind}'; {hint} here: {', '.join(_LEVELS)}"
            )
        last = len(_LEVELS[self.kind])
        if type(self.level) is not int or not 1 <= self.level <= last:
            name = "qualities" if self.kind == "jpeg" else "severities"
            raise ValueError(f"{self.kind} has {name} 1 to {last}, got {self.level!r}")

    @property
    def name(self) -> str:
        """The name of the test condition: 'jpeg_q10', 'fog_3'."""
        return f"{self.kind}_{'q' if self.kind == 'jpeg' else ''}{self.level}"


def distortions_of(levels: Mapping[str, Sequence[int]]) -> list[Distortion]:
    """List the distortions that a config asks for, in its order.

    Args:
        levels: kind -> its levels, for instance {'jpeg': [5, 10], 'fog': [1, 3]}.

    Raises:
        ValueError: if nothing is asked for, or a kind or level does not exist or stands there
            twice.
    """
    if not isinstance(levels, Mapping) or not levels:
        raise ValueError(
            f"distortions: expected kinds and their levels, for instance {{fog: [1, 3]}}, got "
            f"{levels!r}"
        )
    result = []
    for kind, wanted in levels.items():
        if isinstance(wanted, str) or not isinstance(wanted, Sequence) or not wanted:
            raise ValueError(f"distortions.{kind}: expected a list of levels, got {wanted!r}")
        result += [Distortion(kind, level) for level in wanted]
        if len(set(wanted)) < len(wanted):
            raise ValueError(f"distortions.{kind}: a level stands twice in {list(wanted)}")
    return result


def distort(picture: NDArray[Any], distortion: Distortion, image_id: int) -> Picture:
    """Distort a picture. Randomness depends on image, kind and severity alone.

    So the bytes are the same in every run, process, worker and thread, and no global state is read
    or changed. Objects stay where they are; `elastic_transform` alone moves them, by a pixel or
    two, and boxes are not corrected for that, as in COCO-C.

    Args:
        picture: uint8 [H, W, 3] RGB; it is not changed.
        distortion: what to do.
        image_id: of the picture.

    Returns:
        A new uint8 [H, W, 3] RGB, contiguous.

    Raises:
        ValueError: if the picture is of another type or shape, or empty.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(
            f"image id {image_id}: expected a picture uint8 [H, W, 3], got {picture.dtype} "
            f"{list(picture.shape)}"
        )
    function, parameters = _LEVELS[distortion.kind][distortion.level - 1]
    kind_number = zlib.crc32(distortion.kind.encode())
    words = RandomWords(image_id % 2**64, kind_number, distortion.level)
    return function(np.ascontiguousarray(picture), words, *parameters)
