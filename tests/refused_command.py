"""What a whole command answers to wrong input, as a user reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from runs.explained_errors import explain
from train import train

ROOT = Path(__file__).resolve().parent.parent

Change = Callable[[dict[str, Any]], Any]


def message(command: Callable[[Any], Any], name: str, out: Path, *overrides: str) -> str:
    """What a user reads; the test fails if the command succeeds or only a traceback would help."""
    paths = [f"paths.root={out}", f"paths.run={out}"]
    with (
        pytest.raises(Exception) as caught,  # noqa: PT011  # composing has errors of its own
        initialize_config_dir(str(ROOT / "conf"), version_base="1.3"),
    ):
        command(compose(name, overrides=[*paths, *overrides]))
    told = explain(caught.value)
    assert told is not None, caught.value
    # Nothing half-written: no step was made, and what lies there is whole.
    assert not {p.name for p in out.rglob("*")} & {"metrics.csv", "best.ckpt", "metrics.json"}
    assert not list(out.rglob("*.tmp"))
    return told


def training(out: Path, *overrides: str) -> str:
    """What `train.py` tells."""
    return message(train, "train", out, "trainer=debug", "logger=csv", *overrides)


def rewrite(root: Path, change: Change) -> None:
    """Change the annotation file of a data set."""
    file = root / "annotations.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    change(document)
    file.write_text(json.dumps(document), encoding="utf-8")


def set_in(section: str, index: int, key: str, value: Any) -> Change:
    return lambda document: document[section][index].update({key: value})
