"""Splits pictures into train, val and test so that no group stands on two sides."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence


def split_by_group(
    groups: Sequence[str], fractions: Mapping[str, float], seed: int
) -> dict[str, list[int]]:
    """Deal whole groups to splits so that the numbers of pictures come near their fractions.

    The larger groups are dealt first, each to the split that lacks most; equals in an order drawn
    from the seed. The result depends on the groups' names and sizes, not on their order.

    Args:
        groups: for each picture the name of its group (building, event, video).
        fractions: split -> its share of the pictures; the shares' sum must be 1.
        seed: another seed, another split.

    Returns:
        split -> indices of its pictures, ascending.

    Raises:
        ValueError: if the fractions are wrong or a split with a share would stay empty.
    """
    _check_fractions(fractions)
    sizes = Counter(groups)
    lacking = {split: share * len(groups) for split, share in fractions.items() if share > 0}
    side: dict[str, str] = {}
    for group in sorted(sizes, key=lambda group: (-sizes[group], _draw(seed, group))):
        side[group] = max(lacking, key=lambda split: lacking[split])
        lacking[side[group]] -= sizes[group]
    result: dict[str, list[int]] = {split: [] for split in fractions}
    for index, group in enumerate(groups):
        result[side[group]].append(index)
    empty = [split for split in lacking if not result[split]]
    if empty:
        raise ValueError(
            f"{len(sizes)} groups of {len(groups)} pictures cannot be split as {dict(fractions)}: "
            f"nothing is left for {', '.join(empty)}; give more groups or other "
            "datamodule.fractions"
        )
    return result


def split_digest(splits: Mapping[str, Sequence[str]]) -> str:
    """The sha256 of who stands where; the same for the same split in whatever order.

    Args:
        splits: split -> its pictures' names.
    """
    lines = sorted(f"{split}\t{name}" for split, names in splits.items() for name in names)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _draw(seed: int, group: str) -> bytes:
    return hashlib.sha256(f"{seed}\t{group}".encode()).digest()


def _check_fractions(fractions: Mapping[str, float]) -> None:
    shares = list(fractions.values())
    if min(shares, default=-1) < 0 or not math.isclose(sum(shares), 1.0, abs_tol=1e-6):
        raise ValueError(
            f"datamodule.fractions must be shares from 0 up with the sum 1, got {dict(fractions)}"
        )
