from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Protocol

import pytest
import torch

from runs.config.value_types import annotations_of, fits, in_words


class Colour(Enum):
    RED = 1


class Draws(Protocol):
    def draw(self) -> None: ...


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (1, int),
        (1, float),
        (1.5, float | torch.Tensor),
        (True, bool),
        (None, int | None),
        ("a", str),
        ("a", Path | None),
        ("red", Colour),
        ("a", Literal["a", "b"]),
        ([1, 2], Sequence[float]),
        (["a"], list[str]),
        ([1, 2], tuple[float, float]),
        ([1, None], Sequence[float | None]),
        ({"a": 1}, Mapping[str, float] | float),
        ({"_target_": "x.Y"}, timedelta),
        ("x", Any),
        (3, Draws),
        (3, "not resolved"),
    ],
)
def test_what_fits(value: object, annotation: object):
    assert fits(value, annotation)


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        ("abc", int),
        ("abc", int | None),
        ("abc", float | torch.Tensor),
        (1.5, int),
        (True, int),
        (1, bool),
        (1, str),
        (None, int),
        ("c", Literal["a", "b"]),
        ("window", Sequence[str]),
        (["a", "b"], Sequence[int]),
        (5, str | Sequence[str] | None),
        ({"a": "b"}, Mapping[str, float] | None),
        (0.5, Mapping[str, float] | None),
        ({"a": 1}, int),
        ([1], str),
        ("abc", Callable[[], int]),
    ],
)
def test_what_does_not_fit(value: object, annotation: object):
    assert not fits(value, annotation)


def test_names_that_only_a_type_checker_imports_are_left_alone():
    def function(a: "Nowhere") -> None:  # type: ignore[name-defined]  # noqa: F821
        del a

    assert annotations_of(function) == {}


def test_annotations_in_words():
    assert in_words(int | None) == "int | null"
    assert in_words(Sequence[str]) == "Sequence[str]"
