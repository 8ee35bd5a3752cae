"""The figures of utility predictors as tables for the terminal."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from runs.comparison.compared_run import ComparedRun
from structures.atomic_file import write_atomically

_COLUMNS = {
    "items": "items",
    "useful": "useful",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced",
    "auroc": "AUROC",
    "within_auroc": "within quality",
    "ece": "ECE",
}


def print_predictor(metrics: dict[str, Any], folder: Path) -> None:
    """Print how well a predictor knows each detector's labels, and where its run lies."""
    badge = " (drawn data: not comparable with real data)" if metrics["drawn"] else ""
    table = Table(title=f"{metrics['predictor']} on {metrics['data']}{badge}")
    table.add_column("labels of")
    for heading in _COLUMNS.values():
        table.add_column(heading, justify="right")
    for name, scores in metrics["targets"].items():
        table.add_row(name, *(_cell(scores[key]) for key in _COLUMNS))
    console = Console(markup=False, emoji=False)
    console.print(table)
    console.print(f"run folder: {folder}", soft_wrap=True)


def compare_predictors(runs: Sequence[ComparedRun], out: Path) -> None:
    """Print the predictors of a multirun side by side, their mean and spread, as over seeds.

    Writes comparison.csv.
    """
    rows = [{"run": run.name, **run.metrics["scalars"]} for run in runs]
    keys = [key for key in rows[0] if key != "run" and all(key in row for row in rows)]
    table = Table(title=f"{len(rows)} predictors")
    table.add_column("run")
    for key in keys:
        table.add_column(key.replace("_", " "), justify="right")
    for row in rows:
        table.add_row(str(row["run"]), *(_cell(row[key]) for key in keys))
    table.add_section()
    table.add_row(
        "mean ± standard deviation", *(_spread([row[key] for row in rows]) for key in keys)
    )
    text = io.StringIO()
    writer = csv.DictWriter(text, ["run", *keys], extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(out / "comparison.csv", text.getvalue().encode())
    console = Console(markup=False, emoji=False)
    console.print(table, crop=False)
    console.print(f"table:      {out / 'comparison.csv'}", soft_wrap=True)


def _spread(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return "-"
    return f"{statistics.mean(known):.3f} ± {statistics.stdev(known):.3f}"


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
