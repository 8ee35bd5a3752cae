"""Class names and the ids that a data set's file uses for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_BACKGROUND = "__background__"


@dataclass(frozen=True, slots=True)
class ClassList:
    """Labels 1..C in order, with their names and the category ids of the annotation file.

    Category ids may have gaps (COCO uses 90 slots for 80 classes); labels never do.

    Raises:
        ValueError: if an id occurs twice, two names differ in case or surrounding spaces alone, a
            name is the background's, or there are not as many ids as names.
    """

    names: tuple[str, ...]
    category_ids: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.category_ids):
            raise ValueError(
                f"{len(self.names)} class names but {len(self.category_ids)} category ids: "
                f"{self.names} {self.category_ids}"
            )
        twice = sorted({i for i in self.category_ids if self.category_ids.count(i) > 1})
        if twice:
            raise ValueError(f"category id given twice: {', '.join(map(str, twice))}")
        _require_distinct(self.names)

    @classmethod
    def numbered(cls, names: Iterable[str]) -> ClassList:
        """Classes whose category ids are their labels, 1..C."""
        names = tuple(names)
        return cls(names, tuple(range(1, len(names) + 1)))

    def __len__(self) -> int:
        return len(self.names)

    def name(self, label: int) -> str:
        """The name of a label in 1..C."""
        return self.names[label - 1]

    def category_id(self, label: int) -> int:
        """The annotation file's id of a label in 1..C."""
        return self.category_ids[label - 1]


def _require_distinct(names: Iterable[str]) -> None:
    """Rows of published weights and scores are joined by name, so names must tell classes apart."""
    seen = {_BACKGROUND: "background, which detectors add themselves"}
    for name in names:
        plain = name.strip().casefold()
        if plain in seen:
            raise ValueError(
                f"class names collide: {name!r} and {seen[plain]}; rename one in the annotation "
                "file"
            )
        seen[plain] = repr(name)
