"""Several runs side by side: one table, one spreadsheet, one report."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from evaluation.conditions import CLEAN
from evaluation.drawing import Picture
from evaluation.report import ReportMeta, write_report
from evaluation.results_json import read_results, read_truth, write_atomically
from evaluation.summary import Evaluation, evaluate_detections

log = logging.getLogger(__name__)

_REPORTED = 6  # runs side by side that still fit a page, and its 3 MB
_CLASSES_SHOWN = 4
_NAME_WIDTH = 32
_FIGURE_WIDTH = 5


@dataclass(frozen=True)
class Entry:
    """A finished run among those that are compared.

    Attributes:
        name: what tells it from the others.
        folder: where its artefacts lie.
        metrics: its metrics.json.
    """

    name: str
    folder: Path
    metrics: dict[str, Any]

    @classmethod
    def read(cls, name: str, folder: Path) -> Entry:
        """Open the folder of a test.

        Raises:
            OSError: if it holds no metrics.json.
        """
        return cls(name, folder, json.loads((folder / "metrics.json").read_text(encoding="utf-8")))

    def score(self, key: str) -> float:
        """A scalar of the test, -1 where it is not defined, for sorting."""
        value = self.metrics["scalars"][key]
        return -1.0 if value is None else float(value)


def compare(entries: Sequence[Entry], out: Path, picture: Callable[[int], Picture]) -> None:
    """Print a table of the runs, the best first, and write comparison.csv and a joint report.

    Args:
        entries: the runs; a report is made of those that were judged on the same pictures as the
            best one.
        out: the folder to write to.
        picture: image id -> uint8 [H, W, 3], RGB.
    """
    ranked = sorted(entries, key=lambda entry: -entry.score("map"))
    write_atomically(out / "comparison.csv", _csv(ranked).encode())
    console = Console()
    # A log file has 80 columns by default, and half a figure is none.
    console.print(_table(ranked), crop=False)
    console.print(f"table:      {out / 'comparison.csv'}", soft_wrap=True)
    _write_report(out / "report.html", ranked, picture)
    console.print(f"report:     {out / 'report.html'}", soft_wrap=True)


def _table(ranked: Sequence[Entry]) -> Table:
    drawn = any(entry.metrics["drawn"] for entry in ranked)
    names = ", ".join(dict.fromkeys(entry.metrics["data"] for entry in ranked))
    badge = " (drawn data: not comparable with real data)" if drawn else ""
    table = Table(title=f"{len(ranked)} runs on {names}{badge}")
    # The name last to be cut: without it the figures beside it say nothing.
    longest = max(len(entry.name) for entry in ranked)
    table.add_column("run", overflow="fold", min_width=min(longest, _NAME_WIDTH))
    corrupted = [e for e in ranked if e.metrics.get("robustness", {}).get("mpc") is not None]
    under_corruption = ("mpc", "rpc") if corrupted else ()
    classes = list(dict.fromkeys(name for entry in ranked for name in entry.metrics["classes"]))
    shown = classes if len(classes) <= _CLASSES_SHOWN else []
    by_class = (f"AP {name}" for name in shown)
    means = ("mPC", "rPC") if corrupted else ()
    if any(map(_end, corrupted)):
        table.caption = "mPC is partial: some kinds or severities are missing"
    for heading in ("AP", "AP50", "AP75", *means, *by_class, "val AP", "ms", "M par."):
        table.add_column(heading, justify="right", min_width=_FIGURE_WIDTH)
    for entry in ranked:
        metrics, scalars = entry.metrics, entry.metrics["scalars"]
        table.add_row(
            entry.name,
            *(_cell(scalars[key]) for key in ("map", "map_50", "map_75")),
            *(_cell(metrics.get("robustness", {}).get(key)) for key in under_corruption),
            *(_cell(scalars.get(f"ap/{name}")) for name in shown),
            _cell(metrics["best_val_map"]),
            _cell(metrics["milliseconds_per_picture"], ".1f"),
            _cell(metrics["parameters"] / 1e6, ".1f"),
        )
    return table


def _cell(value: float | None, form: str = ".3f") -> str:
    return "-" if value is None else format(value, form)


def _csv(ranked: Sequence[Entry]) -> str:
    """Every figure of every run, a line a run."""
    rows = [_figures(entry) for entry in ranked]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(key for row in rows for key in row)))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _figures(entry: Entry) -> dict[str, Any]:
    facts = ("model", "data", "split_hash", "parameters", "best_val_map")
    keys = (*facts, "milliseconds_per_picture")
    metrics = entry.metrics
    row = {"run": entry.name, "folder": entry.folder, **{key: metrics[key] for key in keys}}
    row |= metrics["scalars"]
    if robustness := metrics.get("robustness"):
        row |= {f"{key}{_end(entry)}": robustness[key] for key in ("mpc", "rpc")}
        conditions = robustness["conditions"].items()
        row |= {f"{name}/map": s["map"] for name, s in conditions if name != CLEAN}
    return row


def _end(entry: Entry) -> str:
    """What keeps a partial mPC from being taken for the benchmark's; see `Robustness.scalars`."""
    return "_partial" if entry.metrics["robustness"]["partial"] else ""


def _write_report(path: Path, ranked: Sequence[Entry], picture: Callable[[int], Picture]) -> None:
    truth_text = (ranked[0].folder / "ground_truth.json").read_bytes()
    alike = [e for e in ranked if (e.folder / "ground_truth.json").read_bytes() == truth_text]
    if len(alike) < len(ranked):
        log.warning(
            "%s: %d of %d runs were judged on other pictures and are left out",
            path, len(ranked) - len(alike), len(ranked),
        )  # fmt: skip
    truth = read_truth(ranked[0].folder / "ground_truth.json")
    best = alike[:_REPORTED]
    metrics = best[0].metrics
    facts = {"Split": metrics["split_hash"][:12], "Runs": ", ".join(str(e.folder) for e in best)}
    if len(alike) > len(best):
        facts["Shown"] = f"the best {len(best)} of {len(alike)}"
    write_report(
        path,
        {entry.name: _evaluation(entry, truth) for entry in best},
        truth,
        picture,
        ReportMeta(f"{len(best)} runs", metrics["data"], metrics["drawn"], facts),
    )


def _evaluation(entry: Entry, truth: dict[str, Any]) -> Evaluation:
    detections = read_results(entry.folder / "predictions.json", truth)
    chosen_there = None
    if not entry.metrics["operating_point_chosen_here"]:
        classes: Mapping[str, Any] = entry.metrics["classes"]
        chosen_there = {name: scores["threshold"] for name, scores in classes.items()}
    return evaluate_detections(truth, detections, chosen_there)
