"""Numbers out of lists of COCO entries, as arrays; a wrong entry is named by its place."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

Entries = Sequence[dict[str, Any]]


def numbers(entries: Entries, field: str, where: str) -> NDArray[Any]:
    """One number of each entry.

    Args:
        entries: of a COCO file.
        field: the key of the number.
        where: how messages call the list, such as a file name.

    Raises:
        ValueError: for an entry that has no number there.
    """
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


def ids(entries: Entries, field: str, where: str) -> NDArray[np.int64]:
    """One id of each entry; 5.0 is taken for 5.

    Raises:
        ValueError: for an entry that has no whole number there.
    """
    values = numbers(entries, field, where)
    broken = np.flatnonzero(values != np.trunc(values))
    if len(broken):
        first = broken[0]
        raise ValueError(f"{where}: entry {first}: {field} {values[first]} is no whole number")
    return values.astype(np.int64)


def optional_ids(entries: Entries, field: str, where: str) -> NDArray[np.int64]:
    """One id of each entry, -1 for entries without one.

    Raises:
        ValueError: for an entry that has something else than a whole number there.
    """
    given = [{field: -1} if entry.get(field) is None else entry for entry in entries]
    return ids(given, field, where)


def boxes_xywh(entries: Entries, where: str) -> NDArray[np.float64]:
    """float64 [N, 4], the entries' `bbox`.

    Raises:
        ValueError: for a `bbox` that is not four numbers.
    """
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
    return values.astype(np.float64).reshape(-1, 4)


def require_boxes(boxes: NDArray[np.float64], where: str, allow_empty: bool = False) -> None:
    """Check that boxes [N, 4] xywh are finite and have an area.

    Raises:
        ValueError: naming the first that does not.
    """
    sizes = boxes[:, 2:]
    fine = np.isfinite(boxes).all(1) & ((sizes >= 0) if allow_empty else (sizes > 0)).all(1)
    if not fine.all():
        first = int(np.flatnonzero(~fine)[0])
        raise ValueError(
            f"{where}: entry {first}: bbox {boxes[first].tolist()} is not finite or has no area; "
            "expected x, y, w, h in pixels"
        )


def places(
    wanted: NDArray[np.int64], known: NDArray[np.int64], field: str, where: str
) -> NDArray[np.int64]:
    """The place of each id in `known` (ascending).

    Raises:
        ValueError: for an id that is not there.
    """
    found = np.searchsorted(known, wanted)
    nearest = (
        known[np.minimum(found, len(known) - 1)] if len(known) else np.full(len(wanted), np.nan)
    )
    unknown = np.flatnonzero(nearest != wanted)
    if len(unknown):
        first = unknown[0]
        raise ValueError(
            f"{where}: entry {first}: {field} {wanted[first]} is not in the truth "
            f"({len(known)} ids, {known[:5].tolist()}…); was it made for another data set?"
        )
    return found


def _is_number(entry: Any, field: str) -> bool:
    value = entry.get(field) if isinstance(entry, dict) else None
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


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
