"""The benchmark of distortions runs, and its ratio is that of the means over what both can do."""

import json
import sys

import pytest

from benchmarks.distortion_speed import main, print_table


def test_a_short_run_times_every_kind(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "imagecorruptions", None)  # as where it is not installed
    out = tmp_path / "speed.json"
    monkeypatch.setattr(sys, "argv", ["x", "--repeats", "1", "--pictures", "2", "--out", str(out)])
    main()
    found = json.loads(out.read_text("utf-8"))
    assert len(found["rows"]) == 19
    assert found["jpeg"]["cpu_s_of_5000"] == pytest.approx(2500 * found["jpeg"]["cpu_s"])
    assert "pip install imagecorruptions" in capsys.readouterr().out


def test_the_ratio_is_of_means_over_kinds_that_both_can_do(capsys):
    rows = [
        {"kind": "fog", "ours_ms": 100.0, "theirs_ms": None},
        {"kind": "snow", "ours_ms": 2.0, "theirs_ms": 8.0},
        {"kind": "frost", "ours_ms": 4.0, "theirs_ms": 40.0},
    ]
    assert print_table(rows)["times_faster"] == pytest.approx(8)
    assert "mean of 2 kinds" in capsys.readouterr().out
