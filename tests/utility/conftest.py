"""A label set of small pictures whose content says up to which quality detectors cope."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from datamodules.distortions import encode_jpeg
from evaluation.conditions import Condition
from evaluation.detection_cache import CachedDetections, DetectionCache
from evaluation.detections import Detections
from utility.tables import FORMAT, IMAGES, LABELS

SIZE = (96, 112)  # height, width
BOXES = np.array([[8.0, 8, 24, 24], [48, 16, 40, 24], [24, 56, 32, 24]])  # xywh
HARDEST = 40  # the quality that the hardest picture needs
SPLITS = ("train",) * 6 + ("val",) * 2 + ("test",) * 2


class LabelSetWriter:
    """Writes a label set: parent k needs a quality that its contrast shows.

    A detector with a handicap needs more; below that quality it finds nothing, above it all.
    """

    def __init__(
        self, folder: Path, parents: int, qualities: Sequence[int], detectors: dict[str, int]
    ) -> None:
        self.folder = folder
        self.conditions = ["clean", *(f"jpeg_q{q}" for q in qualities)]
        self.detectors = detectors
        rng = np.random.default_rng(5)
        self.ids = np.arange(1, parents + 1)
        self.needs = rng.uniform(3, HARDEST, parents)
        self.pictures = [self._picture(rng, need) for need in self.needs]

    def write(self) -> Path:
        (self.folder / "pictures").mkdir(parents=True)
        for image_id, picture in zip(self.ids, self.pictures, strict=True):
            cv2.imwrite(str(self.folder / "pictures" / f"{image_id}.png"), picture[..., ::-1])
        images = [self._image(k, c) for k in range(len(self.ids)) for c in self.conditions]
        labels = [
            self._label(k, condition, name)
            for name in self.detectors
            for k in range(len(self.ids))
            for condition in self.conditions
        ]
        for name, schema, rows in (("images", IMAGES, images), ("labels", LABELS, labels)):
            pq.write_table(pa.Table.from_pylist(rows, schema), self.folder / f"{name}.parquet")
        (self.folder / "meta.json").write_text(json.dumps(self._meta()))
        (self.folder / "ground_truth.json").write_text(json.dumps(self._truth()))
        for name in self.detectors:
            cache = DetectionCache(self.folder / "detections", self._key(name))
            for condition in self.conditions:
                cache.write(condition, self._detections(name, condition))
        return self.folder

    def found(self, k: int, condition: str, detector: str) -> bool:
        level = Condition.from_name(condition).level or 100
        return level >= self.needs[k] + self.detectors[detector]

    def _picture(self, rng: np.random.Generator, need: float) -> NDArray[Any]:
        """Squares on noise: the fainter they are, the better a quality is needed."""
        picture = rng.normal(100, 6, (*SIZE, 3))
        for x, y, w, h in BOXES.astype(int):
            picture[y : y + h, x : x + w] += 150 * (1 - need / (HARDEST + 10))
        return picture.clip(0, 255).astype(np.uint8)

    def _image(self, k: int, condition: str) -> dict[str, Any]:
        known = Condition.from_name(condition)
        encoded = len(encode_jpeg(self.pictures[k], known.level)) if known.kind == "jpeg" else -1
        return {
            "image_id": int(self.ids[k]),
            "condition": condition,
            "kind": known.kind,
            "quality": known.level if known.kind == "jpeg" else -1,
            "split": SPLITS[k % len(SPLITS)],
            "file": f"pictures/{self.ids[k]}.png",
            "width": SIZE[1],
            "height": SIZE[0],
            "bytes": encoded,
            "bpp": 8 * encoded / (SIZE[0] * SIZE[1]) if encoded > 0 else float("nan"),
        }

    def _label(self, k: int, condition: str, detector: str) -> dict[str, Any]:
        found = self.found(k, condition, detector)
        return {
            "image_id": int(self.ids[k]),
            "condition": condition,
            "detector": detector,
            "y": int(found),
            "m": float(found),
            "u": 1.0 if found else -1.0,
            "n_gt": len(BOXES),
            "n_ref": len(BOXES),
            "new_false_positives": 0,
            "max_score": 0.9 if found else 0.0,
        }

    def _detections(self, detector: str, condition: str) -> CachedDetections:
        seen = [i for k, i in enumerate(self.ids) if self.found(k, condition, detector)]
        count = len(seen) * len(BOXES)
        found = Detections(
            np.repeat(np.array(seen, dtype=np.int64), len(BOXES)),
            np.ones(count, dtype=np.int64),
            np.tile(BOXES, (len(seen), 1)).reshape(-1, 4),
            np.full(count, 0.9),
        )
        return CachedDetections(found, self.ids.astype(np.int64), np.zeros(0, np.int64), None)

    def _key(self, detector: str) -> dict[str, Any]:
        return {"data": "toy", "model": detector, "checkpoint": "0123456789abcdef"}

    def _meta(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "data": {"name": "toy pictures", "root": str(self.folder), "drawn": True},
            "conditions": self.conditions,
            "ladder": {},
            "variant": "strict",
            "thresholds": {},
            "split": {},
            "detectors": {name: self._key(name) for name in self.detectors},
            "versions": {},
        }

    def _truth(self) -> dict[str, Any]:
        return {
            "images": [
                {"id": int(i), "file_name": f"pictures/{i}.png", "height": SIZE[0],
                 "width": SIZE[1]}
                for i in self.ids
            ],
            "annotations": [
                {"id": 1 + n + 10 * int(i), "image_id": int(i), "category_id": 1,
                 "bbox": box.tolist(), "area": float(box[2] * box[3]), "iscrowd": 0}
                for i in self.ids
                for n, box in enumerate(BOXES)
            ],
            "categories": [{"id": 1, "name": "square"}],
        }  # fmt: skip


@pytest.fixture(scope="session")
def write_label_set(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Path]:
    """Write a label set; see `LabelSetWriter`."""

    def write(
        parents: int = 40,
        qualities: Sequence[int] = (5, 10, 20, 40),
        detectors: dict[str, int] | None = None,
    ) -> Path:
        folder = tmp_path_factory.mktemp("labels") / "toy"
        known = {"a": 0, "b": 4} if detectors is None else detectors
        return LabelSetWriter(folder, parents, qualities, known).write()

    return write


@pytest.fixture(scope="session")
def label_folder(write_label_set: Callable[..., Path]) -> Path:
    return write_label_set()
