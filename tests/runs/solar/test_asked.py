"""What is asked for, and what the training decides where nothing is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from runs.run_folder import RunFolder
from runs.solar.asked import Asked


def asked(folder: Path, told: Any = None, **given: Any) -> Asked:
    """Of a run whose data.json says `told` of the sun, if anything."""
    if told is not None:
        (folder / "data.json").write_text(json.dumps({"data": "jets", "sun": told}))
    nothing = {"wavelength": 304, "scale": None, "cadence": None, "region": None}
    return Asked.of(OmegaConf.create(nothing | given), RunFolder(folder, {}, folder / "best.ckpt"))


def test_the_training_decides_what_the_user_does_not(tmp_path: Path) -> None:
    told = {"cadence_s": [24.0], "scale": ["frame-percentile"]}
    by_run = asked(tmp_path, told)
    assert (by_run.scale, by_run.cadence, by_run.usual_cadence) == ("frame-percentile", None, 24.0)
    by_user = asked(tmp_path, told, scale="fixed-log", cadence=12)
    assert (by_user.scale, by_user.cadence, by_user.usual_cadence) == ("fixed-log", 12, None)


def test_a_training_of_several_scales_decides_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    told = {"cadence_s": [12.0, 24.0], "scale": ["clip-percentile", "fixed-log"]}
    with pytest.raises(ValueError, match=r"have clip-percentile, fixed-log; say which"):
        asked(tmp_path, told)
    assert asked(tmp_path, told, scale="fixed-log").usual_cadence is None
    assert "trained on frames every 12, 24 s" in caplog.text
    with pytest.raises(ValueError, match="have asinh; say which of fixed-log"):
        asked(tmp_path, {"scale": ["asinh"]})


def test_a_training_that_tells_nothing_leaves_the_usual(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = asked(tmp_path)
    assert (found.scale, found.usual_cadence) == ("fixed-log", None)
    assert "scale=fixed-log is taken" in caplog.text
    (tmp_path / "data.json").write_text('{"data": "jets"}')
    assert asked(tmp_path) == found


@pytest.mark.parametrize(
    "told",
    [
        [],
        {"cadence_s": [0]},
        {"cadence_s": 24},
        {"cadence_s": ["24"]},
        {"cadence_s": [True]},
        {"scale": [1]},
        {"arcsec_per_pixel": [0.6]},
        {"field_arcsec": [float("nan"), 1.0]},
    ],
    ids=str,
)
def test_a_damaged_account_is_refused(told: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"data\.json: 'sun' is not as a training writes it"):
        asked(tmp_path, told)


def test_an_account_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text("{")
    with pytest.raises(ValueError, match=r"data\.json: no JSON"):
        asked(tmp_path)
