"""Doors of drawn street fronts in small pictures: a data set made from a seed that is no real data.

The streets are those of `prepare.drawn_facades`. Pictures are a quarter as wide, and one or two
small objects, of two blocks of a JPEG by two, are all that there is to find, so that compression
costs a detector what it looks for: of whole facades it finds something at any quality.

Label: 1 door. What shows too little of itself, and the fronts of unlabelled houses, are ignored
regions (`iscrowd` 1), and pictures of one row of houses share `group`, as there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
from rich.console import Console
from rich.progress import track

from prepare.coco_writer import ANNOTATIONS, CocoWriter, fingerprint
from prepare.drawing.photograph import encode
from prepare.drawn_facades import draw_facades_under

SOURCE = "drawn_doors"
CLASS_NAME = "door"
SHRINK = 4
JPEG_QUALITY = 95  # of the small pictures; that of the large ones is gone with their grid


def draw_doors_under(destination: Path, pictures: int = 400, seed: int = 0) -> Path:
    """Draw a data set into a folder of its own below `destination` unless it is there already.

    Args:
        destination: gets the folder, and that of the facades which it is made of.
        pictures: how many.
        seed: decides everything; picture i of a seed does not depend on `pictures`.

    Returns:
        The folder, `drawn_doors_<pictures>_<seed>_<version>`.

    Raises:
        ValueError: see `draw_facades`.
    """
    facades = draw_facades_under(Path(destination), pictures, seed)
    document = json.loads((facades / ANNOTATIONS).read_text(encoding="utf-8"))
    key = fingerprint({"facades": document["info"]["fingerprint"]}, [Path(__file__)])
    folder = Path(destination) / f"drawn_doors_{pictures}_{seed}_{key[:8]}"
    description = f"drawn doors: {pictures} computer-drawn pictures, seed {seed}; not real data"
    writer = CocoWriter(folder, [CLASS_NAME], description, key)
    writer.info["drawn"] = "yes"
    if writer.is_finished():
        return folder
    doors = _doors(document)
    for image in track(document["images"], "Shrinking pictures", console=Console(stderr=True)):
        _add(writer, facades, image, doors.get(image["id"], []))
    writer.write()
    return folder


def _doors(document: Mapping[str, Any]) -> dict[int, list[dict[str, Any]]]:
    """Image id -> its annotations of the class."""
    (category,) = [c["id"] for c in document["categories"] if c["name"] == CLASS_NAME]
    found: dict[int, list[dict[str, Any]]] = {}
    for annotation in document["annotations"]:
        if annotation["category_id"] == category:
            found.setdefault(annotation["image_id"], []).append(annotation)
    return found


def _add(
    writer: CocoWriter, facades: Path, image: Mapping[str, Any], doors: list[dict[str, Any]]
) -> None:
    large = cv2.imread(str(facades / image["file_name"]))
    if large is None:
        raise ValueError(f"{facades / image['file_name']}: damaged; delete {facades}, draw it anew")
    size = image["width"] // SHRINK, image["height"] // SHRINK
    small = cv2.resize(large, size, interpolation=cv2.INTER_AREA).astype("uint8", copy=False)
    across, down = size[0] / image["width"], size[1] / image["height"]
    image_id = writer.add_image(
        Path(image["file_name"]).name, encode(small, JPEG_QUALITY), size, image["group"], SOURCE
    )
    for door in doors:
        x, y, width, height = door["bbox"]
        box = (x * across, y * down, (x + width) * across, (y + height) * down)
        inside = [min(side, most) for side, most in zip(box, (*size, *size), strict=True)]
        writer.add_box(
            image_id,
            1,
            inside,
            area=door["area"] * across * down,
            iscrowd=door["iscrowd"],
            truncated=door["truncated"],
            visible=door["visible"],
        )
