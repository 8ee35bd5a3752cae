"""Settings of a sweep as places along axes."""

from __future__ import annotations

import math

from evaluation.report.parallel_coordinates import HEIGHT, LEFT, TOP, WIDTH, parallel_coordinates

BOTTOM = TOP + HEIGHT


def points(way: str) -> list[tuple[float, float]]:
    return [tuple(map(float, point.split(","))) for point in way.split()]  # type: ignore[misc]


def test_numbers_stand_in_order_and_the_best_run_on_top() -> None:
    settings = {name: {"lr": lr} for name, lr in (("a", "1"), ("b", "3"), ("c", "2"))}
    drawn = parallel_coordinates(settings, {"a": 0.3, "b": 0.1, "c": 0.2}, "val/map")
    assert drawn is not None
    assert [axis.name for axis in drawn.axes] == ["lr", "val/map"]
    assert [way.note.partition(":")[0] for way in drawn.ways] == ["b", "c", "a"]
    assert [way.share for way in drawn.ways] == [0.0, 0.5, 1.0]
    ends = [points(way.points) for way in drawn.ways]
    assert ends[0] == [(LEFT, TOP), (LEFT + WIDTH, BOTTOM)]
    assert ends[1] == [(LEFT, TOP + HEIGHT / 2), (LEFT + WIDTH, TOP + HEIGHT / 2)]
    assert ends[2] == [(LEFT, BOTTOM), (LEFT + WIDTH, TOP)]


def test_wide_ranges_are_logarithmic_and_words_are_categories() -> None:
    settings = {
        "a": {"lr": "0.0001", "priors": "voc"},
        "b": {"lr": "0.01", "priors": "coco"},
        "c": {"lr": "1"},
    }
    drawn = parallel_coordinates(settings, {"a": 0.1, "b": 0.2, "c": 0.3}, "AP")
    assert drawn is not None
    middle = [points(way.points)[0][1] for way in drawn.ways]
    assert middle == [BOTTOM, TOP + HEIGHT / 2, TOP]
    assert [mark.note for mark in drawn.axes[0].marks] == ["0.0001", "0.01", "1"]
    assert [mark.note for mark in drawn.axes[1].marks] == ["coco", "voc", "\N{EN DASH}"]


def test_nothing_is_drawn_where_nothing_tells_runs_apart() -> None:
    assert parallel_coordinates({"a": {"x": "1"}}, {"a": 0.5}, "AP") is None
    assert parallel_coordinates({"a": {}, "b": {}}, {"a": 0.5, "b": 0.1}, "AP") is None
    scores = {"a": 0.5, "b": math.nan}
    assert parallel_coordinates({"a": {"x": "1"}, "b": {"x": "2"}}, scores, "AP") is None
