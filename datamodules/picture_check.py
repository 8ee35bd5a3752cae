"""Checks at the door that every picture can be read, before hours of training end on one."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from PIL import Image
from rich.progress import track

from datamodules.annotations.coco_annotations import CocoAnnotations

logger = logging.getLogger(__name__)

_SHOWN = 10
_PROGRESS_FROM = 2000
# How complete files end: JPEG's EOI marker; PNG's IEND chunk with its checksum.
_LAST_BYTES = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}


def readable(
    annotations: CocoAnnotations, what: str, skip_bad: bool
) -> tuple[CocoAnnotations, dict[int, str]]:
    """Look at every picture; stop on bad ones or leave them out.

    Args:
        annotations: the pictures.
        what: how messages call them.
        skip_bad: whether single bad pictures are left out, with a warning.

    Returns:
        The good pictures, and image id -> fault of the others.

    Raises:
        ValueError: if a picture is bad and `skip_bad` is false, or if all are.
    """
    faults = {index: fault for index, fault in enumerate(check_pictures(annotations)) if fault}
    if not faults:
        return annotations, {}
    shown = "\n  ".join(list(faults.values())[:_SHOWN])
    told = f"{what}: {len(faults)} of {len(annotations)} pictures are bad:\n  {shown}"
    if not skip_bad or len(faults) == len(annotations):
        raise ValueError(
            f"{told}\nMend or remove them, or set datamodule.on_bad_image=skip to leave single bad "
            "pictures out."
        )
    logger.warning("%s\nThey are left out.", told)
    good = [index for index in range(len(annotations)) if index not in faults]
    skipped = {int(annotations.image_ids[index]): fault for index, fault in faults.items()}
    return annotations.subset(good), skipped


def check_pictures(annotations: CocoAnnotations, indices: Sequence[int] | None = None) -> list[str]:
    """Look at every picture without decoding it where that is enough.

    Args:
        annotations: the data set.
        indices: pictures to look at; all where absent.

    Returns:
        For each of them what is wrong with it, file included, or an empty string. A picture must
        exist, have the size that the annotations say and be complete to its last byte.
    """
    wanted = range(len(annotations)) if indices is None else indices
    threads = min(16, 2 * (os.cpu_count() or 1))  # mostly waiting for the disk
    with ThreadPoolExecutor(threads) as pool:
        results = pool.map(partial(_fault_of, annotations), wanted, chunksize=64)
        return list(
            track(
                results,
                description="Checking pictures",
                total=len(wanted),
                transient=True,
                disable=len(wanted) < _PROGRESS_FROM,
            )
        )


def _fault_of(annotations: CocoAnnotations, index: int) -> str:
    path = annotations.path(index)
    expected = (int(annotations.widths[index]), int(annotations.heights[index]))
    name = f"{path} (image id {annotations.image_ids[index]})"
    try:
        with Image.open(path) as picture:
            if picture.size != expected:
                return (
                    f"{name}: is {picture.size[0]}x{picture.size[1]} pixels, "
                    f"its annotations say {expected[0]}x{expected[1]}"
                )
            _check_end(path, picture)
    except FileNotFoundError:
        return f"{name}: no such picture"
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        return f"{name}: damaged or cut short, or not a picture: {error}"
    return ""


def _check_end(path: Path, picture: Image.Image) -> None:
    """Raise `OSError` unless the file is complete; decode it only if its last bytes don't tell."""
    last = _LAST_BYTES.get(picture.format or "", b"")
    if last:
        with path.open("rb") as file:
            file.seek(-len(last), os.SEEK_END)
            if file.read() == last:
                return
    picture.load()
    if last not in path.read_bytes():  # bytes behind the end are harmless, a missing end is not
        raise OSError("its end is missing")
