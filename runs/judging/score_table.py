"""The figures of a test as a table for the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from runs.judging.predictor_table import print_predictor

_COLUMNS = {"truth": "objects", "ap": "AP", "ap_50": "AP50", "voc_area": "VOC AP"}
_AT_THRESHOLD = {"threshold": "score ≥", "precision": "precision", "recall": "recall"}


def print_scores(folder: Path) -> None:
    """Print AP per class from a folder's metrics.json, and where its report lies."""
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    if "predictor" in metrics:
        print_predictor(metrics, folder)
        return
    badge = " (drawn data: not comparable with real data)" if metrics["drawn"] else ""
    table = Table(title=f"{metrics['model']} on {metrics['data']}{badge}")
    table.add_column("class")
    for heading in (*_COLUMNS.values(), *_AT_THRESHOLD.values()):
        table.add_column(heading, justify="right")
    for name, scores in metrics["classes"].items():
        table.add_row(name, *(_cell(scores[key]) for key in (*_COLUMNS, *_AT_THRESHOLD)))
    whole = metrics["scalars"]
    means = (whole["map"], whole["map_50"], whole["voc_area"])
    table.add_section()
    table.add_row("mean", "", *map(_cell, means), "", "", "")
    # Names of classes are text, whatever brackets they hold.
    console = Console(markup=False, emoji=False)
    console.print(table)
    if "robustness" in metrics:
        console.print(_robustness_table(metrics["robustness"]))
    console.print(f"run folder: {folder}", soft_wrap=True)
    console.print(f"report:     {folder / 'report.html'}", soft_wrap=True)


def _robustness_table(robustness: dict[str, Any]) -> Table:
    """Clean and JPEG conditions one by one, corruptions as means over their severities."""
    conditions = robustness["conditions"]
    clean = conditions["clean"]["map"]
    kinds = {**robustness["kinds"], **robustness["kinds_not_in_mpc"]}
    mean = {f"{kind} {_span(scores)}": scores["mean"] for kind, scores in kinds.items()}
    of_kinds = {f"{kind}_{level}" for kind, s in kinds.items() for level in s["severities"]}
    table = Table(title="Robustness")
    table.add_column("condition")
    for heading in ("AP", "of clean", "bits per pixel"):
        table.add_column(heading, justify="right")
    single = {name: scores for name, scores in conditions.items() if name not in of_kinds}
    for name, scores in single.items():
        bits = _cell(scores["bits_per_pixel"])
        table.add_row(name, _cell(scores["map"]), _share(scores["map"], clean), bits)
    for name, value in mean.items():
        table.add_row(name, _cell(value), _share(value, clean), "-")
    if robustness["mpc"] is not None:
        partial = f" (partial: {robustness['coverage']})" if robustness["partial"] else ""
        table.add_section()
        table.add_row(f"mPC{partial}", _cell(robustness["mpc"]), _cell(robustness["rpc"]), "-")
    return table


def _span(scores: dict[str, Any]) -> str:
    levels = list(scores["severities"])
    return levels[0] if len(levels) == 1 else f"{levels[0]}-{levels[-1]}"


def _share(value: float | None, whole: float | None) -> str:
    return "-" if value is None or not whole else f"{value / whole:.3f}"


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
