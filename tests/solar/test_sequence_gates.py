from __future__ import annotations

import numpy as np

from solar.sequence_gates import brightness_jumps, odd_exposures


def test_unusual_exposures_are_found():
    exposures = np.array([2.9, 2.9, 0.3, 2.91, 6.0, np.nan])
    found = odd_exposures(exposures, np.zeros(6, dtype=bool))
    assert found.tolist() == [False, False, True, False, True, False]


def test_flares_may_shorten_even_most_exposures():
    exposures = np.array([2.0, 0.2, 2.0, 0.3, 0.8, 0.17])
    automatic = np.array([False, True, False, True, True, True])
    assert not odd_exposures(exposures, automatic).any()
    assert not odd_exposures(exposures, np.ones(6, dtype=bool)).any()


def test_a_dark_and_a_bright_frame_jump():
    medians = 20 + np.random.default_rng(0).normal(0, 0.05, 30)
    medians[[7, 20]] = [2.0, 60.0]
    assert np.flatnonzero(brightness_jumps(medians)).tolist() == [7, 20]


def test_slow_changes_and_calm_fields_do_not():
    calm = np.full(30, 20.0)
    calm[4] = 20.5  # a flickering patch
    assert not brightness_jumps(calm).any()
    assert not brightness_jumps(np.linspace(10, 30, 40)).any()


def test_few_frames_tell_nothing():
    assert not brightness_jumps(np.array([1.0, 50.0, 1.0])).any()
    assert not brightness_jumps(np.array([])).any()
