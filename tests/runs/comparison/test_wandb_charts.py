"""A comparison in W&B, read back from what was written offline, and the Report about it."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import wandb
from omegaconf import OmegaConf

from runs.comparison.compared_run import ComparedRun
from runs.comparison.finished import finish_comparison
from runs.comparison.wandb_report import LoggedRun, publish_report

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def logged(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The comparison of a run with one that found nothing, and what W&B was told of it."""
    out = tmp_path_factory.mktemp("compared")
    blind = out / "blind"
    blind.mkdir()
    for name in ("metrics.json", "ground_truth.json"):
        (blind / name).write_bytes((trained_run / name).read_bytes())
    (blind / "predictions.json").write_text("[]")
    runs = [ComparedRun.read("good", trained_run), ComparedRun.read("blind", blind)]
    runs[1].metrics["scalars"] = dict.fromkeys(runs[1].metrics["scalars"], 0.0)
    rows: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "offline")
        patch.setattr(wandb.Run, "log", lambda self, values: rows.update(values))
        loggers = OmegaConf.create({"wandb": {"project": "zoo"}})
        comparison = finish_comparison(runs, out, blank, loggers)
        wandb.finish()
    return {"rows": rows, "out": out, "metrics": runs[0].metrics, "comparison": comparison}


def blank(_: int) -> np.ndarray:
    return np.zeros((600, 800, 3), np.uint8)


def table(logged: dict[str, Any], name: str) -> list[dict[str, Any]]:
    content = logged["rows"][f"compare/{name}"]
    return [dict(zip(content.columns, row, strict=True)) for row in content.data]


def test_tables_hold_the_figures_of_the_runs(logged: dict[str, Any]) -> None:
    scalars = logged["metrics"]["scalars"]
    good, blind = table(logged, "by_detector")
    assert (good["run"], blind["run"]) == ("good", "blind")
    assert (good["map"], good["map_50"]) == (scalars["map"], scalars["map_50"])
    assert good["flops_per_frame"] == logged["metrics"]["flops_per_frame"]
    assert good["delta_map"] is None
    with (logged["out"] / "comparison.csv").open() as file:
        (_, row) = csv.DictReader(file)
    assert blind["delta_map"] == float(row["delta_map"]) == pytest.approx(-scalars["map"])
    assert blind["delta_map_low"] == float(row["delta_map_low"])
    sizes = {(r["run"], r["size"]): r["map"] for r in table(logged, "by_size")}
    assert sizes["good", "large"] == scalars["map_large"]
    classes = {(r["run"], r["class"]): r["ap"] for r in table(logged, "by_class")}
    assert classes["good", "window"] == scalars["ap/window"]
    assert "compare/by_video" not in logged["rows"]


def test_the_same_pictures_show_each_runs_boxes(logged: dict[str, Any]) -> None:
    content = logged["rows"]["compare/pictures"]
    assert content.columns == ["picture", "good", "blind"]
    assert len(content.data) >= 2
    for _, good, blind in content.data:
        truth = [image._boxes["truth"]._val for image in (good, blind)]
        assert truth[0] == truth[1] != []
        assert blind._boxes["predictions"]._val == []
    found = [good._boxes["predictions"]._val for _, good, _ in content.data]
    assert any(found)


def test_curves_lie_over_each_other_and_speed_is_told(logged: dict[str, Any]) -> None:
    keys = {key for key in logged["rows"] if "precision_recall" in key}
    assert keys == {f"compare/precision_recall/{n}" for n in ("building", "window", "door")}
    assert "compare/accuracy_speed" in logged["rows"]


def test_it_is_a_run_of_its_own_beside_the_report(logged: dict[str, Any]) -> None:
    (file,) = logged["out"].glob("wandb/offline-run-*/run-*.wandb")
    assert file.stat().st_size > 0
    assert (logged["out"] / "report.html").is_file()


def test_a_report_is_written_for_those_who_are_logged_in(
    logged: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import wandb_workspaces.reports.v2 as reports

    saved: list[Any] = []
    monkeypatch.setattr(reports.Report, "save", lambda report: saved.append(report))
    monkeypatch.setattr(reports.Report, "url", "https://server/report")
    place = LoggedRun("me", "zoo", "abc", "mine", online=True)
    assert publish_report(logged["comparison"], place) == "https://server/report"
    (report,) = saved
    assert (report.entity, report.project) == ("me", "zoo")
    grids = [block for block in report.blocks if isinstance(block, reports.PanelGrid)]
    shown = {panel.table_name for panel in grids[0].panels}
    assert {"compare/by_detector", "compare/pictures"} <= shown
    assert "'abc'" in str(grids[0].runsets[0].filters)
    assert "'mine'" in str(grids[1].runsets[0].filters)


def test_no_report_without_a_server_or_the_package(
    logged: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert publish_report(logged["comparison"], LoggedRun("", "zoo", "abc", "mine", False)) is None
    assert "report.html shows the same" in caplog.text
    monkeypatch.setitem(sys.modules, "wandb_workspaces.reports.v2", None)
    online = LoggedRun("me", "zoo", "abc", "mine", online=True)
    assert publish_report(logged["comparison"], online) is None
    assert ".[report]" in caplog.text


def test_a_server_that_fails_does_not_end_the_comparison(
    logged: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import wandb_workspaces.reports.v2 as reports

    def fail(_: Any) -> None:
        raise RuntimeError("503")

    monkeypatch.setattr(reports.Report, "save", fail)
    place = LoggedRun("me", "zoo", "abc", "mine", online=True)
    assert publish_report(logged["comparison"], place) is None
    assert "W&B failed: 503; report.html shows the same" in caplog.text


def test_a_server_that_cannot_be_reached_leaves_it_offline(
    logged: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    from runs.comparison.wandb_charts import log_comparison

    modes = []

    def start(**options: Any) -> Any:
        modes.append(options.get("mode"))
        if len(modes) == 1:
            raise wandb.errors.CommError("no answer")
        return SimpleNamespace(
            log=lambda rows: None, finish=lambda: None, summary={}, offline=True, id="x", entity=""
        )

    monkeypatch.setattr(wandb, "init", start)
    told = log_comparison(logged["comparison"], tmp_path, blank, "zoo", "mine")
    assert modes == [None, "offline"]
    assert not told.online
    assert "no answer" in caplog.text
