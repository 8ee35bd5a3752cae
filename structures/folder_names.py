"""Short names for folders that stand side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def distinct_ends(folders: Sequence[Path], setting: str) -> list[str]:
    """The shortest ends of the folders' paths that tell them apart, such as 'cmp' or 'a/cmp'.

    Args:
        folders: need not exist.
        setting: what named them, for the message.

    Raises:
        ValueError: if two are the same folder.
    """
    paths = [folder.resolve() for folder in folders]
    for length in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.parts[-length:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    raise ValueError(f"{setting} names a folder twice: {', '.join(map(str, folders))}")
