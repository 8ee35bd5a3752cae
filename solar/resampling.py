"""Frames of one field, each a little shifted or rolled -> the pixels of one common system.

Cutouts are cut at whole pixels, and the telescope's roll is left in: without this, a video shakes.
Arrays here are in the order of FITS, row 0 at the bottom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, map_coordinates

from solar.aia_frame import AIAFrame, Region
from solar.frame_wcs import FrameWCS
from solar.wcs_keys import Pair

CUBIC = 3
STILL = 0.02  # pixels; a smaller shift is not worth an interpolation
GRID = 16  # points along each side that coverage is measured by
SPILL = 1.0  # pixels over the edge that take the value of the edge


def common_field(systems: Sequence[FrameWCS], region: Region | None = None) -> FrameWCS:
    """One system without roll for all frames of a video.

    Args:
        systems: Of the frames, in order of time; at least one.
        region: What it shows; by default the upright rectangle around the frames' fields, in the
            median over frames, so that one stray frame does not move it.

    Returns:
        Upright, of square pixels of the frames' median size; time and observer of the first.

    Raises:
        ValueError: without frames, or if the region has no area.
    """
    if not systems:
        raise ValueError("expected at least one frame to take the common field from")
    if region is None:
        corners = np.stack([wcs.corners_arcsec() for wcs in systems])
        region = Region(*np.median(np.hstack([corners.min(axis=1), corners.max(axis=1)]), axis=0))
    if not (region.left < region.right and region.bottom < region.top):
        raise ValueError(f"expected left < right and bottom < top in arcsec, got {region}")
    scale = float(np.median([wcs.pixel_side for wcs in systems]))
    width = max(1, round((region.right - region.left) / scale))
    height = max(1, round((region.top - region.bottom) / scale))
    reference = Pair(*np.median([wcs.reference_arcsec for wcs in systems], axis=0).tolist())
    first = systems[0]
    upright = FrameWCS(
        width=width,
        height=height,
        reference_pixel=Pair(0.0, 0.0),
        reference_arcsec=reference,
        scale=Pair(scale, scale),
        rotation=(1.0, 0.0, 0.0, 1.0),
        time=first.time,
        observer=first.observer,
        radius=first.radius,
    )
    middle = [[(region.left + region.right) / 2, (region.bottom + region.top) / 2]]
    x, y = upright.to_pixels(np.array(middle))[0].tolist()
    return replace(upright, reference_pixel=Pair(width / 2 - x, y - height / 2))


def coverage(source: FrameWCS, target: FrameWCS) -> float:
    """Which part of the target's picture a frame shows, 0..1, measured on a grid of points."""
    steps = (np.arange(GRID) + 0.5) / GRID
    x, y = np.meshgrid(steps * target.width, steps * target.height)
    points = source.to_pixels(target.to_arcsec(np.stack([x.ravel(), y.ravel()], axis=1)))
    return float(((points >= 0) & (points <= source.size)).all(axis=1).mean())


def resample(frame: AIAFrame, target: FrameWCS) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The pixels of a frame where the target system has its pixels.

    A place keeps its arcsec: the sun's rotation within a video and the few kilometres that the
    observer moves stay as they are, and no place is lost off the limb.

    Args:
        frame: Its rates, their gaps and where they lie.
        target: Where the new pixels lie.

    Returns:
        Rates float32 [H, W] in DN/s, cubic splines between the frame's pixels, NaN where a missing
        pixel or the outside of the frame would be needed; saturated pixels, bool [H, W].
    """
    mapping = _homography(frame.wcs, target)
    if frame.wcs.size == target.size and _moves_least(mapping, target):
        return frame.rate, frame.saturated
    columns, rows = _places(mapping, target)
    unknown = ~np.isfinite(frame.rate)
    rate = map_coordinates(
        _filled(frame.rate, unknown), [rows, columns], order=CUBIC, mode="nearest"
    )
    height, width = frame.rate.shape
    outside = (columns < -0.5 - SPILL) | (columns > width - 0.5 + SPILL)
    outside |= (rows < -0.5 - SPILL) | (rows > height - 0.5 + SPILL)
    rate[outside | _touches(unknown, rows, columns)] = np.nan
    return rate, _touches(frame.saturated, rows, columns) & ~outside


def _homography(source: FrameWCS, target: FrameWCS) -> NDArray[np.float64]:
    """Columns and rows of the target's array -> of the source's, [3, 3].

    Two gnomonic pictures of one sky differ by a homography, exactly; the corners determine it.
    """
    w, h = target.size
    corners = np.array([[0.0, 0.0], [w, 0.0], [w, h], [0.0, h]])
    there = source.to_pixels(target.to_arcsec(corners))
    x, y = corners[:, 0] - 0.5, h - corners[:, 1] - 0.5
    u, v = there[:, 0] - 0.5, source.height - there[:, 1] - 0.5
    zero, one = np.zeros(4), np.ones(4)
    equations = np.vstack(
        [
            np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], axis=1),
            np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], axis=1),
        ]
    )
    return np.append(np.linalg.solve(equations, np.append(u, v)), 1.0).reshape(3, 3)


def _places(
    mapping: NDArray[np.float64], target: FrameWCS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Columns and rows in the source's array of every pixel of the target's, each [H, W]."""
    x, y = np.meshgrid(np.arange(target.width), np.arange(target.height))
    a, b, c = (row[0] * x + row[1] * y + row[2] for row in mapping)
    return a / c, b / c


def _moves_least(mapping: NDArray[np.float64], target: FrameWCS) -> bool:
    w, h = target.width - 1.0, target.height - 1.0
    corners = np.array([[0, 0, 1], [w, 0, 1], [w, h, 1], [0, h, 1]])
    moved = corners @ mapping.T
    return bool((np.abs(moved[:, :2] / moved[:, 2:] - corners[:, :2]) < STILL).all())


def _filled(rate: NDArray[np.float32], unknown: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The nearest known rate where one is missing, so that no spline rings around a hole."""
    if not unknown.any():
        return rate
    if unknown.all():
        return np.zeros_like(rate)
    nearest = distance_transform_edt(unknown, return_distances=False, return_indices=True)
    return rate[tuple(nearest)]


def _touches(
    mask: NDArray[np.bool_], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether one of the four pixels around each place is in the mask."""
    if not mask.any():
        return np.zeros(rows.shape, dtype=bool)
    weight = map_coordinates(mask.astype(np.float32), [rows, columns], order=1, mode="nearest")
    return weight > 1e-3
