"""Corners in arcsec from pixel fields, against boxes drawn forward through a plot's WCS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from prepare.jet_catalogue.entry import Entry
from prepare.jet_catalogue.jet import Subject, enclosing
from prepare.jet_catalogue.subject_box import NoBoxError
from prepare.jet_catalogue.subject_entries import read_subject

START = "2013-10-28T01:00:00"
BASE = (850.0, -300.0)
Make = Callable[..., tuple[dict[str, Any], np.ndarray]]


def read(entry: dict[str, Any]) -> Subject:
    return read_subject(Entry(entry, "catalogue.json, entry 1"))


@pytest.mark.parametrize("along", ["h", "w"])
@pytest.mark.parametrize("roll", [0.0, 0.02])
@pytest.mark.parametrize("size", [(100.0, 40.0), (40.0, 100.0)])
def test_corners_come_back_in_every_direction(
    catalogue_subject: Make, along: str, roll: float, size: tuple[float, float]
) -> None:
    for direction in range(0, 360, 15):
        for turns in (-1, 0, 1):
            entry, truth = catalogue_subject(
                START, BASE, direction, *size, roll=roll, along=along, turns=turns
            )
            if abs(entry["cluster_values"]["a"]) > 2 * np.pi:
                continue
            corners = read(entry).corners
            distances = np.linalg.norm(corners[:, None] - truth[None], axis=2)
            assert distances.min(axis=1).max() < 0.05, direction
            assert np.allclose(corners[:2].mean(axis=0), BASE, atol=0.05), "base first"


def test_corners_without_roll_are_exact(catalogue_subject: Make) -> None:
    entry, truth = catalogue_subject(START, BASE, 37.0)
    distances = np.linalg.norm(read(entry).corners[:, None] - truth[None], axis=2)
    assert distances.min(axis=1).max() < 0.007


def test_a_jet_that_points_north_is_boxed_north(catalogue_subject: Make) -> None:
    entry, _ = catalogue_subject(START, (0.0, 900.0), 0.0, length=100, width=40)
    region = enclosing(read(entry).corners)
    assert region == pytest.approx((-20, 900, 20, 1000), abs=0.05)


def test_corners_of_turning_boxes_keep_their_order(catalogue_subject: Make) -> None:
    one, _ = catalogue_subject(START, BASE, 170.0, along="h")
    other, _ = catalogue_subject(START, BASE, 190.0, along="w")
    moved = np.linalg.norm(read(one).corners - read(other).corners, axis=1)
    assert moved.max() < 2 * 101 * np.sin(np.radians(10)) + 15


@pytest.mark.parametrize("change", [{"solar_W": 46.0}, {"solar_end": {"x": 840.0, "y": -310.0}}])
def test_contradicted_scale_lays_the_box_by_length_width_and_direction(
    catalogue_subject: Make, change: dict[str, Any]
) -> None:
    entry, _ = catalogue_subject(START, BASE, 60.0)
    corners = read(entry | change).corners
    width = change.get("solar_W", 40.0)
    base = np.array([entry["solar_start"]["x"], entry["solar_start"]["y"]])
    ahead = np.array([np.sin(np.radians(60)), np.cos(np.radians(60))])
    assert corners[:2].mean(axis=0) == pytest.approx(base)
    assert corners[2:].mean(axis=0) == pytest.approx(base + 100 * ahead, abs=0.01)
    assert np.linalg.norm(corners[1] - corners[0]) == pytest.approx(width)
    right, _ = catalogue_subject(START, BASE, 60.0)
    whole = read(right).corners
    assert (np.linalg.norm(whole - corners, axis=1) < 10).all(), "same order of corners"


def test_an_end_that_is_not_known_contradicts_nothing(catalogue_subject: Make) -> None:
    entry, truth = catalogue_subject(START, BASE, 60.0)
    for change in ({"solar_end": None}, {"end": {"x": None, "y": "nan"}}):
        distances = np.linalg.norm(read(entry | change).corners[:, None] - truth[None], axis=2)
        assert distances.min(axis=1).max() < 0.01


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"solar_H": 0.0}, "0x40 arcsec"),
        ({"solar_H": float("nan")}, "nanx40 arcsec"),
        ({"solar_start": {"x": None, "y": 0.0}}, "not finite"),
        ({"solar_start": {"x": 9e4, "y": 0.0}, "solar_end": None}, "from the sun's centre"),
        ({"cluster_values": {"x": 1, "y": 2, "w": 0, "h": 9, "a": 0}}, "0x9 pixels"),
        ({"cluster_values": {"x": 1, "y": 2, "w": -4, "h": 9, "a": 0}}, "-4x9 pixels"),
        ({"cluster_values": {"x": 1, "y": 2, "w": 4, "h": 9, "a": 75.0}}, "degrees"),
    ],
)
def test_numbers_that_give_no_box_are_told(
    catalogue_subject: Make, change: dict[str, Any], message: str
) -> None:
    entry, _ = catalogue_subject(START, BASE, 60.0)
    with pytest.raises(NoBoxError, match=message):
        read(entry | change)
