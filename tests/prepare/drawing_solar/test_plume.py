"""Plumes: true boxes enclose what is drawn, in every direction; no frame tells what moves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp

from prepare.drawing_solar.course import Course, erupting, flashing, standing
from prepare.drawing_solar.plume import Plume, draw_plume
from prepare.drawing_solar.pointing import Pointing
from prepare.drawing_solar.scene import draw_scene

SCALE = 1.0
SKY = Pointing((300.0, -200.0), 240, SCALE, 0.0).sky(960.0)
TIMES = np.arange(0, 960, 24, dtype=np.float64)
BRIGHT = 0.3  # of the brightest pixel


def a_plume(direction: float, seed: int = 0) -> Plume:
    rng = np.random.default_rng(seed)
    return draw_plume(rng, (300.0, -200.0), direction, 0.0)


@pytest.mark.parametrize("degrees", range(0, 360, 45))
@pytest.mark.parametrize("age", [96.0, 192.0, 336.0])
def test_the_true_box_fits_the_bright_pixels_in_every_direction(degrees: int, age: float) -> None:
    plume = a_plume(np.radians(degrees), degrees)
    light = plume.rate(SKY, age)
    column = light > BRIGHT * plume.peak * plume.strength(age)
    seen = np.array(
        [SKY.x[column].min(), SKY.y[column].min(), SKY.x[column].max(), SKY.y[column].max()]
    )
    seen += np.array([-SCALE, -SCALE, SCALE, SCALE]) / 2
    corners = plume.corners(age)
    box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    assert iou(seen, box) > 0.6
    outside = ~((SKY.x >= box[0]) & (SKY.x <= box[2]) & (SKY.y >= box[1]) & (SKY.y <= box[3]))
    assert light[outside & column].sum() < 0.05 * light[column].sum()


def iou(one: np.ndarray, other: np.ndarray) -> float:
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    shared = np.prod(np.maximum(high - low, 0))
    areas = [np.prod(box[2:] - box[:2]) for box in (one, other)]
    return float(shared / (sum(areas) - shared))


def test_corners_begin_at_the_base_and_lie_along_the_direction() -> None:
    corners = a_plume(np.pi / 2).corners(200.0)
    along = (corners[2:].mean(axis=0)) - corners[:2].mean(axis=0)
    np.testing.assert_allclose(along / np.linalg.norm(along), [0, 1], atol=1e-9)
    assert corners[:2, 1].max() < -200 < corners[2:, 1].min()


def test_a_jet_grows_by_its_speed_and_then_falls_back() -> None:
    plume = a_plume(0.0)
    lengths = np.array([plume.length(age) for age in np.arange(0, 2000, 1.0)])
    assert lengths[1] == pytest.approx(plume.speed, rel=0.01)
    top = int(lengths.argmax())
    assert top == pytest.approx(plume.speed / plume.brake, abs=1)
    assert (np.diff(lengths[: top - 1]) > 0).all()
    assert lengths[top + 100] < lengths[top]


def test_only_the_jet_changes_its_form() -> None:
    rng, plume = np.random.default_rng(1), a_plume(0.3, 5)
    jet, thread = erupting(plume, 48.0, TIMES), standing(rng, plume, TIMES)
    flash = flashing(rng, plume, 100.0, TIMES)
    assert jet.jet
    assert not thread.jet
    assert not flash.jet
    for course in (thread, flash):
        assert len(set(course.ages)) == 1
        assert not any(course.is_clear(t) or course.is_faint(t) for t in range(len(TIMES)))
        shapes = [course.rate(SKY, t) for t in np.flatnonzero(course.gains > 0.2)[:3]]
        normed = [shape / shape.max() for shape in shapes if isinstance(shape, np.ndarray)]
        np.testing.assert_allclose(normed[0], normed[1], atol=1e-5)
    assert jet.rate(SKY, 1) == 0.0
    assert len({jet.plume.length(float(age)) for age in jet.ages if age > 0}) > 30
    # It lights up in its whole length within three frames, and goes out again.
    assert flash.gains[4] == 0
    assert flash.gains[8] > 0.7 > 0.3 > flash.gains[-1]


def test_a_jet_that_comes_or_goes_is_neither_clear_nor_nothing() -> None:
    jet = erupting(a_plume(0.0, 2), 50.0, TIMES)
    clear = [jet.is_clear(t) for t in range(len(TIMES))]
    faint = [jet.is_faint(t) for t in range(len(TIMES))]
    assert not any(c and f for c, f in zip(clear, faint, strict=True))
    assert any(faint)
    assert sum(clear) >= 8
    last = max(np.flatnonzero(clear))
    assert faint[last + 1]
    assert not faint[-1]


def test_no_single_frame_tells_a_jet_from_its_look_alikes() -> None:
    looks: dict[bool, list[tuple[float, float, float]]] = {True: [], False: []}
    for number in range(60):
        scene = draw_scene(np.random.default_rng([5, number]), 5, number, 40)
        for course in scene.courses:
            looks[course.jet] += [look(course, t) for t in shown(course)]
    jets, others = (np.array(looks[kind]) for kind in (True, False))
    assert len(jets) > 400
    assert len(others) > 2 * len(jets)
    for column, name in enumerate(("length", "width", "light")):
        assert ks_2samp(jets[:, column], others[:, column]).statistic < 0.25, name


def shown(course: Course) -> list[int]:
    frames = range(len(course.ages))
    if course.jet:
        return [t for t in frames if course.is_clear(t)]
    return [t for t in frames if course.gains[t] * strength(course, t) > 0.2]


def strength(course: Course, frame: int) -> float:
    return course.plume.strength(float(course.ages[frame]))


def look(course: Course, frame: int) -> tuple[float, float, float]:
    light = course.plume.peak * strength(course, frame) * float(course.gains[frame])
    return course.plume.length(float(course.ages[frame])), course.plume.width, light
