"""A data set with files of its own for train and val, made of one that has none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import copytree
from typing import Any


def write_splits(source: Path, root: Path, splits: Mapping[str, Sequence[dict[str, Any]]]) -> Path:
    """Copy a data set with some of its images in each split.

    Args:
        source: its folder.
        root: the folder to make.
        splits: name, such as 'val' -> entries of `images`.
    """
    document = json.loads((source / "annotations.json").read_text())
    copytree(source / "images", root / "images")
    for name, images in splits.items():
        ids = {image["id"] for image in images}
        annotations = [a for a in document["annotations"] if a["image_id"] in ids]
        content = {**document, "images": images, "annotations": annotations}
        (root / f"{name}.json").write_text(json.dumps(content))
    return root
