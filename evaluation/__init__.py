"""Scores, curves and reports from COCO truth and COCO results; plain Python, no Lightning."""

from evaluation.results_json import read_results, read_truth, to_results, write_json
from evaluation.summary import Evaluation, evaluate_detections

__all__ = [
    "Evaluation",
    "evaluate_detections",
    "read_results",
    "read_truth",
    "to_results",
    "write_json",
]
