"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a killed run, sees all of it or nothing.

    Args:
        path: Where to write; its folder is made when missing.
        content: The bytes of the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def place_picture(target: Path, picture: Path | bytes, link: bool) -> None:
    """Write one picture; one that an interrupted run left is replaced.

    Args:
        target: Where to write; its folder is made when missing.
        picture: The file to copy byte for byte, or the encoded bytes.
        link: Make a hard link to the file in place of a copy.
    """
    if isinstance(picture, bytes):
        write_atomically(target, picture)
    elif target.exists() and target.samefile(picture):
        return  # the pictures already lie where they belong
    elif link:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.hardlink_to(picture)
    else:
        write_atomically(target, picture.read_bytes())
