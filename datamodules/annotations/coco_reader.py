"""Reads and checks a COCO or COCO-VID file. What passes here is trusted everywhere else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.annotations.boxes_in_frame import check_boxes, clip_to_frame
from datamodules.annotations.coco_annotations import CocoAnnotations
from datamodules.annotations.faults import Faults
from datamodules.annotations.file_names import check_file_names
from datamodules.annotations.json_rows import JsonRows
from datamodules.annotations.video_columns import read_video_columns
from structures import ClassList

_MEND = "Correct or remove these entries, or write the file again with the tool that made it."


def read_coco(
    annotation_file: Path,
    root: Path,
    class_names: Sequence[str] | None = None,
    clip_boxes: bool = False,
) -> CocoAnnotations:
    """Read a COCO or COCO-VID detection file, checking every entry.

    Boxes that pass their frame by at most 1 px are kept as they are in the file and clipped where
    they are used. An image's optional `group` (building, event) is kept for splitting;
    frames of a video have its name where they state none. See `read_video_columns` for videos.

    Args:
        annotation_file: COCO JSON with `images`, `annotations` (xywh boxes) and `categories`.
        root: the folder that the images' `file_name`s are relative to.
        class_names: the classes that are wanted, in the order of their labels, for instance a
            checkpoint's; the file's categories in the order of their ids where absent.
        clip_boxes: whether boxes may pass their frame by more, as in data with whole bodies; all
            that pass it are cut off there, and the truth that is judged against has the rest.

    Raises:
        FileNotFoundError: if the root or the file is missing.
        ValueError: if the file is not JSON or any entry is wrong; names up to ten and counts all.
    """
    document = _load_json(annotation_file, root)
    faults = Faults(annotation_file, _MEND)
    images = JsonRows(document, "images", faults)
    annotations = JsonRows(document, "annotations", faults)
    categories = JsonRows(document, "categories", faults)
    faults.raise_any()

    classes = _read_classes(categories, annotation_file, class_names)
    image_columns = _read_images(images, root)
    image_columns |= read_video_columns(document, images, image_columns["groups"])
    columns = _read_annotations(annotations)
    faults.raise_any()  # the checks below index one column by another

    image_index = _positions(image_columns["image_ids"], columns.pop("image_id"))
    label = _positions(np.array(classes.category_ids), columns["category_id"])
    _check_references(annotations, image_index, label, classes)
    faults.raise_any()

    sizes = image_columns["widths"][image_index], image_columns["heights"][image_index]
    check_boxes(annotations, columns["bbox"], *sizes, overshoot_allowed=clip_boxes)
    faults.raise_any()
    if clip_boxes:
        clip_to_frame(columns, *sizes)
    return _assemble(root, classes, image_columns, columns, image_index, label)


def _load_json(file: Path, root: Path) -> dict[str, Any]:
    if not root.is_dir():
        raise FileNotFoundError(
            f"{root}: no such folder; the data set's root must hold the pictures (datamodule.root)"
        )
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such annotation file")
    try:
        text = file.read_text(encoding="utf-8-sig")
        document = json.loads(text, object_hook=_without_outline)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{file}: not valid JSON at line {error.lineno} column {error.colno}: {error.msg}; "
            "the file is malformed or was cut short: copy or write it again"
        ) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{file}: not a COCO JSON text file: {error}") from error
    if not isinstance(document, dict):
        raise ValueError(
            f"{file}: expected a COCO document, an object with 'images', 'annotations' and "
            f"'categories', got a {type(document).__name__}"
        )
    return document


def _without_outline(row: dict[str, Any]) -> dict[str, Any]:
    """Drop a mask while the file is read: they are most of COCO's files, and time and memory."""
    row.pop("segmentation", None)
    return row


