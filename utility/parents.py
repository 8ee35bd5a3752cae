"""Pictures are split before they are distorted, and what looks alike stays on one side.

Fingerprints are difference hashes: whether each pixel of a small grey picture is brighter than its
left neighbour (Krawetz, "Kind of Like That", 2013), here of 16 × 16 comparisons. They hardly change
when a picture is compressed or resized.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

BITS = 256
# Of 256. Of 120 COCO pictures no two differ in fewer than 76; the same ones half as large differ in
# 29 at most, at JPEG quality 30 in 28, at 10 in 30 (95 %) to 56.
NEAR = 48
TEST_SHARE = 0.2
VAL_SHARE = 0.1  # of what is not tested
_AT_ONCE = 1024


def fingerprint(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The difference hash of a picture uint8 [H, W] or [H, W, 3]: bool [256]."""
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (17, 16), interpolation=cv2.INTER_AREA).astype(np.int16)
    return (small[:, 1:] > small[:, :-1]).ravel()


def fingerprints(paths: Sequence[Path]) -> NDArray[np.bool_]:
    """The hashes of picture files: bool [I, 256].

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if one cannot be decoded.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.array(list(pool.map(_of_file, paths)), dtype=bool).reshape(-1, BITS)


def near_duplicates(hashes: NDArray[np.bool_], most: int = NEAR) -> list[tuple[int, int]]:
    """The pairs of pictures whose hashes differ in at most `most` of their bits.

    Args:
        hashes: bool [I, 256].
        most: bits.
    """
    signs = np.where(hashes, 1, -1).astype(np.float32)
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(signs), _AT_ONCE):
        # Of two rows of signs the product is 256 - 2 · (bits that differ).
        near = signs[start : start + _AT_ONCE] @ signs[start:].T >= BITS - 2 * most
        first, second = np.nonzero(np.triu(near, k=1))
        pairs += zip((first + start).tolist(), (second + start).tolist(), strict=True)
    return pairs


def split_parents(
    image_ids: NDArray[np.int64],
    groups: Sequence[str | None],
    alike: Sequence[tuple[int, int]],
    seed: int,
    test_share: float = TEST_SHARE,
    val_share: float = VAL_SHARE,
) -> NDArray[np.str_]:
    """The split of each source picture, which all that is made of it follows.

    Pictures of a group (a building, a video) and those that look alike stay together. The side is
    drawn from the seed and the smallest image id among them, so that further pictures move no
    others, unless they join them.

    Args:
        image_ids: int64 [I].
        groups: I names, None where a picture is in none.
        alike: pairs of places, see `near_duplicates`.
        seed: another seed, another split.
        test_share: of all pictures, about.
        val_share: of those that are not tested, about.

    Returns:
        [I] of 'train', 'val', 'test'; of few pictures a side can stay empty.

    Raises:
        ValueError: if a share is out of range.
    """
    if not (0 < test_share < 1 and 0 < val_share < 1):
        raise ValueError(f"shares must lie between 0 and 1, got {test_share} and {val_share}")
    first = _first_of_each(image_ids, groups, alike)
    sides = {i: _side(seed, i, test_share, val_share) for i in np.unique(first).tolist()}
    return np.array([sides[i] for i in first.tolist()])


def _first_of_each(
    image_ids: NDArray[np.int64],
    groups: Sequence[str | None],
    alike: Sequence[tuple[int, int]],
) -> NDArray[np.int64]:
    """The smallest image id that each picture is tied to."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    members: dict[str, list[int]] = {}
    for place, name in enumerate(groups):
        if name is not None:
            members.setdefault(name, []).append(place)
    ties = [*alike, *(tie for places in members.values() for tie in pairwise(places))]
    ends = np.array(ties, dtype=np.int64).reshape(-1, 2).T
    count = len(image_ids)
    graph = coo_array((np.ones(ends.shape[1], dtype=bool), (ends[0], ends[1])), (count, count))
    _, component = connected_components(graph, directed=False)
    smallest = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(smallest, component, image_ids)
    return smallest[component]


def _side(seed: int, image_id: int, test_share: float, val_share: float) -> str:
    drawn = [_uniform(f"{seed}\t{image_id}\t{question}") for question in ("test", "val")]
    if drawn[0] < test_share:
        return "test"
    return "val" if drawn[1] < val_share else "train"


def _uniform(text: str) -> float:
    """A number in [0, 1) that depends on a text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64


def _of_file(path: Path) -> NDArray[np.bool_]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such picture")
    # An eighth of the sides is all that a JPEG must be decoded to for this.
    flags = cv2.IMREAD_REDUCED_GRAYSCALE_8 | cv2.IMREAD_IGNORE_ORIENTATION
    grey = cv2.imdecode(np.fromfile(path, dtype=np.uint8), flags)
    if grey is None:
        raise ValueError(f"{path}: not a picture that can be decoded, or damaged")
    return fingerprint(grey.astype(np.uint8, copy=False))
