"""Finished runs side by side."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf, open_dict

from evaluation.robustness import SCORES, measure_robustness
from runs.comparison.compared_run import ComparedRun
from runs.comparison.comparison import compare
from runs.judging.score_table import print_scores
from runs.sweep.end import CompareJobs, job_names

ROOT = Path(__file__).resolve().parents[3]
# A multirun of Hydra itself, whose second job fails; instead of comparing, jobs are listed.
FAILING_JOB = """
from pathlib import Path
import hydra
from hydra.core.config_store import ConfigStore
from runs.sweep.end import CompareJobs

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
        words = [f"model={model}", "model.optimizer.lr=0.01", "+number=${hydra:job.num}"]
        OmegaConf.save(words, job / ".hydra" / "overrides.yaml")
        choices = {"model": model, "datamodule": "facades", "experiment": None}
        hydra = {"hydra": {"runtime": {"choices": choices}}}
        OmegaConf.save(hydra, job / ".hydra" / "hydra.yaml")
        for name in ARTEFACTS:
            (job / name).write_bytes((trained_run / name).read_bytes())
    metrics = json.loads((tmp_path / "1" / "metrics.json").read_text())
    metrics["scalars"] |= {"map": None, "map_50": 0.0}
    metrics["best_val_map"] = 0.0
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
    config = OmegaConf.create({"logger": {}, "hydra": {"sweep": {"dir": str(sweep)}}})
    CompareJobs().on_multirun_end(config)
    shown = capsys.readouterr().out
    assert shown.index("model=good") < shown.index("model=blind")
    with (sweep / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == ["model=good", "model=elsewhere", "model=blind"]
    (row,) = [line for line in shown.splitlines() if "model=good" in line and "reference" in line]
    for name in ("map", "map_50", "map_75", "ap/building", "ap/window", "ap/door"):
        assert f"{float(rows[0][name]):.3f}" in row
    assert rows[0]["folder"] == str(sweep / "0")
    assert float(rows[0]["map"]) == ComparedRun.read("", sweep / "0").score("map")
    page = (sweep / "report.html").read_text()
    assert "model=blind" in page
    settings = page[page.index("<h2>Settings</h2>") : page.index("Runs by class")]
    assert settings.count("<polyline points=") > 2
    # A figure of other pictures would stand beside those of these as if it were comparable.
    assert "model=elsewhere" not in page.replace(settings, "")
    best = (sweep / "experiment" / "best.yaml").read_text()
    assert "override /model: good" in best
    assert "lr: 0.01" in best


def test_a_multirun_with_a_failed_job_still_ends_with_a_table(tmp_path: Path) -> None:
    (tmp_path / "half.py").write_text(FAILING_JOB)
    words = ["-m", "x=range(1,5)", f"hydra.sweep.dir={tmp_path}/jobs", "hydra.sweep.subdir=${x}"]
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
    # Once, when the last job has ended.
    assert (tmp_path / "compared").read_text() == "134\n"


@pytest.mark.parametrize(
    ("words", "tables_after"),
    [
        (["hydra/sweeper=basic"], [3]),
        (["hydra/sweeper=basic", "hydra.sweeper.max_batch_size=2"], [1, 3]),
        # Goes on after failures, and so to the end, where the table is made.
        (["hydra/sweeper=optuna"], []),
    ],
)
def test_after_a_failure_jobs_are_compared_once_no_more_will_run(
    words: list[str], tables_after: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    monkeypatch.setattr(
        CompareJobs, "on_multirun_end", lambda self, config: made.append(config.hydra.job.num)
    )
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        hydra = ["hydra.mode=MULTIRUN", "hydra.sweep.dir=s"]
        config = compose("train", overrides=[*words, *hydra], return_hydra_config=True)
        config.hydra.overrides.task = ["model=glob(ssd300*)", "seed=0,1", "compile=true"]
        compared = CompareJobs()
        compared.on_multirun_start(config)
    for number, status in enumerate((JobStatus.FAILED, *[JobStatus.COMPLETED] * 3)):
        with open_dict(config):
            config.hydra.job.num = number
        compared.on_job_end(config, JobReturn(status=status))
    assert made == tables_after


def test_a_multirun_without_a_finished_job_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path)}}})
    CompareJobs().on_multirun_end(config)
    assert "no job of the sweep left a metrics.json" in caplog.text


