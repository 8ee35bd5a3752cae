"""The benchmark runs on a small case, finds equal losses and writes what it prints."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_both_loops_have_equal_losses(tmp_path: Path) -> None:
    small = ["--architecture", "fasterrcnn_mobilenet_v3_large_320_fpn", "--min-size", "64"]
    script = [sys.executable, "-m", "benchmarks.faster_rcnn_overhead", *small, "--steps", "5"]
    done = subprocess.run(
        [*script, "--out", str(tmp_path / "overhead.json")],
        capture_output=True, text=True, timeout=300, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "equal losses in 5 of 5 steps" in done.stdout
    numbers = json.loads((tmp_path / "overhead.json").read_text())
    assert numbers["steps_with_equal_losses"] == 5
    assert 0 < numbers["processor"]["median_ratio"] < 2
