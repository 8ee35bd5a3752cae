"""Drawn jets as the Solar Jet Hunter catalogue would list them (Musset et al. 2024, A&A 688, A127).

Subjects of 15 frames, neighbours sharing two, each with one box, drawn where the jet is longest, in
the pixels of a plot: y down, angles in radians, in all the conventions that a reader has to meet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prepare.drawing_solar.course import Course
from prepare.drawing_solar.pointing import Pointing
from prepare.drawing_solar.scene import CADENCE, EXTENT, Scene

FRAMES, STEP = 15, 13  # of a subject, and from one to the next
EARLIEST, LATEST = 1, 5  # frames without the jet before it, from, to
PLOT_SIDE, PLOT_CORNER = 1100.0, (410.0, 170.0)  # of the field in a plot of 1920x1440 pixels
SHORT = 6.0  # min
Point = dict[str, float]


def jet_entries(scene: Scene, sol: str, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Entries of a scene's jets in the order of `scene.jets`.

    Args:
        scene: What was drawn.
        sol: Name of the trigger event.
        rng: Where margins, disagreement and the choice among equal conventions come from.

    Returns:
        As in the catalogue's JSON.
    """
    parts = [_subjects(scene, course, rng) for course in scene.jets]
    entries: list[dict[str, Any]] = []
    for course, subjects in zip(scene.jets, parts, strict=True):
        first = f"{subjects[0]['time'][:13]}"
        same_hour = sum(entry["id"].startswith(f"sjh_{first}_") for entry in entries)
        name = f"sjh_{first}_{same_hour + 1}"
        entries.append(_entry(name, sol, subjects, scene, course))
    return entries


def trigger_event(scene: Scene) -> str:
    """A name such as HEK gives, after time, longitude and colatitude."""
    latitude, longitude = _stonyhurst(scene, scene.centre)
    place = f"L{round(longitude) % 360:03d}C{round(90 - latitude):03d}"
    return f"SOL{scene.start:%Y-%m-%dT%H:%M:%S}{place}"


def _subjects(scene: Scene, course: Course, rng: np.random.Generator) -> list[dict[str, Any]]:
    onset = -float(course.ages[0]) / CADENCE
    begin = math.floor(onset) - int(rng.integers(EARLIEST, LATEST + 1))
    # The last one ends where the window of the event ends, however much it then shares.
    end = math.ceil(onset + course.plume.clear_ages()[1] / CADENCE) + 1
    starts = [begin]
    while starts[-1] + FRAMES <= end:
        starts.append(min(starts[-1] + STEP, end - FRAMES + 1))
    return [_subject(scene, course, start, rng) for start in starts]


def _subject(scene: Scene, course: Course, start: int, rng: np.random.Generator) -> dict[str, Any]:
    corners = course.plume.corners(_longest(course, start))
    pointing = Pointing(scene.centre, 1, EXTENT, 0.0)
    in_plot = pointing.to_picture(corners) * PLOT_SIDE + PLOT_CORNER
    base = pointing.to_picture(np.array([course.plume.base])) * PLOT_SIDE + PLOT_CORNER
    x, y = course.plume.base
    length, width = (float(np.linalg.norm(corners[i + 1] - corners[i])) for i in (1, 0))
    sigma = float(rng.uniform(0.15, 0.6))
    stretch = 1 / math.sqrt(1 - sigma)
    return {
        "subject": int(rng.integers(60_000_000, 90_000_000)),
        "time": _iso(scene.start + timedelta(seconds=start * CADENCE)),
        "sigma": sigma,
        "start": _point(base[0]),
        "end": _point(base[0]),
        "cluster_values": _plot_box(in_plot, rng),
        "solar_start": {"x": x, "y": y},
        "solar_end": {"x": x, "y": y},
        "solar_H": length,
        "solar_W": width,
        "solar_H_sig": {"upper": length * (stretch - 1), "lower": length * (1 / stretch - 1)},
    }


def _longest(course: Course, start: int) -> float:
    """The age within a subject at which the jet is clear and longest."""
    first, last = course.plume.clear_ages()
    begin = float(course.ages[0]) + start * CADENCE
    ages = np.clip(begin + np.arange(FRAMES) * CADENCE, first, last)
    return float(max(ages, key=course.plume.length))


def _plot_box(corners: NDArray[np.float64], rng: np.random.Generator) -> dict[str, float]:
    """A box by the corner and sides that it has before it is turned; either side may be the jet."""
    sides = [corners[1] - corners[0], corners[2] - corners[1]]
    if rng.random() < 0.5:
        sides.reverse()
    width, height = (float(np.linalg.norm(side)) for side in sides)
    angle = math.atan2(sides[0][1], sides[0][0])
    x, y = corners.mean(axis=0) - (width / 2, height / 2)
    return {"x": float(x), "y": float(y), "w": width, "h": height, "a": angle}


def _entry(
    name: str, sol: str, subjects: Sequence[dict[str, Any]], scene: Scene, course: Course
) -> dict[str, Any]:
    starts = [datetime.fromisoformat(subject["time"]) for subject in subjects]
    lengths = np.array([subject["solar_H"] for subject in subjects])
    widths = np.array([subject["solar_W"] for subject in subjects])
    tallest = int(lengths.argmax())
    rise = (starts[tallest] - starts[0]).total_seconds()
    minutes = ((starts[-1] - starts[0]).total_seconds() + (FRAMES - 1) * CADENCE) / 60
    latitude, longitude = _stonyhurst(scene, course.plume.base)
    marks = (minutes < SHORT, rise == 0, abs(longitude) > 90)
    upper_lower = subjects[tallest]["solar_H_sig"]
    return {
        "id": name,
        "SOL": sol,
        "obs_time": subjects[0]["time"],
        "duration": minutes,
        "lat": latitude,
        "lon": longitude,
        "Bx": {"mean": course.plume.base[0], "std": 0.0},
        "By": {"mean": course.plume.base[1], "std": 0.0},
        "max_height": {
            "mean": float(lengths.max()),
            "std_upper": upper_lower["upper"],
            "std_lower": upper_lower["lower"],
        },
        "height": {"mean": float(lengths.mean()), "std": float(lengths.std())},
        "width": {"mean": float(widths.mean()), "std": float(widths.std())},
        "velocity": float(lengths.max()) / rise if rise else math.nan,
        "sigma": float(np.mean([subject["sigma"] for subject in subjects])),
        "flag": "".join(str(int(mark)) for mark in marks),
        "jets": list(subjects),
    }


def _stonyhurst(scene: Scene, place: tuple[float, float]) -> tuple[float, float]:
    """Latitude and longitude in degrees; of places off the limb, of a screen behind it."""
    x, y = place[0] / scene.limb, place[1] / scene.limb
    square = 1 - x**2 - y**2
    z = math.copysign(math.sqrt(abs(square)), square)
    tilt = math.radians(scene.observer.latitude)
    north, front = y * math.cos(tilt) + z * math.sin(tilt), z * math.cos(tilt) - y * math.sin(tilt)
    latitude = math.degrees(math.atan2(north, math.hypot(x, front)))
    return latitude, math.degrees(math.atan2(x, front))


def _point(place: NDArray[np.float64]) -> Point:
    return {"x": float(place[0]), "y": float(place[1])}


def _iso(moment: datetime) -> str:
    return f"{moment.replace(tzinfo=None):%Y-%m-%dT%H:%M:%S}"
