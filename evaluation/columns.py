"""COCO truth and COCO results as flat arrays, checked where they enter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

Truth = dict[str, Any]
Results = Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class TruthColumns:
    """The annotations of a COCO instances dict, in the order of the file.

    Attributes:
        image_ids: int64 [I], ascending.
        category_ids: int64 [C], ascending; the order of the classes everywhere in `evaluation`.
        class_names: names of `category_ids`.
        image: int64 [N], the annotation's place in `image_ids`.
        category: int64 [N], the annotation's place in `category_ids`.
        boxes: float64 [N, 4], xyxy pixels.
        area: float64 [N], px², box area where the file has none.
        crowd: bool [N], COCO's `iscrowd`.
        ignore: bool [N], the field `ignore` (VOC's `difficult`).
    """

    image_ids: NDArray[np.int64]
    category_ids: NDArray[np.int64]
    class_names: tuple[str, ...]
    image: NDArray[np.int64]
    category: NDArray[np.int64]
    boxes: NDArray[np.float64]
    area: NDArray[np.float64]
    crowd: NDArray[np.bool_]
    ignore: NDArray[np.bool_]

    @property
    def counted(self) -> NDArray[np.bool_]:
        """bool [N], the annotations that a detector is asked to find."""
        return ~(self.crowd | self.ignore)


@dataclass(frozen=True, slots=True)
class ResultColumns:
    """The entries of a COCO results list, in its order.

    Attributes:
        image: int64 [D], place in `TruthColumns.image_ids`.
        category: int64 [D], place in `TruthColumns.category_ids`.
        boxes_xywh: float64 [D, 4], pixels, exactly as given.
        scores: float64 [D].
    """

    image: NDArray[np.int64]
    category: NDArray[np.int64]
    boxes_xywh: NDArray[np.float64]
    scores: NDArray[np.float64]

    @property
    def boxes(self) -> NDArray[np.float64]:
        """float64 [D, 4], xyxy pixels."""
        return _xyxy(self.boxes_xywh)


def truth_columns(truth: Truth, where: str = "truth") -> TruthColumns:
    """Flatten and check a COCO instances dict.

    Args:
        truth: with `images`, `annotations` and `categories`.
        where: how error messages call it, such as a file name.

    Raises:
        ValueError: for a missing part, an id or a class name given twice, an unknown image or
            category, or a box that is not four finite numbers with an area.
    """
    for part in ("images", "annotations", "categories"):
        if not isinstance(truth, dict) or not isinstance(truth.get(part), list):
            raise ValueError(f"{where}: expected a COCO dict with a list '{part}'; it has none")
    image_ids = _ids(truth["images"], f"{where}: images")
    category_ids = _ids(truth["categories"], f"{where}: categories")
    names = {c["id"]: str(c.get("name", c["id"])) for c in truth["categories"]}
    if len(set(names.values())) < len(names):
        raise ValueError(f"{where}: a class name is given twice: {sorted(names.values())}")
    annotations = truth["annotations"]
    _ids(annotations, f"{where}: annotations")
    place = f"{where}: annotations"
    boxes = _xyxy(_boxes_xywh(annotations, place))
    box_areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1).tolist()
    areas = [
        {"area": own if a.get("area") is None else a["area"]}
        for a, own in zip(annotations, box_areas, strict=True)
    ]
    return TruthColumns(
        image_ids=image_ids,
        category_ids=category_ids,
        class_names=tuple(names[i] for i in category_ids.tolist()),
        image=_places(annotations, "image_id", image_ids, place),
        category=_places(annotations, "category_id", category_ids, place),
        boxes=boxes,
        area=_numbers(areas, "area", place).astype(np.float64),
        crowd=np.array([bool(a.get("iscrowd", 0)) for a in annotations], dtype=bool),
        ignore=np.array([bool(a.get("ignore", 0)) for a in annotations], dtype=bool),
    )


def result_columns(results: Results, truth: TruthColumns, where: str = "results") -> ResultColumns:
    """Flatten and check a COCO results list.

    Args:
        results: with `image_id`, `category_id`, `bbox` (xywh pixels) and `score` in each entry.
        truth: the images and categories that may occur.
        where: how error messages call the list, such as a file name.

    Raises:
        ValueError: for an entry without one of the four fields, an unknown image or category, a
            box that is not four finite numbers of size >= 0, or a score that is not finite.
    """
    scores = _numbers(results, "score", where).astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(scores))
    if len(bad):
        raise ValueError(f"{where}: entry {bad[0]}: score {scores[bad[0]]} is not finite")
    return ResultColumns(
        image=_places(results, "image_id", truth.image_ids, where),
        category=_places(results, "category_id", truth.category_ids, where),
        boxes_xywh=_boxes_xywh(results, where, allow_empty=True),
        scores=scores,
    )


def _ids(entries: Results, where: str) -> NDArray[np.int64]:
    """The entries' ids, ascending; each once."""
    ids = _numbers(entries, "id", where).astype(np.int64)
    unique, counts = np.unique(ids, return_counts=True)
    if len(unique) < len(ids):
        raise ValueError(f"{where}: id {unique[counts > 1][0]} is given twice; ids must be unique")
    return unique


def _numbers(entries: Results, field: str, where: str) -> NDArray[Any]:
    try:
        values = np.array([entry[field] for entry in entries])
        ok = values.ndim == 1 and values.dtype.kind in "iuf"
    except (KeyError, TypeError, ValueError):
        ok = False
    if not ok:
        first = next(i for i, entry in enumerate(entries) if not _is_number(entry, field))
        raise ValueError(
            f"{where}: entry {first}: expected a number as '{field}', got {_shown(entries[first])}"
        )
    return values


def _is_number(entry: Any, field: str) -> bool:
    value = entry.get(field) if isinstance(entry, dict) else None
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _places(
    entries: Results, field: str, known: NDArray[np.int64], where: str
) -> NDArray[np.int64]:
    """The place of each entry's id in `known` (ascending)."""
    ids = _numbers(entries, field, where)
    places = np.searchsorted(known, ids)
    nearest = known[np.minimum(places, len(known) - 1)] if len(known) else np.full(len(ids), np.nan)
    unknown = np.flatnonzero(nearest != ids)
    if len(unknown):
        first = unknown[0]
        raise ValueError(
            f"{where}: entry {first}: {field} {ids[first]} is not in the truth "
            f"({len(known)} ids, {known[:5].tolist()}…); was it made for another data set?"
        )
    return places


def _boxes_xywh(entries: Results, where: str, allow_empty: bool = False) -> NDArray[np.float64]:
    """float64 [N, 4] from the entries' `bbox`."""
    try:
        boxes = [entry["bbox"] for entry in entries]
        # Flat, for NumPy takes three times as long for lists of lists.
        values = np.array(list(chain.from_iterable(boxes)))
        ok = set(map(len, boxes)) <= {4} and (values.size == 0 or values.dtype.kind in "iuf")
    except (KeyError, TypeError, ValueError):
        ok = False
    if not ok:
        first = next(i for i, entry in enumerate(entries) if not _is_box(entry))
        raise ValueError(
            f"{where}: entry {first}: expected 'bbox' as four numbers x, y, w, h, "
            f"got {_shown(entries[first])}"
        )
    xywh = values.astype(np.float64).reshape(-1, 4)
    sizes = xywh[:, 2:]
    fine = np.isfinite(xywh).all(1) & ((sizes >= 0) if allow_empty else (sizes > 0)).all(1)
    if not fine.all():
        first = int(np.flatnonzero(~fine)[0])
        raise ValueError(
            f"{where}: entry {first}: bbox {xywh[first].tolist()} is not finite or has no area; "
            "expected x, y, w, h in pixels"
        )
    return xywh


def _xyxy(boxes_xywh: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([boxes_xywh[:, :2], boxes_xywh[:, :2] + boxes_xywh[:, 2:]], axis=1)


def _is_box(entry: Any) -> bool:
    box = entry.get("bbox") if isinstance(entry, dict) else None
    return (
        isinstance(box, Sequence)
        and len(box) == 4
        and all(isinstance(value, int | float | np.number) for value in box)
    )


def _shown(entry: Any) -> str:
    text = repr(entry)
    return text if len(text) <= 120 else text[:117] + "…"
