"""The figures of a test as a table for the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

_COLUMNS = {"truth": "objects", "ap": "AP", "ap_50": "AP50", "voc_area": "VOC AP"}
_AT_THRESHOLD = {"threshold": "score ≥", "precision": "precision", "recall": "recall"}


def print_scores(folder: Path) -> None:
    """Print AP per class from a folder's metrics.json, and where its report lies."""
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
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
    console = Console()
    console.print(table)
    console.print(f"run folder: {folder}", soft_wrap=True)
    console.print(f"report:     {folder / 'report.html'}", soft_wrap=True)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
