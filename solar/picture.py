"""A frame -> the grey picture that a detector sees."""

from __future__ import annotations

from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from solar.aia_frame import AIAFrame
from solar.frame_wcs import FrameWCS
from solar.intensity import Scale
from solar.resampling import resample

Bits = Literal[8, 16]
Grey = NDArray[np.uint8] | NDArray[np.uint16]


class SolarPicture(NamedTuple):
    """A grey picture, or T of them, row 0 at the top, and which of its pixels to trust.

    Attributes:
        pixels: uint8 or uint16 [..., H, W]; 0 where nothing is measured.
        missing: bool [..., H, W], true where nothing is measured.
        saturated: bool [..., H, W], true where the camera was full.
    """

    pixels: Grey
    missing: NDArray[np.bool_]
    saturated: NDArray[np.bool_]


def render(frame: AIAFrame, target: FrameWCS, scale: Scale, bits: Bits = 8) -> SolarPicture:
    """Bring a frame to the target's pixels, scale it, and turn it the right way up.

    Args:
        frame: From `read_aia`.
        target: The system of the video, from `common_field`.
        scale: Rates -> 0..1.
        bits: Of a pixel.
    """
    rate, saturated = resample(frame, target)
    # The only place where rows are turned: FITS counts from the south, pictures from the north.
    rate, saturated = rate[::-1], saturated[::-1]
    missing = ~np.isfinite(rate)
    values = np.where(missing, 0, scale.scale(rate))
    return SolarPicture(as_integers(values, bits), missing, np.ascontiguousarray(saturated))


def as_integers(values: NDArray[np.float32], bits: Bits) -> Grey:
    """Values 0..1 -> the whole range of 8 or 16 bits, rounded.

    Args:
        values: float [H, W].
        bits: 8 or 16.

    Returns:
        uint8 or uint16 [H, W].
    """
    whole = values.astype(np.float64)
    if bits == 8:
        return np.rint(whole * 255).astype(np.uint8)
    return np.rint(whole * 65535).astype(np.uint16)


def encode_png(pixels: Grey) -> bytes:
    """Without loss, one channel of 8 or 16 bits.

    Args:
        pixels: uint8 or uint16 [H, W].

    Raises:
        ValueError: if they are of another type or shape.
    """
    if pixels.dtype not in (np.uint8, np.uint16) or pixels.ndim != 2:
        raise ValueError(
            f"expected grey uint8 or uint16 [H, W], got {pixels.dtype} {list(pixels.shape)}"
        )
    return cv2.imencode(".png", pixels)[1].tobytes()
