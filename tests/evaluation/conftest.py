"""Random COCO truth and detections, and a street of drawn houses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

Case = tuple[dict[str, Any], list[dict[str, Any]]]


@dataclass(frozen=True)
class Street:
    """Pictures with truth and the detections of a detector that errs."""

    truth: dict[str, Any]
    results: list[dict[str, Any]]
    pictures: dict[int, np.ndarray]


@pytest.fixture(scope="session")
def street() -> Street:
    return draw_street(houses=14, seed=0)


@pytest.fixture(scope="session")
def film() -> Callable[[int], Case]:
    return _film


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


def draw_street(houses: int, seed: int) -> Street:
    """Houses of plain colours with windows and doors; every sixth object is found badly."""
    rng = np.random.default_rng(seed)
    truth: dict[str, Any] = {
        "images": [],
        "annotations": [],
        "categories": [
            {"id": 1, "name": "building"},
            {"id": 2, "name": "window"},
            {"id": 4, "name": "door"},
        ],
    }
    pictures, results = {}, []
    for image_id in range(1, houses + 1):
        picture, objects = _house(rng)
        pictures[image_id] = picture
        height, width = picture.shape[:2]
        name = f"house_{image_id:03d}.jpg"
        truth["images"].append(
            {"id": image_id, "file_name": name, "width": width, "height": height}
        )
        quality = rng.random()
        for category_id, box in objects:
            entry = {"image_id": image_id, "category_id": category_id, "bbox": box}
            number = len(truth["annotations"]) + 1
            truth["annotations"].append(
                {**entry, "id": number, "area": box[2] * box[3], "iscrowd": 0}
            )
            results += _sightings(rng, entry, quality)
    return Street(truth, results, pictures)


def _house(rng: np.random.Generator) -> tuple[np.ndarray, list[tuple[int, list[float]]]]:
    height, width = (480, 640) if rng.random() < 0.7 else (640, 480)
    sky = np.linspace([150, 180, 215], [225, 228, 230], height)[:, None, :]
    picture = np.repeat(sky, width, axis=1)
    left, top = int(rng.integers(20, 90)), int(rng.integers(20, 110))
    right, ground = width - int(rng.integers(20, 90)), height - int(rng.integers(25, 60))
    picture[ground:] = [95, 95, 98]
    picture[top:ground, left:right] = rng.uniform([120, 90, 70], [215, 190, 165])
    objects = [(1, [left, top, right - left, ground - top])]
    columns, rows = int(rng.integers(3, 7)), int(rng.integers(2, 5))
    cell = np.array([(right - left) / columns, (ground - top) / (rows + 1)])
    for row in range(rows + 1):
        for column in range(columns):
            size = cell * ([0.45, 0.8] if row == rows else [0.5, 0.6])
            x = left + (column + 0.5) * cell[0] - size[0] / 2
            y = ground - size[1] if row == rows else top + (row + 0.25) * cell[1]
            if row == rows and column % 3 != 1:
                continue
            x1, y1, w, h = (round(float(v)) for v in (x, y, *size))
            picture[y1 : y1 + h, x1 : x1 + w] = [92, 62, 44] if row == rows else [58, 74, 92]
            objects.append((4 if row == rows else 2, [x1, y1, w, h]))
    noisy = picture + rng.normal(0, 5, picture.shape)
    return noisy.clip(0, 255).astype(np.uint8), [(c, [float(v) for v in b]) for c, b in objects]


def _sightings(
    rng: np.random.Generator, entry: dict[str, Any], quality: float
) -> list[dict[str, Any]]:
    box, found = np.array(entry["bbox"]), []
    if rng.random() < 0.75 + 0.25 * quality:
        jitter = rng.normal(0, 0.02 + 0.08 * (1 - quality), 4) * box[[2, 3, 2, 3]]
        near = np.maximum(box + jitter, [0, 0, 2, 2]).tolist()
        category_id = entry["category_id"] if rng.random() < 0.95 else int(rng.choice([2, 4]))
        score = float(np.clip(rng.normal(0.75, 0.15), 0.05, 0.99))
        found.append({**entry, "category_id": category_id, "bbox": near, "score": score})
    if rng.random() < 0.12:
        stray = [*(box[:2] + rng.uniform(-60, 60, 2)).clip(0).tolist(), *box[2:].tolist()]
        found.append({**entry, "bbox": stray, "score": float(rng.uniform(0.1, 0.7))})
    return found


def _film(seed: int, videos: int = 4) -> Case:
    """Videos of objects at all speeds, with gaps, crowds, boxes that are not followed, a still."""
    rng = np.random.default_rng(seed)
    size = {"width": 640, "height": 480}
    images: list[dict[str, Any]] = [{"id": 1000, "file_name": "still.jpg", **size}]
    annotations: list[dict[str, Any]] = [_annotation(rng, 1000, 1, 0.0)]
    results: list[dict[str, Any]] = []
    for video in range(1, videos + 1):
        frames = np.sort(rng.choice(30, int(rng.integers(8, 26)), replace=False))
        starts = rng.uniform(50, 300, (5, 2))
        speeds = rng.normal(0, 1, (5, 2)) * np.array([0.1, 0.5, 2, 6, 12])[:, None]
        for frame in frames.tolist():
            image_id = int(rng.integers(1, 10)) * 10_000 + 100 * video + frame
            name = f"{video}/{frame}.jpg"
            place = {"video_id": 10 * video, "frame_id": frame}
            images.append({"id": image_id, "file_name": name, **size, **place})
            for body in range(5):
                box = [*(starts[body] + frame * speeds[body]).tolist(), 60.0, 45.0]
                row = {"image_id": image_id, "category_id": 1 + body % 2, "bbox": box}
                tracked = {"track_id": body if rng.random() < 0.9 else -1}
                crowd = int(rng.random() < 0.05)
                annotations.append({**row, "area": 2700.0, "iscrowd": crowd, **tracked})
                if rng.random() < 0.8:
                    results.append(_detection(rng, image_id, [1, 2], [row], 0.0))
    for number, annotation in enumerate(annotations, start=1):
        annotation["id"] = number
        annotation.setdefault("track_id", -1)
    categories = [{"id": 1, "name": "fish"}, {"id": 2, "name": "bird"}]
    return {"images": images, "annotations": annotations, "categories": categories}, results
