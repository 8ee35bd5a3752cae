"""The pictures and videos that `predict.py source=…` means."""

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
_ENDINGS = f"pictures end in {', '.join(sorted(PICTURES))}, videos in {', '.join(sorted(VIDEOS))}"


class Source(NamedTuple):
    """Pictures or videos, sorted by path; the other list is empty."""

    pictures: list[Path]
    videos: list[Path]


def find_source(source: str) -> Source:
    """The files that a source means.

    Args:
        source: a picture, a video, a folder of either (searched through its subfolders) or a glob
            pattern, in which `**` crosses folders.

    Raises:
        FileNotFoundError: if nothing is there, or nothing of it is a picture or a video.
        ValueError: if it is a file of another kind, or means both pictures and videos.
    """
    path = Path(source).expanduser()
    if path.is_file():
        found = _by_kind([path])
        if not any(found):
            raise ValueError(f"source={source}: not a picture or video by its name; {_ENDINGS}")
        return found
    if path.is_dir():
        found = _by_kind(sorted(path.rglob("*")))
        what = f"the folder {path} holds no picture and no video"
    else:
        found = _by_kind(sorted(map(Path, glob(str(path), recursive=True))))  # noqa: PTH207
        what = f"no such file or folder, and no picture or video fits it as a pattern: {source}"
    if not any(found):
        raise FileNotFoundError(f"source={source}: {what}; {_ENDINGS}")
    if all(found):
        raise ValueError(
            f"source={source}: means {len(found.pictures)} pictures and {len(found.videos)} videos "
            f"({found.pictures[0].name}, {found.videos[0].name}, …); name one kind by a pattern, "
            f"such as '{path if path.is_dir() else path.parent}/*{found.videos[0].suffix}'"
        )
    return found


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
    return Source(*([p for p in files if p.suffix.lower() in kind] for kind in (PICTURES, VIDEOS)))


def _natural_key(path: Path) -> list[tuple[int, str]]:
    pieces = re.findall(r"\d+|\D+", path.name)
    return [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in pieces]
