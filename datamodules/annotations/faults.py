"""Collects what is wrong with a file, so that one run names many faults at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_SHOWN = 10


class Faults:
    """The faults of one file: all are counted, the first ten are told.

    Args:
        file: the file they were found in.
        mend: what the user can do about them.
    """

    def __init__(self, file: Path, mend: str) -> None:
        self.file = file
        self.mend = mend
        self.count = 0
        self.messages: list[str] = []

    def add(self, message: str) -> None:
        """Note one fault."""
        self.count += 1
        if len(self.messages) < _SHOWN:
            self.messages.append(message)

    def add_where(self, bad: NDArray[np.bool_], describe: Callable[[int], str]) -> None:
        """Note a fault for each true element; only those that will be told are described."""
        for index in np.flatnonzero(bad):
            if len(self.messages) == _SHOWN:
                break
            self.messages.append(describe(int(index)))
        self.count += int(bad.sum())

    def raise_any(self) -> None:
        """Raise `ValueError` with the collected messages, if there are any."""
        if self.count == 0:
            return
        more = self.count - len(self.messages)
        lines = [f"{self.file}: {self.count} fault{'s' if self.count > 1 else ''}."]
        lines += [f"  {message}" for message in self.messages]
        lines += [f"  … and {more} more"] if more else []
        raise ValueError("\n".join([*lines, self.mend]))
