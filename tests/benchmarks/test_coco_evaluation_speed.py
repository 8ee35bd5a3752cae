"""The benchmark runs on a small case, agrees with pycocotools and writes what it prints."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "coco_evaluation_speed.py"


def test_prints_a_table_and_writes_json(tmp_path):
    size = ["--images", "30", "--classes", "5", "--objects", "200", "--detections", "900"]
    command = [sys.executable, str(SCRIPT), *size, "--out", str(tmp_path / "speed.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "times faster" in done.stdout
    assert "equal to the last digit" in done.stdout
    table = json.loads((tmp_path / "speed.json").read_text())
    assert table["case"]["images"] == 30
    assert table["rows"][0]["name"] == "pycocotools"
    assert all(row["seconds"] > 0 for row in table["rows"])
