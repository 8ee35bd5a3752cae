"""Detectors that do not learn are found by the check that is made for them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from detectors.checks import training


def idle_layer(honest: Any) -> type:
    class Broken(honest):
        def __init__(self, **arguments: Any) -> None:
            super().__init__(**arguments)
            self.network.idle = nn.Linear(2, 2)

    return Broken


def climbs(honest: Any) -> type:
    class Broken(honest):
        def losses(self, batch: Any) -> Any:
            return {name: 2 * v.detach() - v for name, v in super().losses(batch).items()}

    return Broken


def optimizer(make: Any) -> Any:
    """Breaks `configure_optimizers` with `make(detector)`."""

    def build(honest: Any) -> type:
        class Broken(honest):
            def configure_optimizers(self) -> Any:
                return make(self)

        return Broken

    return build


BROKEN = {
    "gradients_reach_every_parameter": idle_layer,
    "training_lowers_loss": climbs,
    "optimizer_step_changes_weights": optimizer(lambda m: torch.optim.SGD(m.parameters(), lr=0.0)),
    "one_optimizer_group_each": optimizer(
        lambda m: torch.optim.SGD(m.network.head.parameters(), lr=0.1)
    ),
}


def test_every_check_has_a_broken_detector(names_of: Any) -> None:
    assert sorted(BROKEN) == names_of(training)


@pytest.mark.parametrize("name", BROKEN)
def test_the_fault_is_found(name: str, toy_class: Any, expect_found: Any) -> None:
    expect_found(name, BROKEN[name](toy_class))


def test_a_step_that_ends_in_infinity_is_found(toy_class: Any, expect_found: Any) -> None:
    broken = optimizer(lambda m: torch.optim.SGD(m.parameters(), lr=float("inf")))
    expect_found("optimizer_step_changes_weights", broken(toy_class))


def test_a_layer_behind_one_that_starts_at_zero_is_reached(make_toy: Any) -> None:
    module = make_toy()
    nn.init.zeros_(module.network.head.weight)
    training.check_gradients_reach_every_parameter(module)
