"""Scores, curves and reports from COCO truth and COCO results; plain Python, no Lightning."""

from evaluation.detections import Detections
from evaluation.results_json import read_results, read_truth, write_json, write_results
from evaluation.summary import Evaluation, evaluate_detections

__all__ = [
    "Detections",
    "Evaluation",
    "evaluate_detections",
    "read_results",
    "read_truth",
    "write_json",
    "write_results",
]
