"""The commands of docs/solar.md, one after the other as a reader types them."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_page_from_start_to_end(tmp_path: Path):
    page = (ROOT / "docs" / "solar.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```bash\n(.*?)```", page, re.S)
    shown = [line for block in blocks for line in block.splitlines()]
    commands = [line for line in shown if "-m prepare." in line]
    # Trainings stand in README, too, and its test runs them.
    readme = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert set(shown) - set(commands) <= set(readme)
    assert [command.split()[2] for command in commands] == [
        "prepare.drawn_solar", "prepare.solar_catalogue", "prepare.solar_fetch"
    ]  # fmt: skip
    told = [
        subprocess.run(
            [sys.executable, *shlex.split(command)[1:]],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for command in commands
    ]
    for folder in ("sun", "jets"):
        written = json.loads((tmp_path / "data" / folder / "annotations.json").read_text())
        assert written["videos"]
        assert written["annotations"]
        assert "left_out.json" in {path.name for path in (tmp_path / "data" / folder).iterdir()}
    assert "aia.lev1_euv_12s" in told[-1]
    assert not list((tmp_path / "frames").glob("**/*.fits"))
