from __future__ import annotations

import numpy as np
import pytest

from solar.intensity import ClipPercentile, FixedLog, FixedRoot, PerFramePercentile


def test_fixed_log_spans_its_two_rates():
    rates = np.array([-5.0, 0.0, 0.8, np.sqrt(0.8 * 250), 250.0, 5000.0, np.nan], dtype=np.float32)
    scaled = FixedLog().scale(rates)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, [0, 0, 0, 0.5, 1, 1, 0], atol=1e-6)


def test_each_wavelength_has_its_range():
    assert FixedLog.of(304) == FixedLog() == FixedLog(0.8, 250.0)
    assert FixedLog.of(193).high > FixedLog.of(304).high
    with pytest.raises(ValueError, match="4500"):
        FixedLog.of(4500)


def test_fixed_log_does_not_depend_on_the_rest_of_the_frame():
    calm = np.full((8, 8), 15.0, np.float32)
    flare = calm.copy()
    flare[0, 0] = 1e5
    np.testing.assert_array_equal(FixedLog().scale(calm)[1:], FixedLog().scale(flare)[1:])


def test_clip_percentile_is_one_scale_for_all_frames():
    rates = np.linspace(0, 100, 1001, dtype=np.float32).reshape(7, 11, 13)
    scale = ClipPercentile(1.0, 99.0).fit(rates)
    assert (scale.low, scale.high) == pytest.approx((1.0, 99.0))
    np.testing.assert_allclose(
        scale.scale(np.array([1.0, 25.5, 99.0, 200.0, np.nan], np.float32)),
        [0, 0.5, 1, 1, 0],
        atol=1e-6,
    )


def test_clip_percentile_leaves_nan_out():
    rates = np.array([np.nan] * 50 + [2.0, 4.0], np.float32)
    assert ClipPercentile(0, 100).fit(rates) == FixedRoot(2.0, 4.0)


@pytest.mark.parametrize("value", [0.0, 3.0, np.nan])
def test_frames_without_contrast_stay_finite(value):
    flat = np.full((4, 4), value, np.float32)
    for scale in (FixedLog(), PerFramePercentile(), ClipPercentile().fit(flat)):
        scaled = scale.scale(flat)
        assert np.isfinite(scaled).all()
        assert scaled.min() >= 0
        assert scaled.max() <= 1


def test_per_frame_follows_each_frame():
    ramp = np.linspace(0, 1, 1001, dtype=np.float32)
    scale = PerFramePercentile()
    np.testing.assert_allclose(scale.scale(ramp), scale.scale(ramp * 50 + 7), atol=1e-4)


@pytest.mark.parametrize(
    "make",
    [
        lambda: FixedLog(0.0, 1.0),
        lambda: FixedLog(5.0, 5.0),
        lambda: FixedRoot(1.0, 0.0),
        lambda: ClipPercentile(50, 20),
        lambda: PerFramePercentile(0, 101),
    ],
)
def test_ranges_that_are_none(make):
    with pytest.raises(ValueError, match="expected"):
        make()
