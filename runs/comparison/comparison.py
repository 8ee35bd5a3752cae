"""Several runs side by side: one table, one spreadsheet, one report."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from evaluation.bootstrap import Difference, bootstrap_differences
from evaluation.columns import result_columns, truth_columns
from evaluation.drawing import Picture
from evaluation.per_video import ComparedVideo, compare_videos
from evaluation.report.page import ReportMeta, write_report
from evaluation.report.parallel_coordinates import ParallelCoordinates
from evaluation.report.side_by_side import SideBySide, Standing
from evaluation.results_json import read_results, read_truth
from evaluation.robustness_comparison import robustness_from_json
from evaluation.summary import Evaluation, evaluate_detections
from runs.comparison.compared_run import ComparedRun
from runs.comparison.table import Differences, comparison_csv, comparison_table
from structures.atomic_file import write_atomically

log = logging.getLogger(__name__)

_REPORTED = 6  # runs side by side that still fit a page, and its 3 MB
_VIDEOS = 12  # in the table of single videos


@dataclass(frozen=True)
class Comparison:
    """Runs that were judged on the same pictures, the best first.

    Attributes:
        reported: those that a page has room for.
        left_out: how many more there are.
        truth: by which all were judged.
        evaluations: name -> scores, of the reported ones.
        differences: to one of the runs; None for a single one.
    """

    reported: Sequence[ComparedRun]
    left_out: int
    truth: dict[str, Any]
    evaluations: Mapping[str, Evaluation]
    differences: Differences | None

    def difference(self, name: str) -> Difference | None:
        """How much better a run is than the reference; None of the reference itself."""
        return None if self.differences is None else self.differences.of.get(name)


def compare(
    runs: Sequence[ComparedRun],
    out: Path,
    picture: Callable[[int], Picture],
    settings: ParallelCoordinates | None = None,
) -> Comparison:
    """Print a table of the runs, the best first, and write comparison.csv and a joint report.

    Runs that were judged on other pictures than the best one are in the table, but neither in the
    report nor compared with the others by the bootstrap.

    Args:
        runs: in the order that the user named them.
        out: the folder to write to.
        picture: image id -> uint8 [H, W, 3], RGB.
        settings: what the jobs of a sweep had set and what came of it, for the report.
    """
    ranked = sorted(runs, key=lambda run: -run.score("map"))
    alike = _judged_alike(ranked, out)
    truth = read_truth(ranked[0].folder / "ground_truth.json")
    reference = _reference([run for run in runs if run in alike])
    differences = _differences(alike, reference, truth) if len(alike) > 1 else None
    write_atomically(out / "comparison.csv", comparison_csv(ranked, differences).encode())
    # Names of runs are overrides, such as callbacks=[default,ema], and no markup.
    console = Console(markup=False, emoji=False)
    # A log file has 80 columns by default.
    console.print(comparison_table(ranked, differences), crop=False)
    console.print(f"table:      {out / 'comparison.csv'}", soft_wrap=True)
    best = alike[:_REPORTED]
    evaluations = {run.name: _evaluation(run, truth) for run in best}
    comparison = Comparison(best, len(alike) - len(best), truth, evaluations, differences)
    _write_report(out / "report.html", comparison, picture, settings)
    console.print(f"report:     {out / 'report.html'}", soft_wrap=True)
    return comparison


def _judged_alike(ranked: Sequence[ComparedRun], out: Path) -> list[ComparedRun]:
    """Those judged on the same pictures as the best one, so that their figures compare."""
    text = (ranked[0].folder / "ground_truth.json").read_bytes()
    alike = [run for run in ranked if (run.folder / "ground_truth.json").read_bytes() == text]
    if len(alike) < len(ranked):
        log.warning(
            "%s: %d of %d runs were judged on other pictures and are left out of the report",
            out, len(ranked) - len(alike), len(ranked),
        )  # fmt: skip
    return alike


def _reference(runs: Sequence[ComparedRun]) -> ComparedRun:
    """The best image detector where video detectors are among the runs, else the first run."""
    images = [run for run in runs if not run.metrics["sees_videos"]]
    if images and len(images) < len(runs):
        return max(images, key=lambda run: run.score("map"))
    return runs[0]


def _differences(
    alike: Sequence[ComparedRun], reference: ComparedRun, truth: dict[str, Any]
) -> Differences:
    columns = truth_columns(truth)
    found = {
        run.name: result_columns(read_results(run.folder / "predictions.json", truth), columns)
        for run in alike
    }
    of = bootstrap_differences(truth, columns, found, reference.name)
    return Differences(reference.name, of)


def _write_report(
    path: Path,
    comparison: Comparison,
    picture: Callable[[int], Picture],
    settings: ParallelCoordinates | None,
) -> None:
    best, differences = comparison.reported, comparison.differences
    metrics = best[0].metrics
    facts = {"Split": metrics["split_hash"][:12], "Runs": ", ".join(str(e.folder) for e in best)}
    if comparison.left_out:
        facts["Shown"] = f"the best {len(best)} of {len(best) + comparison.left_out}"
    write_report(
        path,
        comparison.evaluations,
        comparison.truth,
        picture,
        ReportMeta(f"{len(best)} runs", metrics["data"], metrics["drawn"], facts),
        comparison=_side_by_side(best, differences, settings) if differences else None,
    )


def _side_by_side(
    runs: Sequence[ComparedRun],
    differences: Differences,
    settings: ParallelCoordinates | None,
) -> SideBySide:
    return SideBySide(
        differences.reference,
        [
            Standing(
                run.name,
                differences.of.get(run.name),
                run.frames_per_second,
                run.metrics["peak_memory"],
                robustness_from_json(run.metrics["robustness"])
                if "robustness" in run.metrics
                else None,
                run.metrics["parameters"],
                run.metrics.get("flops_per_frame"),
            )
            for run in runs
        ],
        _videos(runs),
        settings,
    )


def _videos(runs: Sequence[ComparedRun]) -> list[ComparedVideo]:
    """AP on single videos; nothing where a run was tested before that was measured."""
    each = [run.metrics.get("video", {}).get("per_video") for run in runs]
    return compare_videos(each, _VIDEOS) if all(each) else []


def _evaluation(run: ComparedRun, truth: dict[str, Any]) -> Evaluation:
    detections = read_results(run.folder / "predictions.json", truth)
    if run.metrics["operating_point_chosen_here"]:
        return evaluate_detections(truth, detections)
    classes: Mapping[str, Any] = run.metrics["classes"]
    chosen_there = {name: scores["threshold"] for name, scores in classes.items()}
    events = run.metrics.get("events", {})
    of_events = None if events.get("threshold_chosen_here") else events.get("threshold")
    return evaluate_detections(truth, detections, chosen_there, of_events)
