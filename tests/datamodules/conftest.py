"""Small COCO folders drawn on the spot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

CLASSES = ["building", "window", "door"]


def coco_document(images: int = 6, width: int = 64, height: int = 48) -> dict[str, Any]:
    """Pictures p1.png… with one box of each class but the last picture, which has none."""
    return {
        "images": [
            {"id": 10 + i, "file_name": f"images/p{i}.png", "width": width, "height": height}
            for i in range(images)
        ],
        "annotations": [
            {
                "id": 100 + 3 * i + c,
                "image_id": 10 + i,
                "category_id": 3 * c + 2,
                "bbox": [2.0 + c, 3.0, 20.5, 10.25],
                "area": 100.5,
                "iscrowd": 0,
            }
            for i in range(images - 1)
            for c in range(3)
        ],
        "categories": [{"id": 3 * c + 2, "name": name} for c, name in enumerate(CLASSES)],
    }


def write_pictures(root: Path, document: dict[str, Any]) -> None:
    for image in document["images"]:
        path = root / image["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(image["id"])
        pixels = random.integers(0, 256, (image["height"], image["width"], 3), dtype=np.uint8)
        assert cv2.imwrite(str(path), pixels)


@pytest.fixture
def document() -> dict[str, Any]:
    return coco_document()


@pytest.fixture
def make_root(tmp_path: Path) -> Callable[..., Path]:
    """Write a data set's folder from documents by file name."""

    def make(name: str = "data", **documents: dict[str, Any]) -> Path:
        root = tmp_path / name
        root.mkdir()
        for split, content in (documents or {"annotations": coco_document()}).items():
            (root / f"{split}.json").write_text(json.dumps(content))
            write_pictures(root, content)
        return root

    return make


@pytest.fixture
def with_ids() -> Callable[..., dict[str, Any]]:
    """Make a copy of a document with its ids moved and its pictures in another folder."""

    def move(document: dict[str, Any], first: int, folder: str = "images") -> dict[str, Any]:
        moved: dict[str, Any] = json.loads(json.dumps(document).replace("images/", f"{folder}/"))
        for image in moved["images"]:
            image["id"] += first
        for row in moved["annotations"]:
            row["image_id"] += first
            row["id"] += first
        return moved

    return move
