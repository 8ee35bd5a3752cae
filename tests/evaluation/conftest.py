"""Random COCO truth and detections, and two hand-made pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Case = tuple[dict[str, Any], list[dict[str, Any]]]


@pytest.fixture(scope="session")
def random_case() -> Callable[[int], Case]:
    return _random_case


def _random_case(seed: int) -> Case:
    """A small data set with every oddity that a metric can stumble over; some seeds are empty."""
    rng = np.random.default_rng(seed)
    classes = sorted(rng.choice(np.arange(1, 91), int(rng.integers(1, 5)), replace=False).tolist())
    used = classes[: max(1, len(classes) - int(rng.random() < 0.3))]  # a class without truth
    snap = 4.0 if rng.random() < 0.5 else 0.0  # a grid makes equal IoUs and IoUs of exactly .5
    image_ids = rng.choice(1000, int(rng.integers(1, 7)), replace=False).tolist()
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for image_id in image_ids:
        objects = [
            _annotation(rng, image_id, int(rng.choice(used)), snap)
            for _ in range(int(rng.integers(0, 12)) * int(rng.random() < 0.85))
        ]
        annotations += objects
        crowded = rng.random() < 0.15  # more detections than COCO's limit of 100
        many = int(rng.integers(101, 330)) if crowded else int(rng.integers(0, 30))
        results += [_detection(rng, image_id, classes, objects, snap) for _ in range(many)]
    if seed % 17 == 0:
        results = []
    if seed % 19 == 0:
        annotations = []
    for number, annotation in enumerate(annotations, start=1):
        annotation["id"] = number
    truth = {
        "images": [
            {"id": i, "file_name": f"{i}.jpg", "width": 640, "height": 480} for i in image_ids
        ],
        "annotations": annotations,
        "categories": [{"id": c, "name": f"class {c}"} for c in classes],
    }
    return truth, [results[i] for i in rng.permutation(len(results))]


def _annotation(
    rng: np.random.Generator, image_id: int, category_id: int, snap: float
) -> dict[str, Any]:
    size = rng.uniform(4, rng.choice([30, 100, 300]), 2)
    box = np.r_[rng.uniform(0, np.array([640, 480]) - size), size]
    if snap:
        box = np.maximum(np.round(box / snap), [0, 0, 1, 1]) * snap
    annotation = {
        "id": 0,
        "image_id": image_id,
        "category_id": category_id,
        "bbox": box.tolist(),
        "area": float(box[2] * box[3] * rng.choice([1, 1, 0.7])),
        "iscrowd": int(rng.random() < 0.15),
    }
    if rng.random() < 0.2:
        annotation["ignore"] = 1
    return annotation


def _detection(
    rng: np.random.Generator,
    image_id: int,
    classes: list[int],
    objects: list[dict[str, Any]],
    snap: float,
) -> dict[str, Any]:
    if objects and rng.random() < 0.7:
        near = objects[int(rng.integers(len(objects)))]
        box = np.array(near["bbox"]) + rng.normal(0, rng.choice([0, 0.5, 3, 10]), 4)
        category_id = near["category_id"] if rng.random() < 0.9 else int(rng.choice(classes))
    else:
        box = np.r_[rng.uniform(0, 300, 2), rng.uniform(1, 200, 2)]
        category_id = int(rng.choice(classes))
    if snap:
        box = np.round(box / snap) * snap
    box[2:] = np.maximum(box[2:], 1)
    score = rng.random()
    return {
        "image_id": image_id,
        "category_id": category_id,
        "bbox": box.tolist(),
        "score": float(round(score, 1) if rng.random() < 0.5 else score),  # ties
    }
