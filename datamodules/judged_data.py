"""What callbacks and reports ask of a data set, whatever makes batches of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.annotations.coco_annotations import CocoAnnotations
from datamodules.data_source import DataSource
from datamodules.encoded_bytes import file_bytes, mean_bits_per_pixel
from datamodules.picture import read_picture
from structures import ClassList

CLEAN = "clean"


class JudgedData:
    """Names, classes, truth and pictures of a data set, and the conditions that a test shows.

    Args:
        source: the data.
    """

    def __init__(self, source: DataSource) -> None:
        self._source = source
        self._selected: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """What reports call the data; begins with 'drawn' if and only if they are drawn."""
        return self._source.name

    @property
    def drawn(self) -> bool:
        """Whether the data are drawn, for no root was given."""
        return self._source.drawn

    @property
    def classes(self) -> ClassList:
        """The classes in the order of their labels, with the file's category ids."""
        return self._source.splits.classes

    @property
    def model_facts(self) -> dict[str, Any]:
        """What a model must be told of the data."""
        return {
            "class_names": list(self.classes.names),
            "category_ids": list(self.classes.category_ids),
        }

    @property
    def observation(self) -> dict[str, Any]:
        """What `data.json` is to say of how the training pictures were taken."""
        return {}

    @property
    def split_hash(self) -> str:
        """The sha256 of which picture stands in which split."""
        return self._source.splits.hash

    @property
    def test_split(self) -> str:
        """'test', or 'val' for data that came split into train and val alone, as COCO does."""
        return self._source.splits.test_split

    @property
    def conditions(self) -> tuple[str, ...]:
        """The names of the forms in which a test shows each picture; 'clean', as stored, first."""
        return (CLEAN,)

    def skipped_in(self, split: str) -> dict[int, str]:
        """Image id -> fault of the pictures that were left out of 'train', 'val' or 'test'."""
        return self._source.splits.skipped(split)

    @property
    def selected_conditions(self) -> tuple[str, ...]:
        """The condition of each loader of `test_dataloader`; all, unless some were selected."""
        return self.conditions if self._selected is None else self._selected

    def select_conditions(self, names: Sequence[str]) -> None:
        """Choose the conditions that are tested from now on, and their order.

        Raises:
            ValueError: if a name is none of `conditions`.
        """
        for name in names:
            self._require_condition(name)
        self._selected = tuple(names)

    def bits_per_pixel(
        self, condition: str, image_ids: NDArray[np.int64] | None = None
    ) -> float | None:
        """The mean over test pictures of 8 · bytes / (H · W), bytes of the files for 'clean'.

        Args:
            condition: one of `conditions`.
            image_ids: int64 [I], the pictures; all where absent.

        Returns:
            None for conditions that are no files.

        Raises:
            ValueError: if there is no such condition.
        """
        data = self.annotations("test")
        known = data.image_ids
        indices = np.flatnonzero(np.isin(known, known if image_ids is None else image_ids))
        sizes = self.encoded_bytes(condition, indices)
        return None if sizes is None else mean_bits_per_pixel(data, indices, sizes)

    def encoded_bytes(
        self, condition: str, indices: NDArray[np.int64] | None = None
    ) -> NDArray[np.int64] | None:
        """The sizes of test pictures as files.

        Args:
            condition: one of `conditions`.
            indices: int64 [I], places in `annotations("test")`; all where absent.

        Returns:
            int64 [I], or None for conditions that are no files.

        Raises:
            ValueError: if there is no such condition.
        """
        self._require_condition(condition)
        if condition != CLEAN:
            return None
        data = self.annotations("test")
        return file_bytes(data, np.arange(len(data)) if indices is None else indices)

    def annotations(self, split: str) -> CocoAnnotations:
        """The checked annotations of 'train', 'val' or 'test', without skipped pictures."""
        return self._source.splits.annotations(split)

    def keep_pictures(self, split: str, image_ids: NDArray[np.int64]) -> None:
        """Leave all other pictures out of a split from now on."""
        self._source.splits.keep(split, image_ids)

    def data_digest(self, split: str = "test") -> str:
        """The sha256 of all that a split is judged on: files' bytes, ids and annotations."""
        return self._source.splits.digest(split)

    def ground_truth(self, split: str) -> dict[str, Any]:
        """A split as a complete COCO document with the file's category ids, for evaluation."""
        return self.annotations(split).ground_truth()

    def picture(self, image_id: int, condition: str = CLEAN) -> NDArray[np.uint8]:
        """A picture of any split in one of the `conditions`: uint8 [H, W, 3] RGB.

        Raises:
            ValueError: if there is no such picture or condition.
        """
        self._require_condition(condition)
        return read_picture(self._source.splits.path(image_id))

    def _require_condition(self, name: str) -> None:
        if name not in self.conditions:
            raise ValueError(
                f"{self.name} has no condition {name!r}; it has {', '.join(self.conditions)}"
            )