def test_a_report_shows_the_best_of_many(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entries = [ComparedRun.read(f"run {number}", sweep / "0") for number in range(8)]
    compare(entries, sweep / "out", blank)
    assert capsys.readouterr().out.count("run ") >= 8
    assert "the best 6 of 8" in (sweep / "out" / "report.html").read_text()


def test_brackets_in_names_of_runs_and_classes_are_text(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compare([ComparedRun.read("root=[/data/a]", sweep / "0")], sweep / "out", blank)
    assert "root=[/data/a]" in capsys.readouterr().out
    file = sweep / "0" / "metrics.json"
    metrics = json.loads(file.read_text())
    metrics["classes"]["[/b]"] = metrics["classes"].popitem()[1]
    file.write_text(json.dumps(metrics))
    print_scores(sweep / "0")
    assert "[/b]" in capsys.readouterr().out


def test_runs_are_told_apart_by_an_interval(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [ComparedRun.read(name, sweep / str(i)) for i, name in enumerate(("good", "blind"))]
    compare(runs, sweep / "out", blank)
    shown = " ".join(capsys.readouterr().out.split())
    assert "Δ to good; 95 % intervals of a paired bootstrap over" in shown
    with (sweep / "out" / "comparison.csv").open() as file:
        good, blind = csv.DictReader(file)
    assert (good["reference"], blind["reference"]) == ("", "good")
    assert float(blind["delta_map"]) == pytest.approx(-runs[0].score("map"))
    low, high = float(blind["delta_map_low"]), float(blind["delta_map_high"])
    assert low <= float(blind["delta_map"]) <= high
    page = (sweep / "out" / "report.html").read_text()
    assert "AP against good" in page


def test_video_detectors_are_compared_with_the_best_image_detector(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("weak video", "blind", "sharp", "video")
    runs = [
        ComparedRun.read(name, sweep / folder) for name, folder in zip(names, "0100", strict=True)
    ]
    for run, ap in zip(runs, (0.1, 0.0, 0.2, 0.3), strict=True):
        run.metrics["scalars"]["map"] = ap
        run.metrics["sees_videos"] = "video" in run.name
    compare(runs, sweep / "out", blank)
    assert "Δ to sharp;" in capsys.readouterr().out


def test_cost_stands_in_the_table_where_it_was_measured(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [ComparedRun.read(name, sweep / "0") for name in ("measured", "cached")]
    runs[0].metrics.update(milliseconds_per_picture=80.0, peak_memory=512_000_000)
    runs[1].metrics.update(milliseconds_per_picture=None, peak_memory=None)
    compare(runs, sweep / "out", blank)
    shown, empty = (
        line
        for line in capsys.readouterr().out.splitlines()
        if line.split()[1:2] in (["measured"], ["cached"])
    )
    assert "12.5" in shown
    assert "512" in shown
    assert "12.5" not in empty
    assert "<td>12.5</td>" in (sweep / "out" / "report.html").read_text()
    with (sweep / "out" / "comparison.csv").open() as file:
        measured, cached = csv.DictReader(file)
    assert (measured["frames_per_second"], measured["peak_memory"]) == ("12.5", "512000000")
    assert (cached["frames_per_second"], cached["peak_memory"]) == ("", "")


def test_a_joint_report_shows_every_run_under_every_distortion(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [ComparedRun.read(name, sweep / "0") for name in ("robust", "fragile")]
    for run, fog in zip(runs, (0.41, 0.13), strict=True):
        aps = {"clean": 0.5, "jpeg_q10": 0.37, "fog_1": fog}
        run.metrics["robustness"] = robustness_of(aps)
    compare(runs, sweep / "out", blank)
    capsys.readouterr()
    page = (sweep / "out" / "report.html").read_text()
    section = page[page.index("Distorted pictures</h2>") :]
    section = " ".join(section[: section.index("</section>")].split())
    assert '<th scope="col">robust</th><th scope="col">fragile</th>' in section
    assert (
        '<th scope="row">jpeg_q10</th><td class="best">37.0</td><td class="best">37.0</td>'
        in section
    )
    assert '<th scope="row">fog 1</th><td class="best">41.0</td><td>13.0</td>' in section
    assert "partial" in section


def blank(_: int) -> np.ndarray:
    return np.zeros((600, 800, 3), np.uint8)


def robustness_of(aps: dict[str, float]) -> dict[str, Any]:
    scores = {name: dict.fromkeys(SCORES, ap) for name, ap in aps.items()}
    return measure_robustness(scores).to_json()


def test_a_partial_mean_over_corruptions_is_never_called_by_the_benchmarks_name(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = ComparedRun.read("foggy", sweep / "0")
    entry.metrics["robustness"] = robustness_of({"clean": 0.5, "fog_1": 0.25})
    compare(
        [entry, ComparedRun.read("as stored", sweep / "0")],
        sweep / "out",
        blank,
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
