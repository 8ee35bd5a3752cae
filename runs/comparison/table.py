"""The table and the spreadsheet of several runs."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rich.table import Table

from evaluation.bootstrap import Difference, Interval
from evaluation.conditions import CLEAN
from runs.comparison.compared_run import ComparedRun

_CLASSES_SHOWN = 4
_NAME_WIDTH = 32
_VIDEO = {
    "map_slow": "AP slow",
    "map_medium": "AP medium",
    "map_fast": "AP fast",
    "found": "found",
    "flicker": "flicker",
    "jitter": "jitter",
}
_EVENTS = {
    "event_recall": "events found",
    "event_precision": "event precision",
    "event_false_alarms_per_hour": "false alarms /h",
    "event_latency": "latency s",
}


class Differences(NamedTuple):
    """How much better runs are than one of them.

    Attributes:
        reference: the name of that one.
        of: name -> difference, of the others.
    """

    reference: str
    of: Mapping[str, Difference]


def comparison_table(ranked: Sequence[ComparedRun], differences: Differences | None) -> Table:
    """The figures that tell runs apart, a line a run."""
    drawn = any(run.metrics["drawn"] for run in ranked)
    names = ", ".join(dict.fromkeys(run.metrics["data"] for run in ranked))
    badge = " (drawn data: not comparable with real data)" if drawn else ""
    table = Table(
        title=f"{len(ranked)} runs on {names}{badge}", caption=_caption(ranked, differences)
    )
    # The name last to be cut: without it the figures beside it say nothing.
    longest = max(len(name) for name in ("run", *(run.name for run in ranked)))
    table.add_column("run", overflow="fold", min_width=min(longest, _NAME_WIDTH))
    columns = [_columns(run, ranked, differences) for run in ranked]
    for heading in columns[0]:
        lines = [line for cells in columns for line in cells[heading].split("\n")]
        # Between the words of a heading a line may break, but half a figure is none.
        widest = max(map(len, (*lines, *heading.split())))
        table.add_column(heading, justify="right", min_width=widest)
    for run, cells in zip(ranked, columns, strict=True):
        table.add_row(run.name, *cells.values())
    return table


def _columns(
    run: ComparedRun, ranked: Sequence[ComparedRun], differences: Differences | None
) -> dict[str, str]:
    """Heading -> cell; the headings of all runs are the same."""
    metrics, scalars = run.metrics, run.metrics["scalars"]
    cells = {"AP": scalars["map"], "AP50": scalars["map_50"], "AP75": scalars["map_75"]}
    texts = {heading: _cell(value) for heading, value in cells.items()}
    if differences is not None:
        difference = differences.of.get(run.name)
        texts["ΔAP"] = "reference" if difference is None else _interval(difference.map)
        texts["ΔAP50"] = "" if difference is None else _interval(difference.map_50)
    filmed = any("flicker" in other.metrics["scalars"] for other in ranked)
    found = any("event_recall" in other.metrics["scalars"] for other in ranked)
    # Where there are events they say what matters; the spreadsheet has both.
    of_videos = _EVENTS if found else _VIDEO
    texts |= {name: _cell(scalars.get(key)) for key, name in of_videos.items() if filmed or found}
    if any(map(_corrupted, ranked)):
        robustness = metrics.get("robustness", {})
        texts |= {"mPC": _cell(robustness.get("mpc")), "rPC": _cell(robustness.get("rpc"))}
    classes = list(dict.fromkeys(name for other in ranked for name in other.metrics["classes"]))
    # Room for either; the report and the spreadsheet have both.
    for name in classes if len(classes) <= _CLASSES_SHOWN and not filmed else ():
        texts[f"AP {name}"] = _cell(scalars.get(f"ap/{name}"))
    memory, flops = metrics["peak_memory"], metrics.get("flops_per_frame")
    return {
        **texts,
        "val AP": _cell(metrics["best_val_map"]),
        "FPS": _cell(run.frames_per_second, ".1f"),
        "MB": _cell(None if memory is None else memory / 1e6, ".0f"),
        "M par.": _cell(metrics["parameters"] / 1e6, ".1f"),
        "GFLOP": _cell(None if flops is None else flops / 1e9, ".1f"),
    }


def _caption(ranked: Sequence[ComparedRun], differences: Differences | None) -> str | None:
    lines = []
    if differences is not None and differences.of:
        some = next(iter(differences.of.values()))
        drawn = f"95 % intervals of a paired bootstrap over {some.count} {some.units}"
        how = drawn if some.count > 1 else "all pictures belong together: no interval"
        lines.append(f"Δ to {differences.reference}; {how}")
    if any(run.partial for run in ranked if _corrupted(run)):
        lines.append("mPC is partial: some kinds or severities are missing")
    return "\n".join(lines) or None


def _corrupted(run: ComparedRun) -> bool:
    return run.metrics.get("robustness", {}).get("mpc") is not None


def _interval(interval: Interval) -> str:
    if math.isnan(interval.low):
        return _cell(interval.difference, "+.3f")
    return f"{interval.difference:+.3f}\n[{interval.low:+.3f}, {interval.high:+.3f}]"


def _cell(value: float | None, form: str = ".3f") -> str:
    return "-" if value is None else format(value, form)


def comparison_csv(ranked: Sequence[ComparedRun], differences: Differences | None) -> str:
    """Every figure of every run, a line a run."""
    rows = [_figures(run) | _differences(run, differences) for run in ranked]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(key for row in rows for key in row)))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _figures(run: ComparedRun) -> dict[str, Any]:
    metrics = run.metrics
    facts = ("model", "data", "split_hash", "parameters", "best_val_map")
    keys = (*facts, "milliseconds_per_picture", "peak_memory")
    row = {"run": run.name, "folder": run.folder, **{key: metrics[key] for key in keys}}
    row["flops_per_frame"] = metrics.get("flops_per_frame")
    row["frames_per_second"] = run.frames_per_second
    row |= metrics["scalars"]
    if robustness := metrics.get("robustness"):
        # What keeps a partial mPC from being taken for the benchmark's, see `Robustness.scalars`.
        end = "_partial" if run.partial else ""
        row |= {f"{key}{end}": robustness[key] for key in ("mpc", "rpc")}
        conditions = robustness["conditions"].items()
        row |= {f"{name}/map": s["map"] for name, s in conditions if name != CLEAN}
    return row


def _differences(run: ComparedRun, differences: Differences | None) -> dict[str, Any]:
    if differences is None or run.name not in differences.of:
        return {}
    row: dict[str, Any] = {"reference": differences.reference}
    difference = differences.of[run.name]
    for key, interval in (("map", difference.map), ("map_50", difference.map_50)):
        row |= {
            f"delta_{key}": interval.difference,
            f"delta_{key}_low": interval.low,
            f"delta_{key}_high": interval.high,
        }
    return {key: None if value != value else value for key, value in row.items()}
