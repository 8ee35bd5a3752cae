"""The plug-in is used as by its author: from outside, by search path, no line changed here."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "examples" / "plugin_detector"
SEARCH = "hydra.searchpath=[pkg://plugin_detector.conf]"
TINY = [
    "trainer=cpu",
    "trainer.max_epochs=1",
    "trainer.check_val_every_n_epoch=1",
    "+trainer.limit_train_batches=2",
    "+trainer.limit_val_batches=1",
    "+trainer.limit_test_batches=1",
    "datamodule.batch_size=2",
    "datamodule.draw.pictures=24",
    "datamodule.draw.seed=3",
    "logger=csv",
]


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A copy of the plug-in with the metadata that `pip install -e` leaves beside it."""
    copy = tmp_path / "stranger"
    shutil.copytree(PLUGIN, copy, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    metadata = copy / "plugin_detector.egg-info"
    metadata.mkdir()
    (metadata / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: plugin-detector\nVersion: 0\n")
    (metadata / "top_level.txt").write_text("plugin_detector\n")
    return copy


def called(plugin: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of a user who has the plug-in on the path and works in another folder."""
    script = words[0] if words[0].startswith("-") else str(ROOT / words[0])
    paths = os.pathsep.join([str(plugin), str(ROOT)])
    return subprocess.run(
        [sys.executable, script, *words[1:]],
        cwd=plugin.parent,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )


def train_words(plugin: Path, drawn_root: Path, *words: str) -> list[str]:
    paths = [f"paths.root={plugin.parent}", f"paths.data={drawn_root.parent}"]
    return ["train.py", *words, SEARCH, *TINY, *paths]


def test_it_is_a_package_of_eighty_lines_and_one_yaml() -> None:
    code = [file for file in (PLUGIN / "plugin_detector").rglob("*.py") if file.read_text("utf-8")]
    assert len((PLUGIN / "plugin_detector" / "detector.py").read_text("utf-8").splitlines()) <= 80
    behind = [file for file in code if len(ast.parse(file.read_text("utf-8")).body) > 1]
    assert [file.name for file in behind] == ["detector.py"]
    assert [file.name for file in PLUGIN.rglob("*.yaml")] == ["centre_net.yaml"]


def test_the_search_path_finds_its_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PLUGIN))
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose("train", overrides=[SEARCH, "model=centre_net", "experiment=demo"])
    assert cfg.model._target_ == "plugin_detector.detector.CentreNet"
    assert cfg.datamodule.draw.pictures == 600


@pytest.mark.slow
def test_its_own_tests_pass_among_them_check_detector(plugin: Path) -> None:
    done = called(plugin, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(plugin / "tests"))
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


@pytest.mark.slow
def test_it_is_trained_and_evaluated(plugin: Path, drawn_root: Path) -> None:
    run = plugin.parent / "run"
    words = train_words(plugin, drawn_root, "model=centre_net", f"paths.run={run}")
    done = called(plugin, *words)
    assert done.returncode == 0, done.stderr
    assert "CentreNet" in done.stdout
    again = plugin.parent / "again"
    done = called(plugin, "evaluate.py", f"run={run}", f"paths.run={again}")
    assert done.returncode == 0, done.stderr
    metrics = json.loads((again / "metrics.json").read_text("utf-8"))
    assert metrics["scalars"]["map"] >= 0
    # Without the installation, a run folder cannot make evaluate.py import the package.
    shutil.rmtree(plugin / "plugin_detector.egg-info")
    done = called(plugin, "evaluate.py", f"run={run}", f"paths.run={again}")
    assert done.returncode != 0
    assert "'plugin_detector.detector.CentreNet', which is no installed detector" in done.stderr


@pytest.mark.slow
def test_it_stands_in_a_multirun_beside_ours(plugin: Path, drawn_root: Path) -> None:
    sweep = plugin.parent / "sweep"
    words = train_words(
        plugin, drawn_root, "-m", "model=ssd300_light,centre_net", f"hydra.sweep.dir={sweep}"
    )
    done = called(plugin, *words)
    assert done.returncode == 0, done.stderr
    configs = [yaml.safe_load((sweep / job / "config.yaml").read_text("utf-8")) for job in "01"]
    assert [config["model"]["_target_"].rpartition(".")[2] for config in configs] == [
        "SSD300",
        "CentreNet",
    ]
    assert all((sweep / job / "report.html").is_file() for job in "01")
