"""Which annotation files a data set's folder holds, and where the pictures of each lie."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

logger = logging.getLogger(__name__)

SPLITS = ("train", "val", "test")
WHOLE = "whole"  # stands for a split where one file holds all pictures
_OFFICIAL = re.compile(r"instances_(train|val|test)(\d*)\.json")


class AnnotationFile(NamedTuple):
    """A COCO file and the folder that its `file_name`s are relative to."""

    path: Path
    pictures: Path


def annotation_files(root: Path) -> dict[str, AnnotationFile]:
    """Find the annotation files of a data set.

    A root has one of four layouts: `annotations.json` beside the pictures; `instances.json` beside
    `images/`; `train.json`, `val.json` and `test.json` beside the pictures; or that of COCO's own
    archives, `annotations/instances_val2017.json` with the pictures in `val2017/`, of any year. Of
    the last two a split may be missing, though not all but train. A split of COCO's archives whose
    pictures are not there is left out, for annotations of train and val come in one archive.

    Returns:
        The file of each split, or the one file as `WHOLE`.

    Raises:
        FileNotFoundError: if the root or its annotation files are missing.
        ValueError: if the root has two layouts or years, or its pictures lie outside of it.
    """
    if not root.is_dir():
        raise FileNotFoundError(
            f"datamodule.root={root}: no such folder; give the folder of a data set, which holds "
            "annotations.json, or train.json and val.json, beside its pictures"
        )
    layouts = [found for found in (_single(root), _ready(root), _official(root)) if found]
    if not layouts:
        raise FileNotFoundError(
            f"{root}: holds neither annotations.json nor instances.json, val.json or "
            "annotations/instances_val<year>.json; make one with `python -m prepare.…` or give "
            "another datamodule.root"
        )
    if len(layouts) > 1:
        kinds = " and ".join(_names(root, files.values()) for files in layouts)
        raise ValueError(
            f"{root}: has both {kinds}; remove one kind, for only one can be the truth"
        )
    _require_something_to_judge(root, layouts[0])
    _require_inside(root, layouts[0].values())
    return layouts[0]


def _single(root: Path) -> dict[str, AnnotationFile]:
    present = [
        AnnotationFile(root / name, pictures)
        for name, pictures in (("annotations.json", root), ("instances.json", root / "images"))
        if (root / name).is_file()
    ]
    if len(present) > 1:
        raise ValueError(
            f"{root}: has both {' and '.join(file.path.name for file in present)}; remove one, for "
            "only one can be the truth"
        )
    return {WHOLE: present[0]} if present else {}


def _ready(root: Path) -> dict[str, AnnotationFile]:
    files = {split: AnnotationFile(root / f"{split}.json", root) for split in SPLITS}
    return {split: file for split, file in files.items() if file.path.is_file()}


def _official(root: Path) -> dict[str, AnnotationFile]:
    matches = [_OFFICIAL.fullmatch(path.name) for path in sorted((root / "annotations").glob("*"))]
    found = [(match[1], match[2], match[0]) for match in matches if match]
    if len({year for _, year, _ in found}) > 1:
        raise ValueError(
            f"{root / 'annotations'}: has annotations of several years, "
            f"{', '.join(name for _, _, name in found)}; move those of all but one year away"
        )
    files = {
        split: AnnotationFile(root / "annotations" / name, root / f"{split}{year}")
        for split, year, name in found
    }
    present = {split: file for split, file in files.items() if file.pictures.is_dir()}
    for split in files.keys() - present.keys() if present else ():
        logger.warning(
            "%s: no such folder, so %s is left out", files[split].pictures, files[split].path.name
        )
    return present or files  # without any, reading says which folder is missing


def _names(root: Path, files: Iterable[AnnotationFile]) -> str:
    return ", ".join(file.path.relative_to(root).as_posix() for file in files)


def _require_something_to_judge(root: Path, files: dict[str, AnnotationFile]) -> None:
    if list(files) == ["train"]:
        name = files["train"].path.name
        raise FileNotFoundError(
            f"{root}: has {name} and its pictures, but none for val or test; add them, or put "
            f"{name} beside its pictures as annotations.json to have it split"
        )


def _require_inside(root: Path, files: Iterable[AnnotationFile]) -> None:
    for _, pictures in files:
        if not pictures.resolve().is_relative_to(root.resolve()):
            raise ValueError(
                f"{pictures}: leads out of datamodule.root={root}, to {pictures.resolve()}; move "
                "the pictures there, or link the data set's whole folder instead"
            )
