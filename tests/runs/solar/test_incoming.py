"""Files of a folder that grows: whole ones only, in order of time, at a cadence that is learned."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from runs.solar.watch import watch
from tests.runs.solar.conftest import Watcher, journal


def test_a_file_that_is_still_written_waits(
    start: Watcher,
    write_sun: Callable[..., Path],
    source: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    solar = start(settled=30.0)
    path = write_sun(source / "a.fits", 0)
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    assert solar.scan() == 0
    path.write_bytes(whole)
    assert solar.scan() == 1
    assert "left_out" not in journal(tmp_path / "out")[0]
    (source / "b.fits").write_bytes(whole[:1000])
    watch(solar, idle_s=0)
    assert "still being written, so not looked at: b.fits" in caplog.text
    old = path.stat().st_mtime - 60
    os.utime(source / "b.fits", (old, old))
    assert solar.scan() == 1
    assert journal(tmp_path / "out")[1]["left_out"] == "truncated"


def test_the_cadence_is_learned(
    start: Watcher, write_sun: Callable[..., Path], source: Path, tmp_path: Path
) -> None:
    solar = start(cadence=None)
    for frame, expected in ((0, 0), (1, 0), (3, 3)):
        write_sun(source / f"{frame}.fits", 36.0 * frame)
        assert solar.scan() == expected
    assert json.loads((tmp_path / "out" / "state.json").read_text())["watch"]["gate"][
        "cadence"
    ] == pytest.approx(36)
    write_sun(source / "4.fits", 36 * 3 + 12)  # too near
    solar.scan()
    assert journal(tmp_path / "out")[-1]["left_out"] == "off_grid"


def test_frames_that_come_together_are_put_in_order(
    start: Watcher, write_sun: Callable[..., Path], source: Path, tmp_path: Path
) -> None:
    solar = start(cadence=None)
    for name, time in (("a", 48), ("b", 0), ("c", 24)):
        write_sun(source / f"{name}.fits", time)
    watch(solar, idle_s=0)
    assert [entry["file"] for entry in journal(tmp_path / "out")] == ["b.fits", "c.fits", "a.fits"]


def test_one_frame_is_not_waited_for_forever(
    start: Watcher, write_sun: Callable[..., Path], source: Path, tmp_path: Path
) -> None:
    write_sun(source / "a.fits", 0, (930, -320, 950, -280))
    watch(start(cadence=None), idle_s=0)
    (entry,) = journal(tmp_path / "out")
    (found,) = entry["found"]
    box = [found[key] for key in ("hpc_x0", "hpc_y0", "hpc_x1", "hpc_y1")]
    np.testing.assert_allclose(box, [930, -320, 950, -280], atol=0.05)
    assert (tmp_path / "out" / "latest.jpg").stat().st_size > 0


def test_frames_are_watched_no_more_often_than_in_training(
    start: Watcher, write_sun: Callable[..., Path], source: Path, tmp_path: Path
) -> None:
    solar = start(cadence=None, usual_cadence=24.0)
    for frame in range(5):
        write_sun(source / f"{frame}.fits", 12.0 * frame)
    watch(solar, idle_s=0)
    left_out = [entry.get("left_out") for entry in journal(tmp_path / "out")]
    assert left_out == [None, "off_grid", None, "off_grid", None]
