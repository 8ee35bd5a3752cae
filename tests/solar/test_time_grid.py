from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solar.time_grid import (
    cadence_near,
    duplicates,
    native_cadence,
    regular_slots,
    split_at_gaps,
)


def test_regular_frames_fill_their_slots():
    (slots,) = regular_slots(np.arange(10) * 24.0, 24.0)
    np.testing.assert_array_equal(slots.times, np.arange(10) * 24.0)
    np.testing.assert_array_equal(slots.frames, np.arange(10))
    assert slots.valid.all()


def test_two_missing_frames_are_held_and_marked():
    times = np.array([0, 24, 96, 120]) + 5.0
    (slots,) = regular_slots(times, 24.0)
    assert slots.frames.tolist() == [0, 1, 1, 1, 2, 3]
    assert slots.valid.tolist() == [True, True, False, False, True, True]
    np.testing.assert_allclose(slots.times, 5 + 24.0 * np.arange(6))


def test_three_missing_frames_split_the_video():
    first, second = regular_slots(np.array([0, 24, 48, 144, 168.0]), 24.0)
    assert (first.frames.tolist(), second.frames.tolist()) == ([0, 1, 2], [3, 4])
    assert first.valid.all()
    assert second.valid.all()


def test_frames_between_slots_do_not_fill_a_gap():
    # The third frame is 12 s off: the gap that it leaves is of one slot.
    (slots,) = regular_slots(np.array([0, 24, 60, 72, 96.0]), 24.0)
    assert slots.frames.tolist() == [0, 1, 1, 3, 4]
    assert slots.valid.tolist() == [True, True, False, True, True]


def test_many_frames_between_slots_split_as_missing_ones_do():
    times = np.array([0, 24, 60, 84, 108, 144.0])
    first, second = regular_slots(times, 24.0)
    assert (first.frames.tolist(), second.frames.tolist()) == ([0, 1], [5])


def test_twelve_second_frames_give_every_second_one():
    (slots,) = regular_slots(np.arange(0, 240, 12.0), 24.0)
    assert slots.frames.tolist() == list(range(0, 20, 2))


def test_a_late_first_frame_does_not_shift_the_slots():
    times = np.array([5.0, *(24.0 * np.arange(1, 8))])
    (slots,) = regular_slots(times, 24.0)
    assert slots.valid.all()
    np.testing.assert_allclose(slots.times, 24.0 * np.arange(8))


def test_the_nearest_frame_takes_the_slot():
    (slots,) = regular_slots(np.array([0, 21, 25, 48.0]), 24.0)
    assert slots.frames.tolist() == [0, 2, 3]


@given(
    st.lists(st.floats(1.5, 200), min_size=1, max_size=60),
    st.sampled_from([12.0, 24.0, 36.0]),
    st.integers(0, 4),
)
def test_every_slot_is_regular_and_near_its_frame(steps, cadence, most_held):
    times = np.cumsum(steps)
    videos = regular_slots(times, cadence, most_held=most_held)
    assert videos
    shown = np.concatenate([v.frames[v.valid] for v in videos])
    assert len(set(shown.tolist())) == len(shown)  # no frame twice, none out of order
    assert (np.diff(shown) > 0).all()
    for video in videos:
        assert video.valid[[0, -1]].all()
        np.testing.assert_allclose(np.diff(video.times), cadence, rtol=1e-9)
        off = np.abs(times[video.frames] - video.times)
        assert off[video.valid].max() <= cadence / 4 + 1e-9
        held = np.diff(np.flatnonzero(video.valid), prepend=0) - 1
        assert held.max(initial=0) <= most_held


def test_duplicates_keep_the_best():
    times = np.array([0, 0.4, 24, 48, 48.2, 48.4])
    quality = np.array([1, 0, 0, 0, 0, 0])
    percent = np.array([100, 100, 100, 99.5, 100, 100.0])
    left_out = duplicates(times, quality, percent)
    assert left_out.tolist() == [True, False, False, True, False, True]


def test_native_cadence_is_not_misled_by_single_frames():
    jitter = np.random.default_rng(0).uniform(-1, 1, 100)
    times = np.delete(36.0 * np.arange(100) + jitter, [4, 50, 51])
    assert native_cadence(times) == pytest.approx(36, abs=0.03)
    assert np.isnan(native_cadence(np.array([5.0])))


def test_runs_end_at_long_gaps():
    runs = split_at_gaps(np.array([0, 10, 100, 110.0]), 50)
    assert [run.tolist() for run in runs] == [[0, 1], [2, 3]]
    assert split_at_gaps(np.array([]), 50) == []
    assert regular_slots(np.array([]), 24.0) == []


@pytest.mark.parametrize(
    ("times", "cadence", "tolerance", "message"),
    [
        ([0, 1.0], 0.0, None, "cadence > 0"),
        ([0, 1.0], 24.0, 13.0, "tolerance"),
        ([0, 0.0], 24.0, None, "ascend"),
    ],
)
def test_grids_that_are_none(times, cadence, tolerance, message):
    with pytest.raises(ValueError, match=message):
        regular_slots(np.array(times), cadence, tolerance)


@pytest.mark.parametrize(
    ("native", "expected"),
    [(12.0, 24.0), (11.9, 23.8), (2.0, 24.0), (18.0, 18.0), (24.0, 24.0), (36.0, 36.0)],
)
def test_frames_are_thinned_out_by_whole_steps_and_never_thickened(native, expected):
    assert cadence_near(native, usual=24.0) == pytest.approx(expected)
    assert cadence_near(native, usual=None) == native


def test_a_single_frame_has_the_usual_cadence():
    assert cadence_near(float("nan"), usual=12.0) == 12.0
    assert cadence_near(float("nan"), usual=None) == 24.0
