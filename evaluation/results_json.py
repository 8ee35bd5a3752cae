"""COCO truth and COCO results on disk."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from evaluation.columns import Truth, result_columns, truth_columns
from evaluation.detections import Detections
from structures.atomic_file import write_atomically

_AT_ONCE = 10_000  # detections that are a list of dicts at the same time


def read_truth(path: str | Path) -> Truth:
    """Read a COCO instances file and check what evaluation needs of it.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not JSON or breaks the format; file and entry are named.
    """
    truth = _read_json(path)
    truth_columns(truth, where=str(path))
    return truth


def read_results(path: str | Path, truth: Truth) -> Detections:
    """Read a COCO results file and check it against the truth that it was made for.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not JSON, breaks the format, or names an image or a category that
            `truth` does not have; file and entry are named.
    """
    results = _read_json(path)
    if not isinstance(results, list):
        raise ValueError(
            f"{path}: expected a list of detections (COCO results), got {type(results).__name__}; "
            "a file of truth (COCO instances) goes in the other place"
        )
    detections = Detections.from_results(results, where=str(path))
    result_columns(detections, truth_columns(truth), where=str(path))
    return detections


def write_results(path: str | Path, detections: Detections) -> None:
    """Write detections as a COCO results file, atomically."""
    parts = (detections.part(start, _AT_ONCE) for start in range(0, len(detections), _AT_ONCE))
    texts = (json.dumps(part.to_results(), allow_nan=False)[1:-1] for part in parts)
    write_atomically(Path(path), f"[{', '.join(texts)}]".encode())


def write_json(path: str | Path, obj: Any) -> None:
    """Write strict JSON at once or not at all: a killed run leaves the old file whole.

    Args:
        path: its folder is made when it does not exist.
        obj: anything `json` takes. Not-a-number must be None already.

    Raises:
        ValueError: if `obj` holds nan or infinity, which JSON has no word for.
    """
    path = Path(path)
    write_atomically(path, json.dumps(obj, allow_nan=False).encode())


def without_nan(value: Any) -> Any:
    """The same dicts and lists with None for each nan, as `write_json` wants them."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _read_json(path: str | Path) -> Any:
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a COCO JSON file")
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: not valid JSON ({error}); is the file cut short?") from error
