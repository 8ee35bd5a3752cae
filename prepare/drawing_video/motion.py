"""Motions that tell their kind over time and nothing about it in any single frame.

A body's state is its centre and the logarithm of its radius. Each starts at a uniformly random
place and is reflected at the ends of its range. Whatever a motion adds, the state of every single
frame is then uniform over the ranges, for every kind alike: folding a line onto a range takes a
uniform phase to a uniform place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

DRIFTING, SWINGING, PULSING, STILL = "drifting", "swinging", "pulsing", "still"
KINDS = (DRIFTING, SWINGING, PULSING, STILL)

RADII = (7.0, 18.0)  # pixels
SPEED = (4.0, 6.0)  # of drifting, pixels a frame
AMPLITUDE = (14.0, 20.0)  # of swinging, pixels to either side
PERIOD = (6.0, 8.0)  # of swinging and pulsing, frames


@dataclass(frozen=True)
class Motion:
    """Where a body is: centres float64 [T, 2], x and y in pixels, and radii float64 [T]."""

    centres: Floats
    radii: Floats


def draw_motion(
    kind: str,
    frames: int,
    low: tuple[float, float],
    high: tuple[float, float],
    rng: np.random.Generator,
) -> Motion:
    """Draw a motion.

    Args:
        kind: one of `KINDS`.
        frames: T.
        low: least x and y of the centre, pixels.
        high: largest x and y of the centre, pixels.
        rng: where it comes from.

    Raises:
        ValueError: if the kind is unknown.
    """
    least = np.array([*low, np.log(RADII[0])])
    span = np.array([*high, np.log(RADII[1])]) - least
    start = rng.uniform(0, 2 * span)
    state = least + fold(start + _course(kind, frames, span[2], rng), span)
    return Motion(state[:, :2], np.exp(state[:, 2]))


def fold(places: Floats, span: Floats) -> Floats:
    """Reflect places on a line at 0 and at `span` until they lie between."""
    return np.asarray(span - np.abs(np.mod(places, 2 * span) - span), np.float64)


def _course(kind: str, frames: int, radius_span: float, rng: np.random.Generator) -> Floats:
    """What the motion adds to x, y and log radius, float64 [T, 3]."""
    time = np.arange(frames)
    angle, phase = rng.uniform(0, 2 * np.pi, 2)
    speed, amplitude, period = (rng.uniform(*limits) for limits in (SPEED, AMPLITUDE, PERIOD))
    direction = np.array([np.cos(angle), np.sin(angle)])
    course = np.zeros((frames, 3))
    if kind == DRIFTING:
        course[:, :2] = speed * time[:, None] * direction
    elif kind == SWINGING:
        swing = amplitude * np.sin(2 * np.pi * time / period + phase)
        course[:, :2] = swing[:, None] * direction
    elif kind == PULSING:
        course[:, 2] = 2 * radius_span / period * time  # once up and down in a period
    elif kind != STILL:
        raise ValueError(f"unknown motion {kind!r}: expected one of {', '.join(KINDS)}")
    return course
