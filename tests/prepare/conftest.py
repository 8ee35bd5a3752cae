"""Entries of a jet catalogue, drawn forward: from a box on the sky to the plot that has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from astropy.wcs import WCS
from numpy.typing import NDArray

PLOT = (1920, 1440)
Drawn = tuple[dict[str, Any], NDArray[np.float64]]


def draw_subject(
    time: str,
    base: Sequence[float],
    direction: float,
    length: float = 100.0,
    width: float = 40.0,
    roll: float = 0.0,
    along: str = "h",
    turns: int = 0,
    number: int = 1,
) -> Drawn:
    """A subject, and its corners in arcsec.

    Args:
        time: Start.
        base: Middle of the box's base in arcsec.
        direction: Of the jet in degrees: 0 is north (+Ty), 90 is west (+Tx).
        length: In arcsec.
        width: In arcsec.
        roll: Of the telescope in degrees.
        along: Which of the plot's box sides lies along the jet, 'w' or 'h'.
        turns: Half turns that are added to the box's angle, which change nothing.
        number: Of the subject.
    """
    t = np.radians(direction)
    ahead, aside = np.array([np.sin(t), np.cos(t)]), np.array([np.cos(t), -np.sin(t)])
    middle = np.asarray(base, float)
    corners = np.array([middle + i * length * ahead + j * width / 2 * aside
                        for i, j in ((0, -1), (0, 1), (1, 1), (1, -1))])  # fmt: skip
    plot = _plot(middle, roll)

    def to_plot(points: Any) -> NDArray[np.float64]:
        return _turned(plot.wcs_world2pix(np.asarray(points) / 3600, 0))

    start, end = to_plot([middle + 3 * aside + 2 * ahead, middle - 4 * aside])
    pixels = to_plot(corners)
    centre, edge = pixels.mean(axis=0), pixels[3] - pixels[0]
    sides = np.linalg.norm(pixels[1] - pixels[0]), np.linalg.norm(edge)  # across, along
    # Where the plot's own "up" (h along) or "right" (w along) has been turned to, clockwise.
    angle = np.arctan2(edge[0], -edge[1]) if along == "h" else np.arctan2(edge[1], edge[0])
    w, h = sides if along == "h" else sides[::-1]
    box = {"x": centre[0] - w / 2, "y": centre[1] - h / 2, "w": w, "h": h}
    box["a"] = angle + turns * np.pi
    entry = {
        "subject": number,
        "time": time,
        "sigma": 0.4,
        "start": dict(zip("xy", start.tolist(), strict=True)),
        "end": dict(zip("xy", end.tolist(), strict=True)),
        "cluster_values": {key: float(value) for key, value in box.items()},
        "solar_start": dict(zip("xy", (middle + 3 * aside + 2 * ahead).tolist(), strict=True)),
        "solar_end": dict(zip("xy", (middle - 4 * aside).tolist(), strict=True)),
        "solar_H": length,
        "solar_W": width,
        "solar_H_sig": {"upper": 10.0, "lower": -8.0},
    }
    return entry, corners


def _plot(centre: NDArray[np.float64], roll: float) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["HPLN-TAN", "HPLT-TAN"]
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.crval = [0, 0]
    wcs.wcs.cdelt = [0.35 / 3600] * 2
    wcs.wcs.crpix = [PLOT[0] / 2 - centre[0] / 0.35, PLOT[1] / 2 - centre[1] / 0.35]
    wcs.wcs.crota = [0, roll]
    return wcs


def _turned(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """FITS counts rows from below, the plot from above."""
    return np.stack([pixels[:, 0], PLOT[1] - 1 - pixels[:, 1]], axis=1)


def draw_jet(
    name: str, sol: str, subjects: Sequence[dict[str, Any]], **changes: Any
) -> dict[str, Any]:
    """An entry of the published form; a change of None takes a key out."""
    heights = [subject["solar_H"] for subject in subjects]
    values = {
        "id": name,
        "SOL": sol,
        "obs_time": subjects[0]["time"],
        "duration": 5.6,
        "lat": 10.0,
        "lon": 20.0,
        "Bx": {"mean": subjects[0]["solar_start"]["x"], "std": 1.0},
        "By": {"mean": subjects[0]["solar_start"]["y"], "std": 2.0},
        "max_height": {"mean": max(heights)},
        "height": {"mean": sum(heights) / len(heights), "std": 1.0},
        "width": {"mean": subjects[0]["solar_W"], "std": 1.0},
        "velocity": 0.25,
        "sigma": 0.4,
        "flag": "010",
        "jets": list(subjects),
    }
    values.update(changes)
    return {key: value for key, value in values.items() if value is not None}


@pytest.fixture(scope="session")
def catalogue_subject() -> Callable[..., Drawn]:
    """See `draw_subject`."""
    return draw_subject


@pytest.fixture(scope="session")
def catalogue_jet() -> Callable[..., dict[str, Any]]:
    """See `draw_jet`."""
    return draw_jet
