"""The same work on many items, in as many processes as there are cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import cv2
from rich.console import Console
from rich.progress import track

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_processes(
    work: Callable[[Item], Result], items: Sequence[Item], title: str, workers: int | None = None
) -> Iterator[Result]:
    """Results in the order of the items, with a progress bar.

    Args:
        work: Can be pickled, as the items and the results can.
        items: At least one.
        title: Of the progress bar.
        workers: Processes; the number of usable cores by default.
    """
    workers = min(workers or _usable_cores(), len(items))
    # 0 and not 1, which waits for ever in a forked process whose parent has used OpenCV's threads.
    with ProcessPoolExecutor(workers, initializer=cv2.setNumThreads, initargs=(0,)) as pool:
        done = pool.map(work, items, chunksize=2)
        yield from track(done, title, len(items), console=Console(stderr=True))


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # what SLURM or taskset grants; not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
