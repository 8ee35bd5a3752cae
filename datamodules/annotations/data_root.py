"""Reads data sets as train, val and test: split by their authors, or here by group."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from datamodules.annotations.coco_annotations import CocoAnnotations, concatenate
from datamodules.annotations.coco_reader import read_coco
from datamodules.annotations.group_split import split_by_group
from datamodules.annotations.root_layout import SPLITS, WHOLE, annotation_files
from structures.folder_names import distinct_ends


def root_paths(
    root: str | Sequence[str] | None, draw: Callable[..., Path] | None, drawn_root: str | None
) -> list[Path]:
    """The folders to read: those given, or the one for drawn data.

    Raises:
        ValueError: if there is none.
    """
    if root is None:
        if draw is None or drawn_root is None:
            raise ValueError(
                "datamodule.root is missing: give the folder of a data set, or both "
                "datamodule.draw and datamodule.drawn_root to have data drawn"
            )
        return [Path(drawn_root)]
    roots = [root] if isinstance(root, str | Path) else list(root)
    if not roots:
        raise ValueError("datamodule.root is an empty list; give at least one folder")
    return [Path(folder).expanduser() for folder in roots]


def read_roots(
    roots: Sequence[Path],
    class_names: Sequence[str] | None,
    fractions: Mapping[str, float],
    seed: int,
    clip_boxes: bool = False,
) -> dict[str, CocoAnnotations]:
    """Read one or several data sets of the same classes as train, val and test.

    See `annotation_files` for what a root holds, and `read_coco` for class names and boxes. Those
    with a single file are split together, by the images' `group` or video (each still on its own
    where it has none). Ids that two files share are numbered anew.

    Returns:
        split -> its pictures; a split that nothing was found for is absent.

    Raises:
        FileNotFoundError: if a root or its annotation file is missing.
        ValueError: if a file is wrong, a root is given twice, or two files differ in their classes
            or share a group or picture across splits.
    """
    root_names(roots)  # refuses a folder given twice
    whole: list[CocoAnnotations] = []
    ready: dict[str, list[CocoAnnotations]] = {split: [] for split in SPLITS}
    for root in roots:
        for split, file in annotation_files(root).items():
            data = read_coco(file.path, file.pictures, class_names, clip_boxes)
            class_names = data.classes.names
            (whole if split == WHOLE else ready[split]).append(data)
    if whole:
        joined = concatenate(whole)
        for split, indices in split_by_group(_groups(joined), fractions, seed).items():
            if indices or split != "test":  # a share of 0 means that val is tested
                ready[split].append(joined.subset(indices))
    return _with_unique_ids({split: concatenate(parts) for split, parts in ready.items() if parts})


def root_names(roots: Sequence[Path]) -> list[str]:
    """The shortest ends of the roots' paths that tell them apart; see `distinct_ends`."""
    return distinct_ends(roots, "datamodule.root")


def _groups(data: CocoAnnotations) -> list[str]:
    """Group names that are unique over roots; a picture without a group is a group of its own."""
    names = root_names(data.roots)
    return [
        f"{names[root]}\tgroup\t{group}" if group is not None else f"{names[root]}\tfile\t{file}"
        for root, group, file in zip(data.root_index, data.groups, data.file_names, strict=True)
    ]


def _with_unique_ids(splits: dict[str, CocoAnnotations]) -> dict[str, CocoAnnotations]:
    """Check that the splits are apart; give all pictures ids of their own if any share one."""
    joined = concatenate(list(splits.values()))
    ends = np.cumsum([0, *map(len, splits.values())]).tolist()
    places = {split: range(*ends[i : i + 2]) for i, split in enumerate(splits)}
    names = _groups(joined)  # of all roots, so that equal names in two roots are told apart
    groups = {split: {names[i] for i in places[split]} for split in splits}
    for one, other in combinations(splits, 2):
        shared = sorted(groups[one] & groups[other])
        if shared:
            raise ValueError(
                f"{splits[one].roots[0]}: {len(shared)} groups or pictures stand in both {one} "
                f"and {other}, so scores would be too good; the first is "
                f"{shared[0].split(chr(9))[-1]!r}. Move each to one side."
            )
    return {split: joined.subset(places[split]) for split in splits}
