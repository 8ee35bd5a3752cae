"""COCO truth and COCO results on disk, and predictions as COCO results."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.columns import Truth, result_columns, truth_columns
from structures import ClassList, Prediction


def to_results(predictions: Sequence[Prediction], classes: ClassList) -> list[dict[str, Any]]:
    """Predictions in COCO results form.

    Args:
        predictions: of any frames, on any device.
        classes: gives the category id of each label.

    Returns:
        One dict a detection: `image_id`, `category_id`, `bbox` [x, y, w, h] in pixels, `score`.
        The float32 values are written out in full, so that JSON gives them back exactly.

    Raises:
        ValueError: if a label lies outside 1..C.
    """
    category_ids = np.array([0, *classes.category_ids])
    entries: list[dict[str, Any]] = []
    for prediction in predictions:
        labels = prediction.labels.detach().cpu().numpy()
        if len(labels) and not (labels.min() >= 1 and labels.max() <= len(classes)):
            raise ValueError(
                f"image {prediction.image_id}: label {labels.min()}..{labels.max()} predicted, "
                f"but the {len(classes)} classes have the labels 1..{len(classes)}"
            )
        boxes = prediction.boxes.detach().cpu().numpy().astype(np.float64)
        boxes[:, 2:] -= boxes[:, :2]
        scores = prediction.scores.detach().cpu().numpy().astype(np.float64)
        columns = category_ids[labels].tolist(), boxes.tolist(), scores.tolist()
        entries += [
            {"image_id": prediction.image_id, "category_id": c, "bbox": box, "score": score}
            for c, box, score in zip(*columns, strict=True)
        ]
    return entries


def read_truth(path: str | Path) -> Truth:
    """Read a COCO instances file and check what evaluation needs of it.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not JSON or breaks the format; file and entry are named.
    """
    truth = _read_json(path)
    truth_columns(truth, where=str(path))
    return truth


def read_results(path: str | Path, truth: Truth) -> list[dict[str, Any]]:
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
    result_columns(results, truth_columns(truth), where=str(path))
    return results


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


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file through a temporary one in the same folder, which is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _read_json(path: str | Path) -> Any:
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a COCO JSON file")
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: not valid JSON ({error}); is the file cut short?") from error
