"""What a test leaves behind: metrics.json, predictions, truth and report.html."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from callbacks.run_facts import report_meta
from detectors.base import Detector
from evaluation.conditions import CLEAN
from evaluation.detection_cache import CachedDetections
from evaluation.events.evaluation import EventEvaluation
from evaluation.per_video import video_precision
from evaluation.report.page import write_report
from evaluation.report.robustness_examples import Example, choose_example, condition_example
from evaluation.results_json import without_nan, write_json, write_results
from evaluation.robustness import Robustness, measure_robustness
from evaluation.summary import Evaluation, evaluate_detections

log = logging.getLogger(__name__)


class TestFigures(NamedTuple):
    """What is logged of a test.

    Attributes:
        robustness: under distortion; None where the pictures were shown as stored alone.
        events: found on the sky; None where the pictures are no videos of it.
        scalars: without the figures that are not defined.
    """

    robustness: Robustness | None
    events: EventEvaluation | None
    scalars: dict[str, float]


def write_artefacts(
    folder: Path,
    datamodule: Any,
    judged: Mapping[str, CachedDetections],
    detector: Detector,
    facts: dict[str, Any],
) -> TestFigures:
    """Judge the detections of a test, and write its artefacts.

    Args:
        folder: gets metrics.json, predictions.json, ground_truth.json and report.html, and
            predictions/<condition>.json where pictures were distorted.
        datamodule: that was tested.
        judged: condition -> detections; 'clean' is among them.
        detector: whose thresholds count, chosen on validation data.
        facts: what `run_facts` returned.
    """
    # Thresholds chosen on the tested pictures are chosen anew, so the report owns up to it.
    chosen = datamodule.test_split == "test" and bool(detector.operating_point)
    thresholds = (detector.operating_point, detector.event_threshold) if chosen else (None, None)
    truth = judged_truth(datamodule, "test", judged[CLEAN])
    clean = evaluate_detections(truth, judged[CLEAN].detections, *thresholds)
    skipped = {*datamodule.skipped_in("test"), *judged[CLEAN].skipped.tolist()}
    facts = {**facts, "skipped_pictures": sorted(skipped)}
    metrics = {**facts, **clean.to_json()}
    if clean.video is not None:
        columns, detections = clean.matches.truth, clean.matches.detections
        metrics["video"]["per_video"] = without_nan(video_precision(truth, columns, detections))
    robustness: Robustness | None = None
    examples: list[Example] = []
    if len(judged) > 1:
        robustness, examples = _under_distortion(folder, datamodule, judged, clean)
        metrics["robustness"] = robustness.to_json()
    write_json(folder / "ground_truth.json", truth)
    write_results(folder / "predictions.json", judged[CLEAN].detections)
    write_json(folder / "metrics.json", metrics)
    write_report(
        folder / "report.html",
        {facts["model"]: clean},
        truth,
        picture=datamodule.picture,
        meta=report_meta(facts),
        robustness=robustness,
        examples=examples,
    )
    log.info("metrics.json, predictions.json, report.html written to %s", folder)
    return TestFigures(robustness, clean.events, _scalars(clean, robustness, facts))


def judged_truth(datamodule: Any, split: str, frames: CachedDetections) -> dict[str, Any]:
    """The truth of the frames that were judged: all but skipped ones and those past a limit."""
    truth = datamodule.ground_truth(split)
    seen = {*frames.judged.tolist(), *frames.skipped.tolist()}
    unseen = sum(image["id"] not in seen for image in truth["images"])
    if unseen:
        log.warning(
            "%s: %d of %d pictures were not judged and count for nothing (limit_%s_batches?)",
            split, unseen, len(truth["images"]), split,
        )  # fmt: skip
    ids = set(frames.judged.tolist())
    return {
        **truth,
        "images": [image for image in truth["images"] if image["id"] in ids],
        "annotations": [a for a in truth["annotations"] if a["image_id"] in ids],
    }


def _under_distortion(
    folder: Path,
    datamodule: Any,
    judged: Mapping[str, CachedDetections],
    clean: Evaluation,
) -> tuple[Robustness, list[Example]]:
    """Judge one condition after another, keeping its figures and one picture of each only.

    All are shown at the thresholds of the clean pictures: nobody could choose others for a street
    because it is foggy.
    """
    image_id = choose_example(clean)
    scalars, examples = {}, []
    for name, frames in judged.items():
        evaluation = clean
        if name != CLEAN:
            truth = judged_truth(datamodule, "test", frames)
            evaluation = evaluate_detections(truth, frames.detections, clean.thresholds())
        write_results(folder / "predictions" / f"{name}.json", frames.detections)
        scalars[name] = evaluation.scalars()
        picture = datamodule.picture(image_id, name)
        examples.append(condition_example(name, evaluation, image_id, picture))
    bits = {name: frames.bits_per_pixel for name, frames in judged.items()}
    return measure_robustness(scalars, bits), examples


def _scalars(
    clean: Evaluation, robustness: Robustness | None, facts: dict[str, Any]
) -> dict[str, float]:
    values = clean.scalars()
    if facts["milliseconds_per_picture"]:
        values["frames_per_second"] = 1000 / facts["milliseconds_per_picture"]
    if facts["peak_memory"]:
        values["peak_memory_mb"] = facts["peak_memory"] / 1e6
    if facts["flops_per_frame"]:
        values["gflops_per_frame"] = facts["flops_per_frame"] / 1e9
    values["parameters_m"] = facts["parameters"] / 1e6
    if robustness is not None:
        values |= robustness.scalars()
        for measured in robustness.conditions:
            name = measured.condition.name
            if name != CLEAN:
                shown = ("map", "map_50", "map_75")
                values |= {f"{name}/{key}": measured.scores[key] for key in shown}
    # A figure that is not defined (a class without truth) is no point of a curve.
    return {f"test/{key}": value for key, value in values.items() if not np.isnan(value)}
