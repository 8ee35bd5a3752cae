"""A label set: pictures under many conditions, and what detectors still found in each.

A folder with

- `meta.json`: all that the labels depend on (data, ladder, thresholds, detectors, versions);
- `images.parquet`: a row a picture and condition, see `tables.IMAGES`;
- `labels.parquet`: a row a detector, picture and condition, see `tables.LABELS`;
- `ground_truth.json`: the pictures' annotations, COCO;
- `detections/`: what each detector found, an `evaluation.detection_cache`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.detection_cache import CachedDetections, DetectionCache
from evaluation.results_json import read_truth
from utility.labels import unanimous
from utility.tables import (
    IMAGES,
    LABELS,
    SPLITS,
    by_detector,
    check_images,
    numpy_columns,
    read_meta,
    read_table,
    require_pictures,
)


@dataclass(frozen=True, eq=False)
class LabelSet:
    """R rows of pictures under conditions, with the labels of detectors.

    Attributes:
        folder: of the set.
        meta: what `meta.json` says.
        images: column -> [R], see `IMAGES`; texts as NumPy strings.
        labels: detector -> column -> [R], see `LABELS`, rows as in `images`.
        root: the folder that `file` is relative to.
    """

    folder: Path
    meta: Mapping[str, Any]
    images: Mapping[str, NDArray[Any]]
    labels: Mapping[str, Mapping[str, NDArray[Any]]]
    root: Path

    @classmethod
    def open(
        cls, folder: str | Path, root: str | Path | None = None, pictures: bool = True
    ) -> LabelSet:
        """Open and check a label set, which somebody else may have made.

        Args:
            folder: of the set.
            root: where the pristine pictures lie now; where they lay when it was built if None.
            pictures: whether the pristine pictures must be there.

        Raises:
            FileNotFoundError: if a file of the set or pristine pictures are missing.
            ValueError: if a file is damaged or they contradict each other.
        """
        folder = Path(folder).expanduser()
        meta = read_meta(folder)
        images = numpy_columns(read_table(folder / "images.parquet", IMAGES))
        check_images(images, meta, folder / "images.parquet")
        labels = numpy_columns(read_table(folder / "labels.parquet", LABELS))
        blocks = by_detector(labels, images, meta, folder / "labels.parquet")
        place = Path(str(meta["data"]["root"])) if root is None else Path(root).expanduser()
        if pictures:
            require_pictures(place, np.unique(images["file"]), folder)
        return cls(folder, meta, images, blocks, place)

    def __len__(self) -> int:
        return len(self.images["image_id"])

    @property
    def detectors(self) -> tuple[str, ...]:
        """The names of the detectors, in the order in which they were added."""
        return tuple(self.labels)

    def path(self, row: int) -> Path:
        """The pristine picture of a row."""
        return self.root / str(self.images["file"][row])

    def rows(self, split: str) -> NDArray[np.int64]:
        """The rows of 'train', 'val' or 'test', ascending.

        Raises:
            ValueError: if there is no such split.
        """
        if split not in SPLITS:
            raise ValueError(f"{self.folder}: no split {split!r}; there are {', '.join(SPLITS)}")
        return np.flatnonzero(self.images["split"] == split)

    def column(self, name: str, detectors: Sequence[str] | None = None) -> NDArray[Any]:
        """A column of the labels side by side: [R, D], D the detectors, all where None.

        Raises:
            ValueError: if the set has no such detector.
        """
        chosen = self._known(detectors)
        return np.stack([self.labels[detector][name] for detector in chosen], axis=1)

    def lost(self, detectors: Sequence[str] | None = None) -> NDArray[np.float32]:
        """Objects that detectors find in the pristine picture and not in this one: [R, D].

        What replacing the picture by its pristine version brings back; 0 where nothing was found.

        Raises:
            ValueError: if the set has no such detector.
        """
        kept = np.nan_to_num(self.column("m", detectors), nan=1.0)
        return (self.column("n_ref", detectors) * (1 - kept)).round().astype(np.float32)

    def combined(self, detectors: Sequence[str] | None = None) -> NDArray[np.int8]:
        """The labels on which detectors agree, see `unanimous`: int8 [R].

        Raises:
            ValueError: if they agree nowhere, or the set has no such detector.
        """
        common = unanimous(self.column("y", detectors))
        if (common < 0).all():
            raise ValueError(
                f"{self.folder}: no label is left on which {', '.join(self._known(detectors))} "
                "agree; combine fewer detectors, or build the set with more pictures or levels"
            )
        return common

    def detections(self, detector: str, condition: str) -> CachedDetections:
        """What a detector found under a condition.

        Raises:
            ValueError: if that is not in the set any more.
        """
        (name,) = self._known([detector])
        found = detection_cache(self.folder, self.meta["detectors"][name]).read(condition)
        if found is None:
            raise ValueError(
                f"{self.folder}: the detections of {detector} under {condition!r} are missing or "
                "were made otherwise; build the set again"
            )
        return found

    def truth(self) -> dict[str, Any]:
        """The annotations of all pictures as a COCO document."""
        return read_truth(self.folder / "ground_truth.json")

    def _known(self, detectors: Sequence[str] | None) -> tuple[str, ...]:
        chosen = self.detectors if detectors is None else tuple(detectors)
        unknown = [name for name in chosen if name not in self.labels]
        if unknown or not chosen:
            raise ValueError(
                f"{self.folder}: no labels of {unknown or 'no detector'}; there are those of "
                f"{', '.join(self.detectors)}"
            )
        return chosen


def detection_cache(folder: Path, key: Mapping[str, Any]) -> DetectionCache:
    """The detections of one detector of a label set; `key` as `meta.json` has it."""
    return DetectionCache(folder / "detections", key)
