from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datamodules.annotations.group_split import split_by_group, split_digest

SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}


@given(st.lists(st.integers(1, 6), min_size=30, max_size=60), st.integers(0, 5))
def test_groups_stay_together_and_shares_are_met(sizes: list[int], seed: int) -> None:
    groups = [f"g{i}" for i, size in enumerate(sizes) for _ in range(size)]
    splits = split_by_group(groups, SHARES, seed)
    assert sorted(i for indices in splits.values() for i in indices) == list(range(len(groups)))
    sides = [{groups[i] for i in indices} for indices in splits.values()]
    assert sum(map(len, sides)) == len(set().union(*sides))
    for split, share in SHARES.items():
        assert abs(len(splits[split]) - share * len(groups)) <= max(sizes)


def test_the_order_of_the_file_does_not_matter() -> None:
    groups = [f"g{i % 40}" for i in range(100)]
    names = [f"p{i}" for i in range(100)]
    order = random.Random(0).sample(range(100), 100)

    def split(order: list[int]) -> dict[str, set[str]]:
        splits = split_by_group([groups[i] for i in order], SHARES, seed=3)
        return {s: {names[order[i]] for i in indices} for s, indices in splits.items()}

    assert split(order) == split(list(range(100)))


def test_seeds_differ() -> None:
    groups = [str(i) for i in range(50)]
    assert split_by_group(groups, SHARES, 0) != split_by_group(groups, SHARES, 1)


def test_a_share_of_nothing_is_legal() -> None:
    splits = split_by_group(["a", "b", "c"], {"train": 0.0, "val": 0.0, "test": 1.0}, 0)
    assert splits == {"train": [], "val": [], "test": [0, 1, 2]}


def test_too_few_groups_are_refused() -> None:
    with pytest.raises(ValueError, match=r"1 groups of 9 pictures.*nothing is left for val, test"):
        split_by_group(["a"] * 9, SHARES, 0)


@pytest.mark.parametrize("train", [0.8, -0.1, float("nan")])
def test_wrong_shares_are_refused(train: float) -> None:
    with pytest.raises(ValueError, match=r"datamodule\.fractions.*sum 1"):
        split_by_group(["a", "b", "c"], SHARES | {"train": train}, 0)


def test_digest_depends_on_sides_only() -> None:
    digest = split_digest({"train": ["a", "b"], "val": ["c"]})
    assert digest == split_digest({"val": ["c"], "train": ["b", "a"]})
    assert digest != split_digest({"train": ["a"], "val": ["b", "c"]})
