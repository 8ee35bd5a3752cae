"""The pictures that `predict.py source=…` means."""

from __future__ import annotations

from glob import glob  # takes absolute patterns, which Path.glob refuses
from pathlib import Path

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})


def find_pictures(source: str) -> list[Path]:
    """The pictures of a source, sorted by path.

    Args:
        source: a picture, a folder (searched through its subfolders) or a glob pattern, in which
            `**` crosses folders.

    Raises:
        FileNotFoundError: if nothing is there, or nothing of it is a picture.
    """
    path = Path(source).expanduser()
    if path.is_file():
        return [path]
    if path.is_dir():
        found = sorted(p for p in path.rglob("*") if _is_picture(p))
        what = f"the folder {path} holds no picture"
    else:
        matches = map(Path, glob(str(path), recursive=True))  # noqa: PTH207
        found = sorted(p for p in matches if _is_picture(p))
        what = f"no such picture or folder, and no picture fits it as a pattern: {source}"
    if not found:
        raise FileNotFoundError(
            f"source={source}: {what}; pictures end in {', '.join(sorted(SUFFIXES))}"
        )
    return found


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file()
