"""The splits of a data set, each looked at before its first use."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datamodules.annotations.coco_annotations import CocoAnnotations
from datamodules.annotations.data_root import root_names
from datamodules.annotations.group_split import split_digest
from datamodules.data_digest import content_digest
from datamodules.picture_check import readable
from structures import ClassList


class CheckedSplits:
    """Train, val and test, without the pictures that are bad.

    Args:
        splits: split -> its pictures, as `read_roots` returns them.
        name: how messages call the data set.
        skip_bad: whether bad pictures are left out, with a warning, instead of raising
            `ValueError`.
        test_pictures: how many pictures are tested, see `fixed_subset`; all where None.

    Attributes:
        test_split: 'test', or 'val' for data that came split into train and val alone.
        hash: the sha256 of which picture stands in which split.
    """

    def __init__(
        self,
        splits: Mapping[str, CocoAnnotations],
        name: str,
        skip_bad: bool,
        test_pictures: int | None = None,
    ) -> None:
        self.test_split = "test" if "test" in splits else "val"
        self._splits = dict(splits)
        if test_pictures is not None and self.test_split in splits:
            self._splits["test"] = fixed_subset(splits[self.test_split], test_pictures)
        self.hash = split_digest({split: _names(data) for split, data in self._splits.items()})
        self._name = name
        self._skip_bad = skip_bad
        self._skipped: dict[str, dict[int, str]] = {}
        self._digests: dict[str, str] = {}

    def __iter__(self) -> Iterator[str]:
        """The names of the splits that are there."""
        return iter(self._splits)

    @property
    def classes(self) -> ClassList:
        """The classes, of all splits."""
        return next(iter(self._splits.values())).classes

    def annotations(self, split: str) -> CocoAnnotations:
        """A split after its pictures were looked at, without those that are left out.

        Raises:
            ValueError: if there is no such split or a picture is bad.
        """
        place = self._place(split)
        if place not in self._skipped:
            good, bad = readable(self._splits[place], f"{self._name} {place}", self._skip_bad)
            self._splits[place], self._skipped[place] = good, bad
        return self._splits[place]

    def keep(self, split: str, image_ids: NDArray[np.int64]) -> None:
        """Leave all but these pictures out of a split; `hash` stays that of the whole.

        Raises:
            ValueError: see `annotations`.
        """
        data = self.annotations(split)
        place = self._place(split)
        self._splits[place] = data.subset(np.flatnonzero(np.isin(data.image_ids, image_ids)))
        self._digests.pop(place, None)

    def longest_video(self) -> int:
        """The number of frames of the longest video of all splits, before any look at pictures."""
        lengths = (len(v) for data in self._splits.values() for v in data.frames_by_video())
        return max(lengths, default=0)

    def skipped(self, split: str) -> dict[int, str]:
        """Image id -> fault of the pictures that a split was left without; {} before its use."""
        return self._skipped.get(self._place(split), {})

    def require_training(self) -> None:
        """Raise `ValueError` unless there is something to train on and something to validate."""
        if not {"train", "val"} <= self._splits.keys():
            there = [split for split in self._splits if split != "test" or self.test_split == split]
            raise ValueError(
                f"{self._name} can be judged on but not trained on: it has {' and '.join(there)} "
                "alone, and a training needs train and val; add the annotations and pictures that "
                "are missing, or give another datamodule.root"
            )

    def digest(self, split: str) -> str:
        """The sha256 of all that a split is judged on; see `content_digest`."""
        place = self._place(split)
        if place not in self._digests:
            self._digests[place] = content_digest(self.annotations(split))
        return self._digests[place]

    def path(self, image_id: int) -> Path:
        """The file of a picture of any split.

        Raises:
            ValueError: if no picture has this id.
        """
        for data in self._splits.values():
            for index in np.flatnonzero(data.image_ids == image_id):
                return data.path(int(index))
        raise ValueError(f"{self._name} has no image with id {image_id}")

    def _place(self, split: str) -> str:
        """Where the pictures of a split stand: those of 'test' in 'val' where val is tested."""
        place = split if split != "test" or split in self._splits else self.test_split
        if place not in self._splits:
            there = ", ".join(self._splits)
            raise ValueError(f"{self._name} has no split {split!r}; it has {there}")
        return place


def fixed_subset(data: CocoAnnotations, count: int) -> CocoAnnotations:
    """The `count` pictures whose file names have the smallest sha256, in the order of `data`.

    The choice depends on the names alone: other annotations, another order or a few pictures more
    change none or few of them. All pictures where there are no more than `count`.
    """
    keys = [(hashlib.sha256(name.encode()).digest(), i) for i, name in enumerate(data.file_names)]
    return data.subset(sorted(index for _, index in sorted(keys)[:count]))


def _names(data: CocoAnnotations) -> list[str]:
    roots = root_names(data.roots)
    return [
        f"{roots[root]}/{file}" for root, file in zip(data.root_index, data.file_names, strict=True)
    ]
