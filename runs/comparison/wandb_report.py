"""A Report in Weights & Biases about a comparison, for those who are logged in."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

from runs.comparison.comparison import Comparison

log = logging.getLogger(__name__)


class LoggedRun(NamedTuple):
    """A run in W&B.

    Attributes:
        entity: whose it is; empty where it is offline.
        project: its project.
        run_id: its id.
        group: its group, which is that of the compared runs.
        online: whether the server has it.
    """

    entity: str
    project: str
    run_id: str
    group: str
    online: bool


def publish_report(comparison: Comparison, logged: LoggedRun) -> str | None:
    """Write a Report with the comparison's tables, curves and pictures, and the runs' histories.

    Args:
        comparison: what was logged.
        logged: as which run.

    Returns:
        Its address; None where the run is offline, `wandb-workspaces` is not installed or the
        server fails, which is told, for `report.html` says the same.
    """
    if not logged.online:
        log.info("No W&B Report, for the comparison is offline; report.html shows the same")
        return None
    try:
        import wandb_workspaces.reports.v2 as reports
    except ModuleNotFoundError:
        log.warning(
            "No W&B Report, for it needs wandb-workspaces: pip install -c constraints.txt "
            '-e ".[report]"'
        )
        return None
    report = reports.Report(
        project=logged.project,
        entity=logged.entity,
        title=f"{len(comparison.reported)} runs on {comparison.reported[0].metrics['data']}",
        description="Written by evaluate.py; report.html beside the runs says the same.",
        width="fluid",
        blocks=_blocks(reports, comparison, logged),
    )
    try:
        report.save()
    except Exception as error:  # of any kind: the client's, the transport's and the server's
        told = "No W&B Report, for W&B failed: %s; report.html shows the same"
        log.warning(told, error, exc_info=error)
        return None
    log.info("W&B Report: %s", report.url)
    return str(report.url)


def _blocks(reports: Any, comparison: Comparison, logged: LoggedRun) -> list[Any]:
    place = {"entity": logged.entity, "project": logged.project}
    itself = f"Metric('ID') == '{logged.run_id}'"
    compared = reports.Runset(**place, name="Comparison", filters=itself)
    of_group = f"Metric('Group') == '{logged.group}' and Metric('JobType') == 'train'"
    trained = reports.Runset(**place, name="Trainings", filters=of_group)
    tables = ("by_detector", "by_class", "by_size", "by_motion", "by_video", "pictures")
    lines = [_line(run.name, run.metrics) for run in comparison.reported]
    return [
        reports.H2("Detectors"),
        reports.UnorderedList(lines),
        reports.PanelGrid(
            runsets=[compared],
            panels=[
                reports.WeavePanelSummaryTable(table_name=f"compare/{name}") for name in tables
            ],
        ),
        reports.H2("Trainings"),
        reports.PanelGrid(
            runsets=[trained],
            panels=[
                reports.LinePlot(x="trainer/global_step", y=[key])
                for key in ("val/map", "val/map_50", "val/loss", "train/total")
            ],
        ),
    ]


def _line(name: str, metrics: dict[str, Any]) -> str:
    ap = metrics["scalars"]["map"]
    shown = "-" if ap is None else f"{100 * ap:.1f}"
    return f"{name} ({metrics['model']}): AP {shown}"
