"""The pictures of a label set with their splits and sizes: the table `images.parquet`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datamodules.annotations.coco_annotations import CocoAnnotations
from datamodules.coco_distorted import CocoDistortedDataModule
from evaluation.conditions import Condition
from utility.parents import fingerprints, near_duplicates, split_parents
from utility.tables import IMAGES


@dataclass(frozen=True, eq=False)
class PictureTable:
    """Pictures that are split, whose sizes as files are not known yet.

    Attributes:
        data: the pictures.
        order: int64 [I], their places by ascending image id.
        split: [I], in the order of `data`.
        facts: `meta.json`.
    """

    data: CocoAnnotations
    order: NDArray[np.int64]
    split: NDArray[np.str_]
    facts: Mapping[str, Any]

    def with_sizes(self, datamodule: CocoDistortedDataModule) -> pa.Table:
        """The table, see `tables.IMAGES`; sizes that no loader has noted are found by encoding."""
        conditions = [Condition.from_name(name) for name in self.facts["conditions"]]
        sizes = [datamodule.encoded_bytes(name) for name in self.facts["conditions"]]
        none = np.full(len(self.data), -1)
        size = np.stack([none if s is None else s for s in sizes], axis=1)[self.order]
        area = (self.data.widths * self.data.heights)[self.order, None]
        bits = np.where(size < 0, np.nan, 8 * size / area)
        levels = len(conditions)
        quality = [c.level if c.kind == "jpeg" else -1 for c in conditions]
        columns: dict[str, Any] = {
            "image_id": np.repeat(self.data.image_ids[self.order], levels),
            "condition": self.facts["conditions"] * len(self.data),
            "kind": [c.kind for c in conditions] * len(self.data),
            "quality": np.tile(np.array(quality), len(self.data)),
            "split": np.repeat(self.split[self.order].astype(object), levels),
            "file": np.repeat(np.array(self._files(), dtype=object)[self.order], levels),
            "width": np.repeat(self.data.widths[self.order], levels),
            "height": np.repeat(self.data.heights[self.order], levels),
            "bytes": size.ravel(),
            "bpp": bits.ravel().astype(np.float32),
        }
        return pa.Table.from_arrays(
            [pa.array(columns[field.name], field.type) for field in IMAGES], schema=IMAGES
        )

    def _files(self) -> list[str]:
        root = self.facts["data"]["root"]
        paths = (self.data.path(index).resolve() for index in range(len(self.data)))
        return [path.relative_to(root).as_posix() for path in paths]


def picture_table(datamodule: CocoDistortedDataModule, facts: Mapping[str, Any]) -> PictureTable:
    """Split the pictures of a test.

    Args:
        datamodule: set up for a test.
        facts: `meta.json`, whose `split` has the arguments of `split_parents`.
    """
    data = datamodule.annotations("test")
    split = _split(data, facts["split"])
    return PictureTable(data, np.argsort(data.image_ids, kind="stable"), split, facts)


def keep_test_parents(datamodule: CocoDistortedDataModule, split: Mapping[str, Any]) -> None:
    """Leave nothing but the test side of what would be a label set's split.

    What is tied together stands on one side whole, so that a split of what is left is the same.

    Args:
        datamodule: set up for a test.
        split: the arguments of `split_parents`.

    Raises:
        ValueError: if no picture stands on that side.
    """
    data = datamodule.annotations("test")
    kept = data.image_ids[_split(data, split) == "test"]
    if not len(kept):
        raise ValueError(
            f"{datamodule.name}: none of {len(data)} pictures stands in the test split; label "
            "more, or raise split.test_share"
        )
    datamodule.keep_pictures("test", kept)


def _split(data: CocoAnnotations, arguments: Mapping[str, Any]) -> NDArray[np.str_]:
    hashes = fingerprints([data.path(index) for index in range(len(data))])
    return split_parents(data.image_ids, data.groups, near_duplicates(hashes), **arguments)
