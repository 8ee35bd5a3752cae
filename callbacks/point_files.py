"""The files of resume points in a run folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

LAST, BEFORE_LAST, BEST = "last.ckpt", "before_last.ckpt", "best.ckpt"


class PointFiles:
    """`last.ckpt`, the point before it, and the best checkpoint as it was at each of the two.

    A run killed after a better validation leaves a `best.ckpt` from a future that a resumed one
    has not seen. So each point keeps its own, as a second name of the same file, which takes no
    room unless a better one comes.

    Args:
        folder: the run folder.
    """

    def __init__(self, folder: Path) -> None:
        self.last = folder / LAST
        self.before_last = folder / BEFORE_LAST
        self._best = folder / BEST
        self._bests = folder / "resume"
        self._steps: list[int] = []

    def best_name(self, step: int) -> str | None:
        """What the point of this optimizer step calls its best checkpoint; None before one."""
        name = self._best_of(step)
        return name.name if name.exists() else None

    def keep_the_one_before(self, step: int) -> None:
        """Before a point of optimizer step `step` is written over `last.ckpt`."""
        if self._best.exists():
            self._bests.mkdir(exist_ok=True)
            _link(self._best, self._best_of(step))
        if self.last.exists():
            _link(self.last, self.before_last)
        self._steps = [*self._steps[-1:], step]

    def drop_old_bests(self) -> None:
        """Once a point is written: drop the best checkpoints of all but the last two."""
        if len(self._steps) < 2:
            return  # the point that this run was resumed from has one, too
        kept = {self._best_of(step) for step in self._steps}
        for file in set(self._bests.glob("best-*.ckpt")) - kept:
            file.unlink()

    def begin_from(self, point: Path, best: str | None) -> None:
        """On resuming from a point, make it the last one, with `best.ckpt` as it was then.

        Args:
            point: `last`, or `before_last` where the other is damaged.
            best: what the point calls its own.
        """
        if point == self.before_last:
            _link(self.before_last, self.last)
        if best is None:
            self._best.unlink(missing_ok=True)
        elif (self._bests / Path(best).name).is_file():
            _link(self._bests / Path(best).name, self._best)

    def remove(self) -> None:
        """All points, before a training that does not go on from them."""
        for file in (self.last, self.before_last):
            file.unlink(missing_ok=True)
        shutil.rmtree(self._bests, ignore_errors=True)

    def _best_of(self, step: int) -> Path:
        return self._bests / f"best-{step}.ckpt"


def _link(source: Path, target: Path) -> None:
    """Make `target` another name of a file, or a copy where the disk knows no such names."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:
        shutil.copyfile(source, temporary)
    temporary.replace(target)
