"""A hash of all that a detector is judged on: with the same one, its detections are the same."""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from datamodules.annotations.coco_annotations import CocoAnnotations

_COLUMNS = ("image_ids", "offsets", "boxes_xywh", "labels", "area", "iscrowd", "ignore")


def content_digest(annotations: CocoAnnotations) -> str:
    """The sha256 of image ids, classes, annotations and every byte of the pictures' files.

    Where the files lie and what they are called does not matter.
    """
    digest = hashlib.sha256()
    classes = [annotations.classes.names, annotations.classes.category_ids]
    digest.update(json.dumps(classes).encode())
    for name in _COLUMNS:
        digest.update(np.ascontiguousarray(getattr(annotations, name)).tobytes())
    paths = map(annotations.path, range(len(annotations)))
    with ThreadPoolExecutor(min(16, 2 * (os.cpu_count() or 1))) as pool:  # waiting for the disk
        for file in pool.map(_file_digest, paths):
            digest.update(file)
    return digest.hexdigest()


def _file_digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()
