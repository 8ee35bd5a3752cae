"""Values of a catalogue, which anyone may have written, in the types that they should have."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

MEND = "take the entry out, or fetch the catalogue again"
YEARS = range(2010, 2100)  # AIA saw its first light in 2010
_NAME = re.compile(r"\w[\w.:+-]*", re.ASCII)


@dataclass(frozen=True)
class Entry:
    """A JSON object and where it stands, which every message names.

    Attributes:
        values: Of the object.
        where: File and entry, e.g. 'jets.json, entry 3 (sjh_2011-01-20T09_1)'.
        path: Of keys from the entry to this object, e.g. 'jets[2].start.'; empty at the entry.
    """

    values: Mapping[str, Any]
    where: str
    path: str = ""

    def fail(self, key: str, message: str) -> NoReturn:
        """Refuse the entry for the value of a key.

        Raises:
            ValueError: always.
        """
        raise ValueError(f"{self.where}: {self.path}{key}: {message}; {MEND}")

    def get(self, key: str) -> Any:
        """The value of a key that must be there.

        Raises:
            ValueError: if it is not.
        """
        if key not in self.values:
            raise ValueError(
                f"{self.where}: expected the key '{self.path}{key}', "
                f"got {', '.join(map(repr, self.values)) or 'no keys'}; {MEND}"
            )
        return self.values[key]

    def number(self, key: str) -> float:
        """A number; NaN where the file has NaN, null or 'nan'.

        Raises:
            ValueError: if it is missing, or no number.
        """
        value = self.get(key)
        if value is None or (isinstance(value, str) and value.strip().lower() == "nan"):
            return math.nan
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fail(key, f"expected a number, got {value!r}")
        try:
            return float(value)
        except OverflowError:
            self.fail(key, "expected a number, got one too large")

    def optional_number(self, key: str) -> float:
        """A number; NaN also where the key is missing.

        Raises:
            ValueError: if it is no number.
        """
        return self.number(key) if key in self.values else math.nan

    def text(self, key: str) -> str:
        """A text that is not blank, without the blanks around it.

        Raises:
            ValueError: if it is missing, blank or no text.
        """
        value = self.get(key)
        if not isinstance(value, str) or not value.strip():
            self.fail(key, f"expected a text, got {value!r}")
        return value.strip()

    def name(self, key: str) -> str:
        """A text of letters, digits and `_.:+-`, fit to name a file and an event.

        Raises:
            ValueError: if it is missing or anything else.
        """
        value = self.text(key)
        if not _NAME.fullmatch(value) or ".." in value:
            self.fail(key, f"expected letters, digits and _.:+- only, got {value!r}")
        return value

    def time(self, key: str) -> datetime:
        """An aware time in UTC; the catalogue's times name no zone and are UTC.

        Raises:
            ValueError: if it is missing or no time since AIA's first light.
        """
        value = self.text(key)
        try:
            result = datetime.fromisoformat(value)
            if result.tzinfo is None:
                result = result.replace(tzinfo=UTC)
            result = result.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(key, f"expected a time in ISO 8601, got {value!r}")
        if result.year not in YEARS:
            self.fail(key, f"expected a time since {YEARS[0]}, got {value!r}")
        return result

    def point(self, key: str) -> NDArray[np.float64]:
        """float64 [2]: numbers `x` and `y` of the object below a key; see `number`."""
        part = self.part(key)
        return np.array([part.number("x"), part.number("y")])

    def part(self, key: str) -> Entry:
        """The object below a key.

        Raises:
            ValueError: if it is missing or no object.
        """
        value = self.get(key)
        if not isinstance(value, dict):
            self.fail(key, f"expected an object, got {type(value).__name__}")
        return Entry(value, self.where, f"{self.path}{key}.")

    def parts(self, key: str) -> list[Entry]:
        """The objects in the list below a key, at least one.

        Raises:
            ValueError: if it is missing, or no list of objects, or empty.
        """
        values = self.get(key)
        if not isinstance(values, list) or not values:
            self.fail(key, f"expected a list of objects, got {str(values)[:40]}")
        for index, value in enumerate(values):
            if not isinstance(value, dict):
                self.fail(f"{key}[{index}]", f"expected an object, got {type(value).__name__}")
        return [
            Entry(value, self.where, f"{self.path}{key}[{index}].")
            for index, value in enumerate(values)
        ]
