"""Predictors of utility of several runs, judged by the whole protocol."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from evaluation.results_json import without_nan, write_json
from runs.run_folder import RunFolder
from structures.folder_names import distinct_ends
from utility.protocol import UtilityProtocol
from utility.protocol_report import write_protocol_report
from utility.replacement_table import RANDOM

log = logging.getLogger(__name__)


def judge_predictors(node: DictConfig, runs: Sequence[RunFolder], folder: Path) -> float:
    """Judge the predictors of runs, and write metrics.json and report.html.

    Args:
        node: the `protocol` node.
        runs: of predictors.
        folder: where the files go.

    Returns:
        The first predictor's AUROC within qualities, mean over the unseen detectors.
    """
    import torch

    protocol: UtilityProtocol = instantiate(node, _convert_="all")
    names = [Path(end).as_posix().replace("/", "-") for end in _names(runs)]
    predictors = {name: run.load_predictor() for name, run in zip(names, runs, strict=True)}
    device = protocol.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    trained_on = [str(run.config["datamodule"]["root"]) for run in runs]
    metrics = protocol.judge(predictors, trained_on, device)
    metrics["runs"] = {name: str(run.path) for name, run in zip(names, runs, strict=True)}
    write_json(folder / "metrics.json", without_nan(metrics))
    write_protocol_report(folder / "report.html", metrics)
    _print(metrics, names, folder)
    tables = metrics["accuracy_unseen"].values()
    found = [table["scorers"][names[0]]["within_auroc"] for table in tables]
    return sum(found) / len(found)


def _names(runs: Sequence[RunFolder]) -> list[str]:
    return [runs[0].path.name] if len(runs) == 1 else distinct_ends([r.path for r in runs], "run=")


def _print(metrics: dict[str, Any], names: Sequence[str], folder: Path) -> None:
    console = Console(markup=False, emoji=False)
    badge = " (drawn data: not comparable with real data)" if metrics["drawn"] else ""
    for part, title in (("accuracy", "labels that were learned"), ("accuracy_unseen", "unseen")):
        table = Table(title=f"{metrics['data']}, {title}{badge}")
        for heading in ("labels of", "by", "accuracy", "on common", "within quality", "95 %"):
            table.add_column(heading)
        for target, found in metrics[part].items():
            for name, row in found["scorers"].items():
                low, high = row["within_auroc_95"]
                table.add_row(
                    target, name, *(f"{row[k]:.3f}" for k in ("accuracy", "accuracy_common")),
                    f"{row['within_auroc']:.3f}", f"{low:.3f} to {high:.3f}",
                )  # fmt: skip
        console.print(table)
    for detector, found in metrics["replacement"].items():
        table = Table(title=f"mAP of {detector} with pictures replaced{badge}")
        for heading in ("by", "none", "10 %", "20 %", "30 %", "all", "area", "own share", "mAP"):
            table.add_column(heading, justify="right")
        for name, row in found["scorers"].items():
            shown = [row["map"][i] for i in (0, 1, 2, 3, -1)]
            values = [*shown, row["area"], row["own_share"], row["own_map"]]
            table.add_row(name, *(f"{value:.3f}" for value in values))
        console.print(table)
        for name in names:
            row = found["scorers"][name]
            replaced, without = (row[k] - found["none"] for k in ("own_map", "own_filtered"))
            console.print(
                f"{name} as a gate: holds back {row['own_share']:.1%}, {replaced:+.4f} mAP with "
                f"these replaced, {without:+.4f} without them, "
                f"{metrics['milliseconds'][name]:.1f} ms a picture"
            )
            for other, ahead in found["ahead"][name].items():
                value, low, high = ahead["area"]
                console.print(f"{name} is ahead of {other} by {value:+.4f} of area "
                              f"[{low:+.4f}, {high:+.4f}]")  # fmt: skip
            within = metrics["replacement_within"][detector]["ahead"][name][RANDOM]["area"]
            console.print(
                f"{name}, the same share of each condition: ahead of random by {within[0]:+.4f} "
                f"[{within[1]:+.4f}, {within[2]:+.4f}]"
            )
    console.print(f"report:     {folder / 'report.html'}", soft_wrap=True)
