"""Input folders: pictures and label files that belong together by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from PIL import Image

PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


def files_by_stem(folder: Path, suffixes: Collection[str]) -> dict[str, Path]:
    """Files of some kinds in a folder and the folders below it.

    Args:
        folder: Where to look.
        suffixes: File endings in lower case, with the dot.

    Returns:
        Sorted paths by their name below `folder` without ending, with `/` between its parts.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it holds none of these files, or two that differ in their ending only.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in suffixes or path.name.startswith("."):
            continue
        stem = path.relative_to(folder).with_suffix("").as_posix()
        if stem in found:
            raise ValueError(f"{found[stem]} and {path} have the same name: rename or remove one")
        found[stem] = path
    if not found:
        raise ValueError(f"{folder}: expected files ending in {' '.join(sorted(suffixes))}")
    return found


def require_partners(
    have: Mapping[str, Path], partners: Mapping[str, Path], folder: Path, what: str
) -> None:
    """Check that every file has its partner.

    Args:
        have: Files by stem.
        partners: The files they need, by stem.
        folder: Where the partners were looked for.
        what: What a partner is, for the message.

    Raises:
        ValueError: If some have none; the first five are named.
    """
    lonely = [str(path) for stem, path in have.items() if stem not in partners]
    if lonely:
        more = f" and {len(lonely) - 5} more" if len(lonely) > 5 else ""
        raise ValueError(
            f"no {what} of the same name below {folder} for {', '.join(lonely[:5])}{more}: "
            "add it, or take these files out"
        )


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture as stored, before any EXIF rotation.

    Args:
        path: The picture; only its header is read.

    Raises:
        ValueError: If it is no readable picture.
    """
    try:
        with Image.open(path) as picture:
            return picture.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"{path}: not a readable picture ({error}): replace or remove it"
        ) from error


def read_text(path: Path) -> str:
    """Content of a text file.

    Args:
        path: A file in UTF-8, with or without a byte order mark.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not UTF-8.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 text ({error}): save it as UTF-8") from error


def read_names(path: Path) -> list[str]:
    """Class names, one on each line.

    Args:
        path: The file; blank lines at its end do not count.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If there is no name, a blank line between names, or a name twice.
    """
    names = [line.strip() for line in read_text(path).rstrip().splitlines()]
    for line, name in enumerate(names, start=1):
        if not name or name in names[: line - 1]:
            problem = f"{name!r} a second time" if name else "a blank line"
            raise ValueError(f"{path}, line {line}: expected a new class name, got {problem}")
    if not names:
        raise ValueError(f"{path}: expected a class name on each line, got none")
    return names
