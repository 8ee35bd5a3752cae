"""Reads a list of JSON objects column by column, noting every value of a wrong type."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.annotations.faults import Faults

_MISSING = object()


class JsonRows:
    """The objects of one list of a JSON document, such as COCO's `annotations`.

    A wrong value is noted in `faults` and stands as a harmless placeholder in the column, so that
    the other columns can still be checked; the caller must call `faults.raise_any()` before use.

    Args:
        document: the whole JSON document; anything but a dict is a fault.
        section: the key of the list.
        faults: where faults are noted.
    """

    def __init__(self, document: dict[str, Any], section: str, faults: Faults) -> None:
        self.section = section
        self.faults = faults
        rows = document.get(section, _MISSING)
        if not isinstance(rows, list):
            got = "nothing" if rows is _MISSING else type(rows).__name__
            faults.add(f"'{section}' must be a list of objects, got {got}")
            rows = []
        for index, row in enumerate(rows):
            if not isinstance(row, dict):
                faults.add(f"{section}[{index}] must be an object, got {type(row).__name__}")
        self.rows: list[dict[str, Any]] = [row for row in rows if isinstance(row, dict)]

    def __len__(self) -> int:
        return len(self.rows)

    def name(self, index: int) -> str:
        """How messages call a row."""
        return f"{self.section}[{index}] (id {self.rows[index].get('id')!r})"

    def integers(self, key: str) -> NDArray[np.int64]:
        """An int64 column; every row must have it."""
        return np.array(self._column(key, _is_int64, "an integer", 0), dtype=np.int64)

    def optional_integers(self, key: str) -> list[int | None]:
        """A column of int64 values; None where a row does not have it."""
        return self._column(key, _is_int64, "an integer", 0, None)

    def strings(self, key: str) -> list[str]:
        """A column of non-empty strings; every row must have it."""
        return self._column(key, _is_name, "a non-empty string", "?")

    def numbers(self, key: str) -> NDArray[np.float64]:
        """A float64 column of finite numbers; NaN where a row does not have it."""
        column = self._column(key, _is_number, "a finite number", 0.0, default=math.nan)
        return np.array(column, dtype=np.float64)

    def flags(self, key: str) -> NDArray[np.bool_]:
        """A bool column of 0/1 or false/true; false where a row does not have it."""
        column = self._column(key, lambda v: type(v) in (int, bool) and v in (0, 1), "0 or 1", 0, 0)
        return np.array(column, dtype=np.bool_)

    def labels(self, key: str) -> list[str | None]:
        """A column of strings or integers, as strings; None where a row does not have it."""
        column = self._column(
            key, lambda v: _is_name(v) or type(v) is int, "a string or an integer", "?", None
        )
        return [None if value is None else str(value) for value in column]

    def boxes(self, key: str) -> NDArray[np.float64]:
        """A float64 [N, 4] column of four finite numbers; every row must have it."""
        column = self._column(key, _is_box, "four finite numbers [x, y, width, height]", [0.0] * 4)
        return np.array(column, dtype=np.float64).reshape(-1, 4)

    def unique(self, values: list[Any], what: str) -> None:
        """Note every value that a row before it had already."""
        first: dict[Any, int] = {}
        for index, value in enumerate(values):
            if first.setdefault(value, index) != index:
                self.faults.add(
                    f"{self.name(index)}: {what} {value!r} was already used by {self.section}"
                    f"[{first[value]}]; each must occur once"
                )

    def _column(
        self,
        key: str,
        good: Callable[[Any], bool],
        expected: str,
        placeholder: Any,
        default: Any = _MISSING,
    ) -> list[Any]:
        values = [row.get(key, default) for row in self.rows]
        for index, value in enumerate(values):
            if value is default and value is not _MISSING:
                continue
            if not good(value):
                got = "nothing" if value is _MISSING else _shortened(value)
                self.faults.add(f"{self.name(index)}: '{key}' must be {expected}, got {got}")
                values[index] = placeholder
        return values


def _is_int64(value: Any) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: Any) -> bool:
    # An integer beyond 1e300 has no float64; nothing in a picture is that large.
    return type(value) in (int, float) and abs(value) < 1e300  # false for NaN


def _is_box(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(_is_number, value))


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