def _read_classes(categories: JsonRows, file: Path, class_names: Sequence[str] | None) -> ClassList:
    ids, names = categories.integers("id").tolist(), categories.strings("name")
    categories.unique(ids, "category id")
    categories.unique([name.strip() for name in names], "category name")
    if not len(categories):
        categories.faults.add("'categories' is empty; a detector needs at least one class")
    categories.faults.raise_any()
    id_of = dict(zip(names, ids, strict=True))
    if class_names is None:
        class_names = sorted(names, key=lambda name: id_of[name])
    elif sorted(class_names) != sorted(names):
        raise ValueError(
            f"{file}: its classes differ from those wanted (the checkpoint's, "
            "datamodule.class_names or those of the first file).\n"
            f"  file:   {sorted(names)}\n  wanted: {sorted(class_names)}\n"
            "Use a file with the same classes, or train anew on this one."
        )
    return ClassList(tuple(class_names), tuple(id_of[name] for name in class_names))


def _read_images(images: JsonRows, root: Path) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "image_ids": images.integers("id"),
        "widths": images.integers("width"),
        "heights": images.integers("height"),
        "file_names": tuple(images.strings("file_name")),
        "groups": tuple(images.labels("group")),
    }
    images.unique(columns["image_ids"].tolist(), "image id")
    images.unique(list(columns["file_names"]), "file_name")
    sizes = np.stack([columns["widths"], columns["heights"]])
    images.faults.add_where(
        np.min(sizes, axis=0) <= 0,
        lambda i: f"{images.name(i)}: width and height must be positive, got {sizes[:, i]}",
    )
    if not len(images):
        images.faults.add("'images' is empty")
    check_file_names(images, columns["file_names"], root.resolve())
    return columns


def _read_annotations(annotations: JsonRows) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {
        "id": annotations.integers("id"),
        "image_id": annotations.integers("image_id"),
        "category_id": annotations.integers("category_id"),
        "bbox": annotations.boxes("bbox"),
        "area": annotations.numbers("area"),
        "iscrowd": annotations.flags("iscrowd"),
        "ignore": annotations.flags("ignore"),
        "track_ids": _read_tracks(annotations),
    }
    annotations.unique(columns["id"].tolist(), "annotation id")
    box_area = columns["bbox"][:, 2] * columns["bbox"][:, 3]
    columns["area"] = np.where(np.isnan(columns["area"]), box_area, columns["area"])
    return columns


def _read_tracks(annotations: JsonRows) -> NDArray[np.int64]:
    """`track_id`, or mmtracking's `instance_id`; -1 where a row has neither."""
    tracks = annotations.optional_integers("track_id")
    instances = annotations.optional_integers("instance_id")
    found = (b if a is None else a for a, b in zip(tracks, instances, strict=True))
    return np.array([-1 if track is None else track for track in found], dtype=np.int64)


def _positions(known: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each wanted value stands in `known`; -1 where it does not."""
    order = np.argsort(known, kind="stable")
    place = np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)
    found = order[place]
    return np.where(known[found] == wanted, found, -1)


def _check_references(
    annotations: JsonRows,
    image_index: NDArray[np.int64],
    label: NDArray[np.int64],
    classes: ClassList,
) -> None:
    def describe(i: int, key: str, known: str) -> str:
        return f"{annotations.name(i)}: unknown {key} {annotations.rows[i][key]}; {known}"

    annotations.faults.add_where(
        image_index < 0,
        lambda i: describe(i, "image_id", "no entry of 'images' has this id"),
    )
    known = ", ".join(map(str, sorted(classes.category_ids)))
    annotations.faults.add_where(
        label < 0, lambda i: describe(i, "category_id", f"'categories' has {known}")
    )


def _assemble(
    root: Path,
    classes: ClassList,
    images: dict[str, Any],
    columns: dict[str, NDArray[Any]],
    image_index: NDArray[np.int64],
    label: NDArray[np.int64],
) -> CocoAnnotations:
    order = np.argsort(image_index, kind="stable")
    counts = np.bincount(image_index, minlength=len(images["image_ids"]))
    return CocoAnnotations(
        classes=classes,
        roots=(root,),
        root_index=np.zeros(len(images["image_ids"]), dtype=np.int16),
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        annotation_ids=columns["id"][order],
        boxes_xywh=columns["bbox"][order],
        labels=label[order] + 1,
        area=columns["area"][order],
        iscrowd=columns["iscrowd"][order],
        ignore=columns["ignore"][order],
        track_ids=columns["track_ids"][order],
        **images,
    )
