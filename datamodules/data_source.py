"""Where a data set comes from: folders that were given, or one that is drawn."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from datamodules.annotations.checked_splits import CheckedSplits
from datamodules.annotations.data_root import read_roots, root_names, root_paths
from datamodules.annotations.root_layout import SPLITS

logger = logging.getLogger(__name__)

_FRACTIONS = {"train": 0.7, "val": 0.15, "test": 0.15}


class DataSource:
    """A data set that is drawn if need be, and read and split when it is first asked for.

    See `DetectionDataModule` for the arguments.

    Attributes:
        drawn: whether no root was given.
        skip_bad: whether bad pictures are left out.
        test_pictures: how many pictures are tested, see `CheckedSplits`; set it before the reading.
        clip_boxes: whether boxes are cut off at their frame's border; likewise.

    Raises:
        ValueError: if an argument is wrong or there is neither a root nor a way to draw.
    """

    def __init__(
        self,
        root: str | Sequence[str] | None,
        split_seed: int,
        fractions: Mapping[str, float] | None,
        on_bad_image: str,
        class_names: Sequence[str] | None,
        draw: Callable[..., Path] | None,
        drawn_root: str | None,
    ) -> None:
        if on_bad_image not in ("error", "skip"):
            raise ValueError(f"datamodule.on_bad_image must be error or skip, got {on_bad_image!r}")
        self._fractions = dict(fractions or _FRACTIONS)
        if set(self._fractions) != set(SPLITS):
            raise ValueError(f"datamodule.fractions needs {SPLITS}, got {list(self._fractions)}")
        self.drawn = root is None
        self.skip_bad = on_bad_image == "skip"
        self.test_pictures: int | None = None
        self.clip_boxes = False
        self._split_seed = split_seed
        self._class_names = None if class_names is None else list(class_names)
        self._roots = root_paths(root, draw, drawn_root)
        self._undrawn = draw if root is None else None
        self._splits: CheckedSplits | None = None

    @property
    def name(self) -> str:
        """What reports call the data; begins with 'drawn' if and only if they are drawn."""
        name = "+".join(root_names(self._roots))
        return name if name.startswith("drawn") or not self.drawn else f"drawn_{name}"

    @property
    def splits(self) -> CheckedSplits:
        """Train, val and test."""
        if self._splits is None:
            self.prepare()
            splits = read_roots(
                self._roots, self._class_names, self._fractions, self._split_seed, self.clip_boxes
            )
            self._splits = CheckedSplits(splits, self.name, self.skip_bad, self.test_pictures)
            logger.info(
                "%s: split %s, seed %d", self.name, self._splits.hash[:12], self._split_seed
            )
        return self._splits

    def prepare(self) -> None:
        """Draw the data unless that was done or a root was given."""
        if self._undrawn is not None:
            self._roots = [self._undrawn(destination=self._roots[0])]
            self._undrawn = None
