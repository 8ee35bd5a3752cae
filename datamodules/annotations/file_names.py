"""Keeps the pictures of an annotation file, which others wrote, inside their root."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from datamodules.annotations.json_rows import JsonRows


def check_file_names(images: JsonRows, file_names: Sequence[str], root: Path) -> None:
    """Note every file name that is no relative path inside the root, links followed.

    Args:
        images: the rows that the names are of; their `faults` get the notes.
        file_names: a name for each row.
        root: the root, itself with links followed.
    """
    inside: dict[Path, bool] = {}  # folders repeat; resolving each of them once is enough
    for index, name in enumerate(file_names):
        fault = None
        if "\0" in name or not _is_text(name):
            fault = "has characters that no file name has"
        elif PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor:
            fault = "is absolute"
        else:
            path = root / name
            folder = path.parent
            if folder not in inside:
                inside[folder] = folder.resolve().is_relative_to(root)
            if not inside[folder] or (
                path.is_symlink() and not path.resolve().is_relative_to(root)
            ):
                fault = f"leaves the root {root}"
        if fault:
            images.faults.add(
                f"{images.name(index)}: file_name {name!r} {fault}; it must be a path inside the "
                "root and relative to it"
            )


def _is_text(name: str) -> bool:
    """False for halves of characters, which JSON can hold but no file name can."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)
