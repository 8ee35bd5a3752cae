"""Probabilities that hold."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from utility.calibration import Calibration


def test_the_true_temperature_and_shift_are_found() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(0, 4, (20000, 1))
    p = 1 / (1 + np.exp(-(z / 2.5 + 0.7)))
    y = (rng.random(z.shape) < p).astype(int)
    found = Calibration.fit(z, y)
    assert found.temperatures[0] == pytest.approx(2.5, abs=0.1)
    assert found.shifts[0] == pytest.approx(0.7, abs=0.06)
    kept = found.probabilities(torch.from_numpy(z)).numpy()
    assert np.abs(kept - p).max() < 0.02


def test_no_statement_is_left_out_and_one_label_alone_changes_nothing() -> None:
    z = np.array([[1.0, 2.0], [-1.0, 3.0], [0.4, 1.0], [50.0, -2.0]])
    y = np.array([[1, 1], [0, 1], [1, 1], [-1, -1]])
    found = Calibration.fit(z, y)
    assert (found.temperatures[1], found.shifts[1]) == (1.0, 0.0)
    assert found.temperatures[0] != 1.0
    assert Calibration.fit(z[:3, :1], y[:3, :1]).temperatures[0] == found.temperatures[0]


def test_it_survives_a_checkpoint_and_damage_is_told() -> None:
    found = Calibration((1.5, 0.7), (0.1, -0.2))
    assert Calibration.from_json(found.to_json(), 2, "x") == found
    pairs = [([1], [0]), ([0, 1], [0, 0]), ([1, 1], [0, float("nan")])]
    for broken in (None, {}, *({"temperatures": t, "shifts": s} for t, s in pairs)):
        with pytest.raises(ValueError, match=r"best\.ckpt: .* calibration"):
            Calibration.from_json(broken, 2, "best.ckpt")
