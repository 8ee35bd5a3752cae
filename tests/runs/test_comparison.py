"""Finished runs side by side."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from omegaconf import OmegaConf

from runs.comparison import Entry, compare
from runs.sweep_end import CompareJobs, job_names

ROOT = Path(__file__).resolve().parents[2]
# A multirun of Hydra itself, whose second job fails; instead of comparing, jobs are listed.
FAILING_JOB = """
from pathlib import Path
import hydra
from hydra.core.config_store import ConfigStore
from runs.sweep_end import CompareJobs

class Listed(CompareJobs):
    def on_multirun_end(self, config, **kwargs):
        jobs = sorted(file.parent.name for file in Path(config.hydra.sweep.dir).glob("*/done"))
        with Path("compared").open("a") as file:
            print(*jobs, sep="", file=file)

node = {"x": 0, "hydra": {"callbacks": {"compare": {"_target_": "__main__.Listed"}}}}
ConfigStore.instance().store("half", node)

@hydra.main(config_path=None, config_name="half", version_base="1.3")
def main(cfg):
    if cfg.x == 2:
        raise ValueError("two cannot be")
    (Path("jobs") / str(cfg.x) / "done").touch()

main()
"""
ARTEFACTS = ("metrics.json", "ground_truth.json", "predictions.json", "config.yaml")


@pytest.fixture
def sweep(trained_run: Path, tmp_path: Path) -> Path:
    """Three jobs of one multirun; the second finds nothing, the third is judged on other truth."""
    for number, model in enumerate(("good", "blind", "elsewhere")):
        job = tmp_path / str(number)
        (job / ".hydra").mkdir(parents=True)
        OmegaConf.save([f"model={model}", "seed=1"], job / ".hydra" / "overrides.yaml")
        for name in ARTEFACTS:
            (job / name).write_bytes((trained_run / name).read_bytes())
    metrics = json.loads((tmp_path / "1" / "metrics.json").read_text())
    metrics["scalars"] |= {"map": None, "map_50": 0.0}
    (tmp_path / "1" / "metrics.json").write_text(json.dumps(metrics))
    (tmp_path / "1" / "predictions.json").write_text("[]")
    truth = json.loads((tmp_path / "2" / "ground_truth.json").read_text())
    truth["annotations"] = truth["annotations"][:-1]
    (tmp_path / "2" / "ground_truth.json").write_text(json.dumps(truth))
    return tmp_path


def test_jobs_are_called_by_what_tells_them_apart(sweep: Path) -> None:
    names = job_names([sweep / "1", sweep / "0"])
    assert names == {sweep / "0": "model=good", sweep / "1": "model=blind"}


def test_jobs_with_the_same_command_line_go_by_their_folders(sweep: Path) -> None:
    copytree(sweep / "0", sweep / "3")
    names = job_names([sweep / "0", sweep / "3"])
    assert list(names.values()) == ["0", "3"]


def test_a_multirun_ends_with_a_table_a_spreadsheet_and_a_report(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = OmegaConf.create({"hydra": {"sweep": {"dir": str(sweep)}}})
    CompareJobs().on_multirun_end(config)
    shown = capsys.readouterr().out
    assert shown.index("model=good") < shown.index("model=blind")
    with (sweep / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == ["model=good", "model=elsewhere", "model=blind"]
    (row,) = [line for line in shown.splitlines() if "model=good" in line]
    for name in ("map", "map_50", "map_75", "ap/building", "ap/window", "ap/door"):
        assert f"{float(rows[0][name]):.3f}" in row
    assert rows[0]["folder"] == str(sweep / "0")
    assert float(rows[0]["map"]) == Entry.read("", sweep / "0").score("map")
    page = (sweep / "report.html").read_text()
    assert "model=blind" in page
    # A figure of other pictures would stand beside those of these as if it were comparable.
    assert "model=elsewhere" not in page


def test_a_multirun_with_a_failed_job_still_ends_with_a_table(tmp_path: Path) -> None:
    (tmp_path / "half.py").write_text(FAILING_JOB)
    words = ["-m", "x=1,2,3", f"hydra.sweep.dir={tmp_path}/jobs", "hydra.sweep.subdir=${x}"]
    ended = subprocess.run(
        [sys.executable, "half.py", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "two cannot be" in ended.stderr
    # One after the failed job, one after the last; what is compared grows.
    assert (tmp_path / "compared").read_text() == "1\n13\n"


def test_a_multirun_without_a_finished_job_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path)}}})
    CompareJobs().on_multirun_end(config)
    assert "no job of the sweep left a metrics.json" in caplog.text


def test_a_report_shows_the_best_of_many(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entries = [Entry.read(f"run {number}", sweep / "0") for number in range(8)]
    compare(entries, sweep / "out", lambda _: np.zeros((600, 800, 3), np.uint8))
    assert capsys.readouterr().out.count("run ") >= 8
    assert "the best 6 of 8" in (sweep / "out" / "report.html").read_text()


def test_a_partial_mean_over_corruptions_is_never_called_by_the_benchmarks_name(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = Entry.read("foggy", sweep / "0")
    conditions = {"clean": {"map": 0.5}, "fog_1": {"map": 0.25}}
    entry.metrics["robustness"] = {
        "mpc": 0.25, "rpc": 0.5, "partial": True, "conditions": conditions,
    }  # fmt: skip
    compare(
        [entry, Entry.read("as stored", sweep / "0")],
        sweep / "out",
        lambda _: np.zeros((600, 800, 3), np.uint8),
    )
    shown = capsys.readouterr().out
    assert "mPC is partial" in " ".join(shown.split())
    assert "0.250" in shown
    with (sweep / "out" / "comparison.csv").open() as file:
        foggy, stored = csv.DictReader(file)
    assert (foggy["mpc_partial"], foggy["rpc_partial"], foggy["fog_1/map"]) == (
        "0.25",
        "0.5",
        "0.25",
    )
    assert "mpc" not in foggy
    assert stored["fog_1/map"] == ""
