"""Pictures that a preparation writes."""

from __future__ import annotations

from pathlib import Path

from structures.atomic_file import write_atomically


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
