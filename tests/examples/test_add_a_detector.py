"""docs/add-a-detector.md, followed to the letter from an empty folder."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "add-a-detector.md").read_text("utf-8")
SMALL = [
    "trainer.max_epochs=1",
    "trainer.check_val_every_n_epoch=1",
    "+trainer.limit_train_batches=1",
    "+trainer.limit_val_batches=1",
    "+trainer.limit_test_batches=1",
    "datamodule.batch_size=2",
    "datamodule.draw={pictures: 24, seed: 3}",
    "logger=csv",
]


def steps() -> list[tuple[str, str]]:
    """The page in order: ('file', text with its path in the first line) or ('bash', command)."""
    found = []
    for kind, block in re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL):
        if kind != "bash":
            found += [("file", block)] if block.startswith("# ../") else []
            continue
        lines = block.replace("\\\n", " ").splitlines()
        found += [("bash", line.partition(" #")[0].strip()) for line in lines]
    return found


def installed(folder: Path) -> None:
    """What `pip install -e` leaves, without asking an index for build tools."""
    metadata = folder / "my_detector.egg-info"
    metadata.mkdir()
    (metadata / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: my-detector\nVersion: 0\n")
    (metadata / "top_level.txt").write_text("my_detector\n")


def run(command: str, checkout: Path, data: Path) -> None:
    """Run a command of the page as in the checkout, trainings cut short."""
    words = shlex.split(command)
    if words[0] == "python":
        words[0] = sys.executable
    if "train.py" in words:
        words += [*SMALL, f"paths.data={data}", f"paths.root={checkout}"]
        if "-m" not in words:
            words += ["hydra.run.dir=outputs/2026-11-20/18-00-00"]
    # What the page takes from the checkout lies in ours; what is beside it does not.
    ours = {word for word in words if not word.startswith("..") and (ROOT / word).is_file()}
    words = [str(ROOT / word) if word in ours else word for word in words]
    paths = os.pathsep.join([str(checkout.parent / "my-detector"), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(
        words, cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.mark.slow
def test_every_step_of_the_page_works(tmp_path: Path, drawn_root: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    cv2.imwrite(str(checkout / "street.jpg"), np.full((90, 120, 3), 127, np.uint8))
    for kind, text in steps():
        if kind == "file":
            name = text.partition("\n")[0].removeprefix("# ")
            (checkout / name).write_text(text, "utf-8")
        elif text.startswith("pip install -e "):
            installed(checkout / text.split()[-1])
        else:
            run(text, checkout, drawn_root.parent)
    assert len(list(checkout.glob("multirun/*/*/[01]/report.html"))) >= 2


def test_the_page_shows_every_file_that_the_package_needs() -> None:
    shown = {
        text.partition("\n")[0].removeprefix("# ../") for kind, text in steps() if kind == "file"
    }
    made = set(
        re.findall(
            r"\.\./(my-detector/[\w/.\-]+\.py)", " ".join(t for k, t in steps() if k == "bash")
        )
    )
    example = ROOT / "examples" / "plugin_detector"
    needed = {
        path.relative_to(example).as_posix().replace("plugin_detector", "my_detector")
        for path in example.rglob("*")
        if path.suffix in (".py", ".toml", ".yaml") and path.name != "PKG-INFO"
    }
    needed = {f"my-detector/{name.replace('centre_net', 'my_detector')}" for name in needed}
    assert shown | made == needed
