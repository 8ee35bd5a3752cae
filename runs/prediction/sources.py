"""The pictures, videos and FITS frames that `predict.py source=…` means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from glob import glob  # takes absolute patterns, which Path.glob refuses
from pathlib import Path
from typing import NamedTuple

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
VIDEOS = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".mts", ".wmv"}
    | {".flv", ".3gp", ".gif"}
)
FITS = frozenset({".fits", ".fit", ".fts", ".fits.gz", ".fits.fz"})
_ENDINGS = (
    f"pictures end in {', '.join(sorted(PICTURES))}, videos in {', '.join(sorted(VIDEOS))}, "
    f"frames of the sun in {', '.join(sorted(FITS))}"
)


class Source(NamedTuple):
    """Pictures, videos or FITS frames, sorted by path; the other lists are empty."""

    pictures: list[Path]
    videos: list[Path]
    fits: list[Path]


def find_source(source: str) -> Source:
    """The files that a source means.

    Args:
        source: a picture, a video, a FITS frame, a folder of one kind (searched through its
            subfolders) or a glob pattern, in which `**` crosses folders.

    Raises:
        FileNotFoundError: if nothing is there, or nothing of it is of a kind that is known.
        ValueError: if it is a file of another kind, or means several kinds.
    """
    path = Path(source).expanduser()
    if path.is_file():
        found = _by_kind([path])
        if not any(found):
            raise ValueError(
                f"source={source}: not a picture or video by its name, nor a FITS frame; {_ENDINGS}"
            )
        return found
    if path.is_dir():
        found = _by_kind(_visible_below(path))
        what = f"the folder {path} holds no picture and no video, nor FITS frames"
    else:
        found = _by_kind(sorted(map(Path, glob(str(path), recursive=True))))  # noqa: PTH207
        what = f"no such file or folder, and nothing of a known kind fits it as a pattern: {source}"
    if not any(found):
        raise FileNotFoundError(f"source={source}: {what}; {_ENDINGS}")
    kinds = {name: files for name, files in found._asdict().items() if files}
    if len(kinds) > 1:
        told = " and ".join(f"{len(files)} {name}" for name, files in kinds.items())
        *_, last = kinds.values()
        raise ValueError(
            f"source={source}: means {told} "
            f"({', '.join(files[0].name for files in kinds.values())}, …); name one kind by a "
            f"pattern, such as '{path if path.is_dir() else path.parent}/*{last[0].suffix}'"
        )
    return found


def find_fits(folder: Path) -> list[Path]:
    """The FITS files of a folder and its subfolders, perhaps none, sorted by path.

    Raises:
        FileNotFoundError: if there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"source={folder}: no such folder")
    return _by_kind(_visible_below(folder)).fits


def _visible_below(folder: Path) -> list[Path]:
    """All that lies in a folder but for what is hidden, such as thumbnails and environments."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def frame_folders(pictures: Sequence[Path]) -> list[list[Path]]:
    """Pictures by folder, those of each in the order of the numbers in their names.

    Frame 2 comes before frame 10, whether they are called 0002 or 2.
    """
    by_folder: dict[Path, list[Path]] = {}
    for path in pictures:
        by_folder.setdefault(path.parent, []).append(path)
    return [sorted(frames, key=_natural_key) for frames in by_folder.values()]


def _by_kind(paths: Sequence[Path]) -> Source:
    files = [path for path in paths if path.is_file()]
    kinds = (PICTURES, VIDEOS, FITS)
    return Source(*([p for p in files if _ending(p) in kind] for kind in kinds))


def _ending(path: Path) -> str:
    """The suffix; of a compressed FITS file both."""
    name = path.name.lower()
    packed = [ending for ending in FITS if ending.count(".") > 1 and name.endswith(ending)]
    return packed[0] if packed else path.suffix.lower()


def _natural_key(path: Path) -> list[tuple[int, str]]:
    pieces = re.findall(r"\d+|\D+", path.name)
    return [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in pieces]
