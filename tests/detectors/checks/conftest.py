"""Builds detectors that are broken in one way, to see that the right check finds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from detectors.checks import detector_checks
from structures import Batch


@pytest.fixture
def break_predict(toy_class: Any) -> Callable[..., type]:
    """A detector class whose predictions `change(detector, batch, predictions)` replaces."""

    def build(change: Callable[..., Any]) -> type:
        class Broken(toy_class):
            def predict(self, batch: Batch) -> Any:
                return change(self, batch, super().predict(batch))

        return Broken

    return build


@pytest.fixture
def break_losses(toy_class: Any) -> Callable[..., type]:
    """A detector class whose losses `change(detector, batch, losses)` replaces."""

    def build(change: Callable[..., Any]) -> type:
        class Broken(toy_class):
            def losses(self, batch: Batch) -> Any:
                return change(self, batch, super().losses(batch))

        return Broken

    return build


@pytest.fixture
def expect_found(make_toy: Any) -> Callable[[str, type], None]:
    """Expects that the check of a name finds fault with a class, and says so by its name."""

    def expect(name: str, broken: type) -> None:
        with pytest.raises(AssertionError, match=rf"^\[{name}\] "):
            dict(detector_checks())[name](make_toy(broken))

    return expect


@pytest.fixture
def names_of() -> Callable[[Any], list[str]]:
    """The names of the checks of a module, to see that each has a broken detector."""
    return lambda module: sorted(c.__name__.removeprefix("check_") for c in module.CHECKS)
