"""What a watch keeps on disk, so that it can be killed at any time and go on.

`state.json` says all that the watch knows, `frames.jsonl` has a line for each file that was dealt
with. A frame counts once the state that knows of it is written: what the journal has beyond the
length that the state names is cut off at the start.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.results_json import write_json

STATE, JOURNAL = "state.json", "frames.jsonl"


class WatchFiles:
    """The journal and the state of one watch.

    Args:
        folder: Made if need be.
        watched: What the watch is of, plain values; another watch may not go on in the folder.

    Attributes:
        done: Files that were dealt with, as the journal names them.

    Raises:
        ValueError: if the folder holds the state of another watch, or a file of it is damaged.
    """

    def __init__(self, folder: Path, watched: Mapping[str, Any]) -> None:
        self._state, self._journal = folder / STATE, folder / JOURNAL
        self._watched = dict(watched)
        folder.mkdir(parents=True, exist_ok=True)
        content = self._read()
        self.state: Any = content and content["watch"]
        self._length = self._cut(content["journal_bytes"] if content else 0)
        self.done = {entry["file"] for entry in self._entries()}

    def write(self, entries: Sequence[Mapping[str, Any]], state: Mapping[str, Any]) -> None:
        """Note files that were dealt with and what is known after them; both or nothing.

        Args:
            entries: Plain values with `file`.
            state: Plain values, given back as `state` after a restart.
        """
        lines = "".join(json.dumps(entry, allow_nan=False) + "\n" for entry in entries).encode()
        with self._journal.open("r+b") as file:
            file.seek(self._length)
            file.truncate()
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        length = self._length + len(lines)
        content = {"watched": self._watched, "journal_bytes": length, "watch": dict(state)}
        write_json(self._state, content)
        self._length = length
        self.done |= {entry["file"] for entry in entries}

    def _read(self) -> dict[str, Any] | None:
        if not self._state.is_file():
            return None
        try:
            content = json.loads(self._state.read_bytes())
            watched, length = content["watched"], content["journal_bytes"]
            known = isinstance(content["watch"], dict) and isinstance(watched, dict)
            if not known or type(length) is not int or length < 0:
                raise ValueError("values of another kind")
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{self._state}: not the state of a watch ({error!r}); remove it and {JOURNAL} to "
                "begin anew"
            ) from error
        for key, wanted in self._watched.items():
            if watched.get(key) != wanted:
                raise ValueError(
                    f"{self._state}: is of a watch with {key} {watched.get(key)!r}, not "
                    f"{wanted!r}; give hydra.run.dir= another folder, or the same settings again"
                )
        return content  # type: ignore[no-any-return]

    def _cut(self, length: int) -> int:
        self._journal.touch()
        there = self._journal.stat().st_size
        if there < length:
            raise ValueError(
                f"{self._journal}: has {there} bytes, but {STATE} knows of {length}; remove both "
                "to begin anew"
            )
        with self._journal.open("r+b") as file:
            file.truncate(length)
        return length

    def _entries(self) -> list[dict[str, Any]]:
        try:
            entries = [json.loads(line) for line in self._journal.read_bytes().splitlines()]
            if not all(isinstance(entry["file"], str) for entry in entries):
                raise ValueError("an entry without a file")
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{self._journal}: not the journal of a watch ({error!r}); remove it and {STATE} "
                "to begin anew"
            ) from error
        return entries
